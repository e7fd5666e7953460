#!/bin/sh
# SPDX-License-Identifier: ISC
# Stealth by way of a jump host or a program: what covers the end [P8.9] goes on behind it, and nobody
# waits for it.
# shellcheck disable=SC1091,SC2034,SC2317 # lib.sh is checked by itself, reads what is set here, calls what is
. "${QSP_SRC:?}/tests/e2e/lib.sh"
. "$QSP_SRC/tests/e2e/recording.sh"

make_user_key
start_server
client true || fail "exec of true"
hop=$PORT

# what the last hop, or the program, sends to the host passes the recorder
start_recorder
STEALTH="-o HostKeyAlias=recorded --stealth"
CLIENT_OPTIONS=$STEALTH
client true || fail "stealth"

sent() { grep -c "^[0-9]* $1 < [1-9]" "$TMP/wire" || :; }
over() { [ "$(grep -c "^[0-9]* $1 [<>] 0\$" "$TMP/wire")" -ge 1 ]; }
next=0
# The connection goes on behind the end of the program.
goes_on() {
	first=$(sent "$next")
	went_on() { over "$next" || [ "$(sent "$next")" -ge $((first + 40)) ]; }
	wait_for went_on
	! over "$next"
}
# Seldom the end is drawn so near that it is not seen, or the machine is so busy: then again.
seen() {
	"$@" || "$@" || "$@" || fail "$*: nothing follows the end, or it was waited for"
}

# a jump: whoever waits for all that has the output has it at once, and the status is the program's
by_jump() {
	next=$((next + 1))
	begun=$(date +%s)
	CLIENT_OPTIONS="$STEALTH -J $USER_NAME@127.0.0.1:$hop"
	expect "a jump" 'text 7 ' "$({ client 'echo text; exit 7' 2>&1 || echo $?; } | tr '\n' ' ')"
	[ $(($(date +%s) - begun)) -lt 20 ] && goes_on
}
seen by_jump

# any program, where nobody waits for what it says
cat >"$TMP/through" <<-END
	#!/bin/sh
	exec qssh -F none -p $hop -i $KEY -o BatchMode=yes -o UserKnownHostsFile=$KNOWN_HOSTS -l $USER_NAME \
	    -W "127.0.0.1:$PORT" 127.0.0.1
END
chmod 755 "$TMP/through"
by_program() {
	next=$((next + 1))
	CLIENT_OPTIONS="$STEALTH -o ProxyCommand=$TMP/through"
	expect "a program" 7 "$(status_of client 'exit 7')"
	goes_on
}
seen by_program

# where somebody may wait for it, it ends with us
awaited() {
	next=$((next + 1))
	begun=$(date +%s)
	expect "a program that is awaited" text "$(client 'echo text' 2>&1)"
	[ $(($(date +%s) - begun)) -lt 20 ]
}
seen awaited
ends() { over "$next"; }
wait_for ends

# with the server all of it ends
mine() {
	for p in /proc/[0-9]*; do
		if [ "$(cat "$p/comm" 2>/dev/null)" = qssh ] &&
		    { tr '\0' '\n' <"$p/environ"; } 2>/dev/null | grep -qx "HOME=$HOME"; then
			printf '%s\n' "${p#/proc/}"
		fi
	done
}
stop_server
left() { [ -z "$(mine)" ]; }
wait_for left
say "ok"
