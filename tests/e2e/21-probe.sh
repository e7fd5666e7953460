#!/bin/sh
# SPDX-License-Identifier: ISC
# shellcheck disable=SC2119 # make_user_key has its defaults
# To whoever cannot send a good first message the server is a hole: it answers nothing, closes only
# when the peer does, and always in the same way [P4.4].
. "${QSP_SRC:?}/tests/e2e/lib.sh"

start_server 'LogLevel DEBUG' 'MaxStartups 100'

probe garbage || fail "garbage"
probe replay || fail "replayed first messages"
probe flips K || fail "first messages of layout K with one wrong byte"
probe flips T || fail "first messages of layout T with one wrong byte"

# The log says why, where the mark fitted, and does not let itself be filled.
wait_log '^Refused 127\.0\.0\.1 port [0-9]*: M1: wrong tag$'
wait_log '^Refused 127\.0\.0\.1 port [0-9]*: M1: replayed'
wait_log '^[0-9]* further refusals were not logged$'
lines=$(grep -c '^Refused ' "$SERVER_LOG")
[ "$lines" -lt 200 ] || fail "$lines lines about refusals"

# What was accepted stays refused when qsshd-net is killed, and when it is replaced.
mkfifo "$TMP/fifo"
replaced() {
	rm -f "$TMP/holding"
	probe again <"$TMP/fifo" >"$TMP/holding" &
	prober=$!
	pids="$pids $prober"
	exec 9>"$TMP/fifo"
	wait_for test -s "$TMP/holding"
	net=$(children "$SERVER" qsshd-net)
	"$@"
	wait_for gone "$net"
	exec 9>&-
	wait "$prober" || fail "a replay after: $*"
}
kill_net() { kill -9 "$net"; }
reload() { kill -HUP "$SERVER"; }
replaced kill_net
replaced reload

# A server that refuses first contacts is silent to those too.
stop_server
start_server 'FirstContact no'
make_user_key
rc=$(PATIENCE=1 status_of client true)
expect "first contact" 255 "$rc"
probe garbage || fail "garbage, without first contact"
say "ok"
