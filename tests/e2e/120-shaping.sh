#!/bin/sh
# SPDX-License-Identifier: ISC
# Every mode of shaping carries sessions, a paste of 1 MB each way, exit statuses and copies; and who
# asks for stealth where it is not to be had gets nothing else.
# shellcheck disable=SC1091,SC2119 # lib.sh is checked by itself; defaults
. "${QSP_SRC:?}/tests/e2e/lib.sh"

make_user_key
write_client_config
start_server
client true || fail "exec of true"
head -c 1000000 /dev/urandom >"$TMP/in"
says() { grep -q -e "$1" "$TMP/err" || fail "no '$1' in: $(cat "$TMP/err")"; }

# What ~I says on a terminal and then the end of input: info OPTION... COMMAND. The answer about shaping comes
# behind the terminal, and before an echo.
echoed() { grep -q echo "$TMP/out"; }
info() {
	: >"$TMP/out"
	{
		echo echo
		wait_for echoed
		printf '~I\004'
	} | client -tt -e '~' "$@" 2>"$TMP/err" >"$TMP/out"
}

# the class that a budget allows is fast enough for a test
modes='--padding=burst
--padding=max
--stealth
--stealth --budget=60000
--stealth=adaptive
-oObscureKeystrokeTiming=interval:5'
IFS='
'
for mode in $modes; do
	unset IFS
	rc=0
	# shellcheck disable=SC2086 # options
	out=$(client $mode -v 'echo out; echo err >&2; exit 7' 2>"$TMP/err") || rc=$?
	expect "status, $mode" 7 "$rc"
	expect "output, $mode" out "$out"
	says '^err$'
	case $mode in
	*interval*) grep -q 'Shaping:' "$TMP/err" && fail "a grid without a terminal" ;;
	*padding*) says 'Shaping: padding' ;;
	*60000) says 'Shaping: stealth, class 5 throughout' ;;
	*adaptive) says 'Shaping: stealth, adaptive, class 1 now: .*; at most class 5' ;;
	*)
		says 'Shaping: stealth, class 1 throughout: 1 cell each 25 ms, 29 kB/s'
		says 'Shaping: for more speed --budget=885 or more; or --stealth=adaptive'
		;;
	esac
	case $mode in *stealth* | *padding*) says '^ *cover  .* bytes, .* added latency' ;; esac
	# a terminal, what it costs, and a program that a signal ends
	rc=0
	# shellcheck disable=SC2086
	info $mode 'cat; kill -TERM $$' || rc=$?
	expect "killed, $mode" 255 "$rc"
	says '^ *shaping  '
	case $mode in
	*interval*) says 'keystrokes on a grid of 5 ms' ;;
	--stealth) says '^ *faster  *--budget=885 ' ;;
	*) says 'cover  .* bytes, .* added latency' ;;
	esac
	# classes 1 and below are made for typing
	case $mode in --stealth | *adaptive) continue ;; esac
	# shellcheck disable=SC2086
	client $mode cat <"$TMP/in" >"$TMP/back" || fail "1 MB, $mode"
	cmp "$TMP/in" "$TMP/back" || fail "1 MB, $mode"
	# shellcheck disable=SC2086
	"$QSP_BIN/qscp" -q -P "$PORT" $mode "$TMP/in" "127.0.0.1:$TMP/copy" || fail "qscp, $mode"
	cmp "$TMP/in" "$TMP/copy" || fail "qscp, $mode"
	rm "$TMP/copy"
done
unset IFS

# the grid is for terminals, and can be turned off
info cat || fail "cat on a terminal"
says 'keystrokes on a grid of 20 ms'
info -o ObscureKeystrokeTiming=no cat || fail "cat on a terminal"
says '^ *shaping *none'

# what is said is what is shown: shows LINES OPTION...
shows() {
	lines=$1
	shift
	qssh -G "$@" host >"$TMP/out" || fail "qssh -G $*"
	printf '%s\n' "$lines" | tr ',=' '\n ' >"$TMP/lines"
	while read -r line; do
		grep -qx "$line" "$TMP/out" || fail "$*: no '$line': $(cat "$TMP/out")"
	done <"$TMP/lines"
}
shows stealth=no,padding=none,budget=0,obscurekeystroketiming=yes
shows stealth=yes,budget=55 --stealth=strict --budget=55
shows stealth=adaptive --stealth=adaptive
shows stealth=adaptive -o Stealth=adaptive --stealth
shows stealth=yes,padding=max --stealth --padding=max
shows obscurekeystroketiming=interval:50 -o ObscureKeystrokeTiming=interval:50
for o in --stealth=often --padding=some --budget=much -oObscureKeystrokeTiming=interval:4; do
	expect "$o" 255 "$(status_of qssh -G "$o" host)"
	says 'unsupported value'
done

# stealth needs cells
expect "stealth and frames" 255 "$(status_of client --stealth -o Wire=frame true)"
says 'stealth needs cells'

# a server that allows less: stealth is not had for less, padding goes on without, and says so
stop_server
start_server 'Shaping grid,stealth:0' 'Shaping all'
expect "class, lowered" 0 "$(status_of client -v --stealth true)"
says 'Shaping: stealth, class 0 throughout'
says "Shaping: for more speed the server's Shaping would have to allow it"
expect "adaptive, lowered" 0 "$(status_of client -v --stealth=adaptive true)"
says 'Shaping: stealth, adaptive, class 0 now: .*; at most class 0'
expect "padding, not allowed" 0 "$(status_of client --padding=max true)"
says 'does not allow padding'
stop_server
start_server 'Shaping none'
expect "stealth, not allowed" 255 "$(status_of client --stealth "touch $TMP/done")"
says 'does not allow stealth'
[ ! -e "$TMP/done" ] || fail "the command ran"
expect "stealth, not allowed, -f" 255 "$(status_of client --stealth -f "touch $TMP/done")"
[ ! -e "$TMP/done" ] || fail "the command ran"
info cat || fail "cat on a terminal"
says '^ *shaping *none'
stop_server

for bad in often stealth:6 stealth: grid,,padding ''; do
	sed "s/^Shaping .*/Shaping \"$bad\"/" "$SERVER_CONFIG" >"$TMP/bad_config"
	expect "Shaping $bad" 1 "$(status_of qsshd -t -f "$TMP/bad_config")"
	says 'Shaping'
done
say "ok"
