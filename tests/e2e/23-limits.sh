#!/bin/sh
# SPDX-License-Identifier: ISC
# shellcheck disable=SC2119 # make_user_key has its defaults
# MaxStartups, LoginGraceTime, MaxAuthTries, MaxSessions, and strangers without number.
. "${QSP_SRC:?}/tests/e2e/lib.sh"

make_user_key
mkfifo "$TMP/hold"

# holders N KIND: connections that stay until release
holders() {
	probe "$2" "$1" <"$TMP/hold" >"$TMP/holding" &
	holder=$!
	pids="$pids $holder"
	exec 9>"$TMP/hold"
	wait_for test -s "$TMP/holding"
}
release() {
	exec 9>&-
	wait "$holder" || fail "the holder of connections failed"
	rm -f "$TMP/holding"
}

# --- MaxStartups: full means nobody new, and room again when one leaves
start_server 'MaxStartups 3:100:3' 'LogLevel VERBOSE'
client true || fail "login"
holders 3 hold
rc=$(status_of client true)
expect "past MaxStartups" 255 "$rc"
wait_log 'past MaxStartups'
release
login() { client true; }
wait_for login

# --- peers that say nothing take no place from those who log in, and are let go at random
holders 40 quiet
client true || fail "login beside silent peers"
release
stop_server

# --- LoginGraceTime
start_server 'LoginGraceTime 1'
# on a busy machine a second may be over before M2 is there, or the login: then they are tried again
graced() {
	case $(probe wait) in
	'closed after '[1-9]*) ;;
	*) return 1 ;;
	esac
}
wait_for graced
wait_log '^Timeout before authentication for 127\.0\.0\.1 port [0-9]*$'
stands() { client 'sleep 2; echo alive' >"$TMP/out" 2>"$TMP/err"; }
wait_for stands
expect "after the grace time" alive "$(cat "$TMP/out")"
stop_server

# --- MaxAuthTries: the right key comes too late
for i in 1 2 3; do
	qssh-keygen -q -t kyber768 -N '' -f "$TMP/wrong$i" </dev/null || fail "key"
done
keys="-o IdentitiesOnly=yes -i $TMP/wrong1 -i $TMP/wrong2 -i $TMP/wrong3 -i $KEY"
try() {
	# shellcheck disable=SC2086
	qssh -F none -p "$PORT" $keys -o BatchMode=yes -o StrictHostKeyChecking=accept-new \
	    -o "UserKnownHostsFile=$KNOWN_HOSTS" -l "$USER_NAME" 127.0.0.1 true
}
start_server 'MaxAuthTries 6'
rc=$(status_of try)
expect "fourth key of six tries" 0 "$rc"
wait_log "^Failed publickey for $USER_NAME from 127.0.0.1 port [0-9]*: mlkem768x25519 SHA3:"
stop_server
start_server 'MaxAuthTries 2'
rc=$(status_of try)
expect "fourth key of two tries" 255 "$rc"
wait_log 'too many authentication failures'
stop_server

# --- MaxSessions 0: a login, but no session
start_server 'MaxSessions 0'
rc=$(status_of client true)
expect "MaxSessions 0" 255 "$rc"
say "ok"
