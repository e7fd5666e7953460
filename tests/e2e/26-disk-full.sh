#!/bin/sh
# SPDX-License-Identifier: ISC
# shellcheck disable=SC2119 # make_user_key has its defaults
# Things that go wrong around the server: no room for its log, its keys or its pid file, a port that is
# taken, host keys and secrets that are damaged. It says so, and does what can be done.
. "${QSP_SRC:?}/tests/e2e/lib.sh"

make_user_key
SERVER_LOG=$TMP/qsshd.log
SERVER_CONFIG=$TMP/qsshd_config

fails() {
	rc=$(status_of qsshd -D -e -f "$SERVER_CONFIG")
	expect "$1" 1 "$rc"
	grep -q "$2" "$TMP/err" || {
		cat "$TMP/err" >&2
		fail "$1: no '$2'"
	}
}

# --- a log on a full disk stops nobody
write_config
run_server
stop_server
port=$(sed -n 's/^Server listening on .* port \([0-9]*\)\.$/\1/p' "$SERVER_LOG" | tail -n 1)
write_config "Port $port" 'LogLevel DEBUG3'
env QSP_E2E="$TMP" qsshd -D -E /dev/full -f "$SERVER_CONFIG" </dev/null 2>/dev/null &
SERVER=$!
pids="$pids $SERVER"
PORT=$port
wait_for test -s "$TMP/qsshd.pid"
expect "login with a full log" hello "$(client echo hello 2>/dev/null)"
stop_server

# --- the port is taken
write_config
run_server
write_config "Port $PORT" "PidFile $TMP/other.pid"
fails "a port that is taken" 'Bind to port .* on 127.0.0.1 failed: Address already in use'
client true || fail "the first server suffers"
stop_server

# --- damaged keys and secrets
write_config
cp "$TMP/host_key" "$TMP/whole"
head -c 100 "$TMP/whole" >"$TMP/host_key"
fails "a truncated host key" 'Host key '
: >"$TMP/host_key"
fails "an empty host key" 'Host key '
cp "$TMP/whole" "$TMP/host_key"
chmod 644 "$TMP/host_key"
fails "a host key that others can read" 'too open'
chmod 600 "$TMP/host_key"
cp "$TMP/host_key.secret" "$TMP/secret"
echo 'current 2030-01-01 abcd' >"$TMP/host_key.secret"
fails "a short secret" 'line 1: not 32 bytes of hex'
sed 's/current/previous/' "$TMP/secret" >"$TMP/host_key.secret"
fails "no current secret" 'no secret is current'
cp "$TMP/secret" "$TMP/host_key.secret"
chmod 600 "$TMP/host_key.secret"
run_server
client true || fail "login with the keys whole again"
stop_server

# --- no place for the first key
write_config 'HostKey /dev/full/host_key'
fails "no folder for the key" 'is not a folder'
write_config "HostKey $KEY.ml"
qssh-keygen -q -t dilithium3 -N '' -f "$KEY.ml" </dev/null || fail "key"
fails "a host key of the wrong type" 'is not a type for hosts'

# --- a pid file that cannot be written is said, and no more
write_config "PidFile $TMP/no/such/folder/pid"
run_server
wait_log "Couldn't create pid file"
client true || fail "login without a pid file"
say "ok"
