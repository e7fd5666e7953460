#!/bin/sh
# SPDX-License-Identifier: ISC
#
# [P4.7] A session outlives its connections: cut, ended, frozen, damaged, from another address.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${QSP_SRC:?}/tests/e2e/lib.sh"
# shellcheck source=cutter.sh
. "$QSP_SRC/tests/e2e/cutter.sh"

make_user_key
start_server
start_cutter
expect 'through the network' yes "$(client echo yes)"

# one program that lives through all of it: it answers each line
mkfifo "$TMP/in"
# shellcheck disable=SC2016 # for the shell over there
client 'while read -r line; do echo "got $line"; done; exit 7' <"$TMP/in" >"$TMP/out" \
    2>"$TMP/err" &
client_pid=$!
pids="$pids $client_pid"
exec 8>"$TMP/in"

told() { [ "$(tail -n 1 "$TMP/out")" = "got $1" ]; }

say_line() {
	echo "$1" >&8
	wait_for told "$1"
}

say_line one
net cut
resumed 1
say_line two

# in order as TCP sees it, but without CLOSE
net end
resumed 2
say_line three

# from another address; what was said meanwhile arrives
net from 127.0.0.2
net refuse
before=$(log_count 'Detached user')
net cut
wait_for log_times 'Detached user' $((before + 1))
echo four >&8
net hear
wait_for told four
resumed 3
wait_log '^Resumed user .* from 127\.0\.0\.2 port '

# damage on the way costs a connection, not the session
net flip
say_line five
resumed 4

# nor does damage to an attempt, here to its AUTH_REQUEST behind M1, which the server answers with CLOSE
net spoil 4000
net cut
say_line again
resumed 5

# an attempt that stands still is given up, and a second cut while it is resuming
net cut
net freeze
net cut
net thaw
net cut
say_line six

exec 8>&-
rc=0
wait "$client_pid" || rc=$?
expect 'its status' 7 "$rc"
printf 'got %s\n' one two three four five again six >"$TMP/wanted"
cmp "$TMP/wanted" "$TMP/out" || fail 'not each line once'
wait_for log_times 'Disconnected from user' 2
expect 'one login' 2 "$(log_count 'Accepted publickey')"

say ok
