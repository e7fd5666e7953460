#!/bin/sh
# SPDX-License-Identifier: ISC
#
# [P4.7] What cannot be resumed ends, and soon: a key that was taken away, a session that is gone, a
# host that refuses; and a client that is away costs the server no more than is bounded.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${QSP_SRC:?}/tests/e2e/lib.sh"
# shellcheck source=cutter.sh
. "$QSP_SRC/tests/e2e/cutter.sh"

make_user_key
start_server 'MaxDetached 2:3'
start_cutter

told() { grep -q "$1" "$TMP/$2.err"; }

# A session that says that it is there, and stays: begin NAME [COMMAND]; sets PID_NAME
begin() {
	client "${2:-echo here; exec sleep 1000}" </dev/null >"$TMP/$1.out" 2>"$TMP/$1.err" &
	eval "pid_$1=$!"
	pids="$pids $!"
	wait_for test -s "$TMP/$1.out"
}

# It ends with 255: ends NAME
ends() {
	pid=$(eval "echo \$pid_$1")
	rc=0
	wait "$pid" || rc=$?
	expect "$1" 255 "$rc"
}

# The same, and it says why: ended NAME WHY
ended() {
	ends "$1"
	told 'without a proper end' "$1" || fail "$1 does not say that output may be missing"
	told "could not be resumed: $2" "$1" || fail "$1 does not say why: $(cat "$TMP/$1.err")"
}

# the key has been taken away
begin key
mv "$TMP/authorized_keys" "$TMP/taken"
: >"$TMP/authorized_keys"
net cut
ended key 'the server does not know it'
wait_log '^Resuming refused for '
mv "$TMP/taken" "$TMP/authorized_keys"

# too many are detached: the oldest of the user goes
net refuse
net hear
begin one
begin two
begin three
net refuse
net cut
wait_log 'Detached session .* too many are detached'
net hear
wait_for log_times 'Resumed user' 1

# the process that had the sessions is gone
begin orphan
for p in $(children "$SERVER" qsshd-net); do kill -KILL "$p"; done
ended orphan 'the server does not know it'

# nobody listens any more
begin refused
net refuse
net cut
ended refused 'the host refuses'
net hear

# it took too long, for us
CLIENT_OPTIONS='-o ResumeTimeout=1' begin hasty
before=$(log_count 'Detached user')
net freeze
net cut
ended hasty 'it took longer than ResumeTimeout'
net cut
net thaw
wait_for log_times 'Detached user' $((before + 1))

# a server that was killed, and another one in its place
begin old
before=$(log_count 'Detached user')
net refuse
net cut
wait_for log_times 'Detached user' $((before + 1))
kill -KILL "$SERVER"
wait_for gone "$SERVER"
client_port=$PORT
write_config 'ResumeTimeout 1'
run_server
net to "$PORT"
PORT=$client_port
net hear
ended old 'the server does not know it'

# it took too long, for the server: the program there has gone
begin late 'echo $$; exec sleep 1000'
net refuse
net cut
wait_log '^Detached session of user .* ended: '
wait_for gone "$(cat "$TMP/late.out")"
net hear
ended late 'the server does not know it'

# off, on either side: as ever
stop_server
write_config 'ResumeTimeout 0'
run_server
net to "$PORT"
PORT=$(sed -n 's/^port //p' "$TMP/net.out")
CLIENT_OPTIONS=-v begin off
net cut
ends off
if told 'trying again' off; then fail 'it tried again without a grant'; fi

say ok
