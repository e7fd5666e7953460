#!/bin/sh
# SPDX-License-Identifier: ISC
# kill -9 of each process of the server at each stage of a connection: whatever belonged to it ends, the
# client says 255, no pty, descriptor or socket file is left, and the next login works.
# shellcheck disable=SC1091,SC2119,SC2317 # lib.sh is checked by itself; make_user_key has its defaults; stages are
# called by their names
if [ -z "${QSP_E2E_MOUNTS:-}" ] && [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	QSP_E2E_MOUNTS=1 exec unshare -m --propagation private sh "$0"
fi
. "${QSP_SRC:?}/tests/e2e/lib.sh"
command -v tmux >/dev/null || skip "no tmux"

# ptys of our own, so that they can be counted; where that is not permitted those of the machine are not
counted=
if [ -n "${QSP_E2E_MOUNTS:-}" ] && mount -t devpts -o ptmxmode=0666,mode=0620 devpts /dev/pts 2>/dev/null &&
    mount --bind /dev/pts/ptmx /dev/ptmx 2>/dev/null; then
	counted=yes
fi

make_user_key
mkfifo "$TMP/hold"
start_server 'PasswordAuthentication yes' 'LoginGraceTime 100'
expect "first login" hello "$(client echo hello 2>/dev/null)"

# A process and all that come from it.
family() {
	echo "$1"
	# shellcheck disable=SC2013 # numbers on one line
	for child in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
		family "$child"
	done
}

processes() {
	net=$(children "$SERVER" qsshd-net)
	auth=$(children "$SERVER" qsshd-auth)
	[ -n "$net" ] && [ -n "$auth" ]
}

# --- stages: each leaves connections and says in `clients` who waits for them, in `session` whose they are ---

stage_quiet() { hold 3 quiet; }
stage_handshake() { hold 3 hold; }
# connections of the prober, which ends when it is told to
hold() {
	rm -f "$TMP/holding"
	probe "$2" "$1" <"$TMP/hold" >"$TMP/holding" 2>/dev/null &
	holder=$!
	pids="$pids $holder"
	exec 9>"$TMP/hold"
	wait_for test -s "$TMP/holding"
}
# first messages that wait for the one who has the host key
stage_decapsulation() {
	kill -STOP "$auth"
	login true
	login true
	asked() { [ "$(ss -tnH state established "( sport = :$PORT )" 2>/dev/null | wc -l)" -ge 2 ]; }
	! command -v ss >/dev/null || wait_for asked
}
# a password is asked for
stage_password() {
	tmux -S "$TMP/tmux" -f /dev/null new-session -d -s e2e -x 200 -y 50 "env HOME='$HOME' '$QSP_BIN/qssh' \
	    -F none -p $PORT -o UserKnownHostsFile=$KNOWN_HOSTS -l $USER_NAME \
	    -o PreferredAuthentications=password 127.0.0.1 true"
	typist=$(tmux -S "$TMP/tmux" display-message -p '#{pid}')
	pids="$pids $typist"
	prompted() { tmux -S "$TMP/tmux" capture-pane -p -t e2e | grep -q 'password:'; }
	wait_for prompted
}
stage_pty() {
	login -tt "echo \$\$ >'$TMP/shell'; exec sleep 1000"
	find_session
	[ -z "$counted" ] || expect "a login's ptys" $((ptys + 1)) "$(count_ptys)"
}
stage_bulk() {
	login "echo \$\$ >'$TMP/shell'; cat /dev/zero & exec cat >/dev/null" </dev/zero
	find_session
	flows() { [ "$(sed -n 's/^wchar: //p' "/proc/$login/io")" -gt 2000000 ]; }
	wait_for flows
}

# a login in the background, whose standard input is ours and not, as the shell has it there, none
login() {
	exec 3<&0
	# shellcheck disable=SC2086 # as client does
	"$QSP_BIN/qssh" -F none -p "$PORT" -i "$KEY" -o BatchMode=yes \
	    -o "UserKnownHostsFile=$KNOWN_HOSTS" -o StrictHostKeyChecking=accept-new \
	    -l "$USER_NAME" 127.0.0.1 "$@" <&3 >/dev/null 2>"$TMP/login.err" &
	login=$!
	exec 3<&-
	pids="$pids $login"
	clients="$clients $login"
}
find_session() {
	wait_for test -s "$TMP/shell"
	session=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$(cat "$TMP/shell")/status")
}

# --- what must hold afterwards --------------------------------------------------------------------

count_ptys() { find /dev/pts -name '[0-9]*' | wc -l; }
no_ptys() { [ "$(count_ptys)" = "$ptys" ]; }
count_files() { find "/proc/$1/fd" -type l | wc -l; }
all_gone() {
	for p in "$@"; do
		gone "$p" || return 1
	done
}
# the server is three processes again, and no more
rested() { processes && [ "$(family "$SERVER" | wc -l)" = 3 ]; }

end_clients() {
	exec 9>&-
	# shellcheck disable=SC2086 # process ids
	[ -z "$clients$holder" ] || kill -TERM $clients $holder 2>/dev/null || :
	[ -z "$typist" ] || tmux -S "$TMP/tmux" kill-server 2>/dev/null || :
}

# try STAGE VICTIM
try() {
	clients='' session='' holder='' typist=''
	rm -f "$TMP/shell"
	wait_for rested
	ptys=$(count_ptys)
	say "$1: kill -9 $2"
	"stage_$1" </dev/null
	case $2 in
	qsshd) victim=$SERVER ;;
	qsshd-net) victim=$net ;;
	qsshd-auth) victim=$auth ;;
	qsshd-session) victim=$session ;;
	esac
	was=$(family "$SERVER" | grep -vx -e "$SERVER" -e "$net" -e "$auth" || :)
	kill -9 "$victim"
	kill -CONT "$auth" 2>/dev/null || :

	# a login that stands needs no qsshd-auth; every other victim takes it along
	if [ -n "$session" ]; then
		if [ "$2" = qsshd-auth ]; then
			expect "login with $2 killed at $1" next "$(client echo next 2>>"$TMP/err")"
			alive "$(cat "$TMP/shell")" || fail "a login at stage $1 ended with qsshd-auth"
		else
			rc=0
			wait "$login" || rc=$?
			expect "status of a client at stage $1 whose $2 was killed" 255 $rc
		fi
	fi
	if [ "$2" = qsshd ]; then
		wait "$SERVER" 2>/dev/null || :
		wait_for gone "$net"
		wait_for gone "$auth"
	elif [ "$2" != qsshd-session ]; then
		wait_for gone "$victim"
	fi
	[ "$2" != qsshd ] || run_server
	expect "next login after $2 at $1" next "$(client echo next 2>>"$TMP/err")"
	end_clients
	# shellcheck disable=SC2086 # process ids
	wait_for all_gone $was $clients
	[ -z "$counted" ] || wait_for no_ptys
	[ -z "$(find "$TMP" -type s ! -name tmux)" ] || fail "$2 at $1 left $(find "$TMP" -type s)"
}

for stage in quiet handshake decapsulation password pty bulk; do
	for who in qsshd-net qsshd-auth qsshd-session qsshd; do
		case $stage/$who in
		pty/* | bulk/*) ;;
		*/qsshd-session) continue ;; # there is none yet
		esac
		try $stage $who
	done
done

# what stays costs no descriptor: the same deaths once more leave the supervisor as it is
wait_for rested
before=$(count_files "$SERVER")
for who in qsshd-net qsshd-auth qsshd-session; do
	try pty $who
done
wait_for rested
as_before() { [ "$(count_files "$SERVER")" = "$before" ]; }
wait_for as_before
say "ptys counted: ${counted:-no}"
