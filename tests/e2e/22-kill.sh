#!/bin/sh
# SPDX-License-Identifier: ISC
# shellcheck disable=SC2119 # make_user_key has its defaults
# kill -9 of each process of the server, with a login in progress or standing: the others clean up, nothing
# of the user's is left running, and the next login works.
. "${QSP_SRC:?}/tests/e2e/lib.sh"

make_user_key
start_server 'LoginGraceTime 20'
expect "first login" hello "$(client echo hello 2>/dev/null)"

# A long login with a mark by which its processes are found: long_login [OPTION]
long_login() {
	mark=$(mktemp -u "$TMP/mark.XXXXXX")
	rm -f "$mark"
	# shellcheck disable=SC2086
	client ${1:-} "echo \$\$ >$mark; exec sleep 1000" >"$TMP/out" 2>"$TMP/err" </dev/null &
	login=$!
	pids="$pids $login"
	wait_for test -s "$mark"
	shell=$(cat "$mark")
	net=$(children "$SERVER" qsshd-net)
	auth=$(children "$SERVER" qsshd-auth)
	session=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$shell/status")
}

login_ends_255() {
	rc=0
	wait "$login" || rc=$?
	expect "status of a login whose $1 was killed" 255 "$rc"
	wait_for gone "$shell"
}

next_login() { expect "login after: $1" again "$(client echo again 2>>"$TMP/err")"; }

for pty in -T -tt; do
	long_login $pty
	kill -9 "$net"
	login_ends_255 "qsshd-net"
	wait_for gone "$session"
	next_login "qsshd-net"

	long_login $pty
	kill -9 "$session"
	login_ends_255 "qsshd-session"
	next_login "qsshd-session"

	long_login "$pty -o ResumeTimeout=0"
	kill -9 "$(children "$login" qssh)"
	wait "$login" 2>/dev/null || :
	wait_for gone "$shell"
	wait_for gone "$session"
	next_login "client"

	# a standing login outlives qsshd-auth
	long_login $pty
	kill -9 "$auth"
	next_login "qsshd-auth"
	alive "$login" || fail "a login ended with qsshd-auth"
	alive "$shell" || fail "a shell ended with qsshd-auth"
	kill -TERM "$shell"
	wait "$login" 2>/dev/null || :
	wait_for gone "$session"
done

# While logins are in the middle of the handshake: all that were asked come through or fail.
for who in qsshd-auth qsshd-net qsshd-auth; do
	logins=
	for i in 1 2 3 4 5 6; do
		PATIENCE=5 client "echo $i" >"$TMP/out.$i" 2>"$TMP/err.$i" </dev/null &
		logins="$logins $!"
	done
	pids="$pids $logins"
	kill -9 "$(children "$SERVER" $who)"
	for p in $logins; do
		wait "$p" || :
	done
	next_login "$who, during handshakes"
done

# qsshd itself: nobody is left.
long_login
kill -9 "$SERVER"
wait "$SERVER" 2>/dev/null || :
login_ends_255 "qsshd"
wait_for gone "$net"
wait_for gone "$session"
no_more() { [ -z "$(ours)" ]; }
wait_for no_more

# And SIGTERM ends it all, with a word to the client.
run_server
long_login
stop_server
login_ends_255 "server"
wait_for no_more
[ ! -e "$TMP/qsshd.pid" ] || fail "the pid file is left"
say "ok"
