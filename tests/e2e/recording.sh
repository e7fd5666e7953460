# shellcheck shell=sh
# SPDX-License-Identifier: ISC
#
# What is on the wire, with times, in $TMP/wire (helpers/record.py). After start_server:
#
#   start_recorder          SERVER_PORT is the server's now, PORT leads there past the recorder,
#                           which takes orders from descriptor 7

command -v python3 >/dev/null || skip "no python3 for the recorder"

start_recorder() {
	mkfifo "$TMP/orders"
	env QSP_E2E="$TMP" python3 "$QSP_SRC/tests/e2e/helpers/record.py" "$PORT" "$TMP/wire" \
	    <"$TMP/orders" >"$TMP/recorder" 2>"$TMP/recorder.log" &
	pids="$pids $!"
	exec 7>"$TMP/orders"
	# shellcheck disable=SC2317 # wait_for calls it
	recording() { [ -s "$TMP/recorder" ]; }
	wait_for recording
	# shellcheck disable=SC2034 # for the scenario
	SERVER_PORT=$PORT
	PORT=$(cat "$TMP/recorder")
}
