# shellcheck shell=sh
# SPDX-License-Identifier: ISC
# For the scenarios of forwarding: peers, ports and clients that only forward.

command -v python3 >/dev/null || skip "no python3 for the ends of forwarded connections"

PYTHON=$(python3 -c "import sys; print(sys.executable)") # not by way of a wrapper
PEER_PROGRAM=$QSP_SRC/tests/e2e/helpers/peer.py
peer() { "$PYTHON" "$PEER_PROGRAM" "$@"; }

# peer_stays ARGUMENT...: in the background until the end; PEER is the process, not a shell before it.
peer_stays() {
	"$PYTHON" "$PEER_PROGRAM" "$@" &
	PEER=$!
	pids="$pids $PEER"
}

# serve ADDRESS HOW: sets SERVED, the port, and SERVER_OF_LAST, the process.
serve() {
	serves=$((${serves:-0} + 1))
	"$PYTHON" "$PEER_PROGRAM" serve "$1" "$TMP/served.$serves" "$2" \
	    2>>"$TMP/peer.log" &
	SERVER_OF_LAST=$!
	pids="$pids $!"
	wait_for test -s "$TMP/served.$serves"
	SERVED=$(cat "$TMP/served.$serves")
}

# A server, a key for it, and at port ECHO what says everything again: start_echo [CONFIG LINE]...
start_echo() {
	make_user_key
	start_server "$@"
	client true </dev/null || fail "no login"
	serve 127.0.0.1:0 echo
	# shellcheck disable=SC2034 # for the scenario
	ECHO=$SERVED
}

# A connection to a port that stands: what goes to descriptor 7 comes back into $TMP/piped.
start_pipe() {
	mkfifo "$TMP/in"
	"$PYTHON" "$PEER_PROGRAM" pipe "127.0.0.1:$1" <"$TMP/in" >"$TMP/piped" &
	pids="$pids $!"
	exec 7>"$TMP/in"
	echo one >&7
	wait_for grep -qx one "$TMP/piped"
}

# A port of loopback that nobody uses, of both families, nor will until the scenario's end.
free_port() {
	ports_used=$(($(cat "$TMP/ports.used") + 1))
	echo $ports_used >"$TMP/ports.used"
	sed -n "${ports_used}p" "$TMP/ports"
}
peer_stays ports 40 "$TMP/ports"
echo 0 >"$TMP/ports.used"
wait_for test -s "$TMP/ports"

# forward NAME OPTION...: a client that only forwards, in the background; NAME.err is what it says.
forward() {
	start_forward "$@"
	wait_for grep -q '^debug1: All forwarding requests have been answered.$' "$1.err"
}

# The same, not waited for.
start_forward() {
	forward_name=$1
	shift
	"$QSP_BIN/qssh" -v -F none -p "$PORT" -i "$KEY" -o BatchMode=yes \
	    -o StrictHostKeyChecking=accept-new -o "UserKnownHostsFile=$KNOWN_HOSTS" \
	    -l "$USER_NAME" -N "$@" 127.0.0.1 2>"$forward_name.err" </dev/null &
	printf '%s\n' $! >"$forward_name.pid"
	pids="$pids $!"
}

end_forward() {
	kill -TERM "$(cat "$1.pid")"
	wait_for gone "$(cat "$1.pid")"
}

# The same in the foreground, until it ends by itself.
forward_only() {
	"$QSP_BIN/qssh" -F none -p "$PORT" -i "$KEY" -o BatchMode=yes \
	    -o StrictHostKeyChecking=accept-new -o "UserKnownHostsFile=$KNOWN_HOSTS" \
	    -l "$USER_NAME" -N "$@" 127.0.0.1
}

# client_with "OPTIONS" COMMAND...
client_with() {
	CLIENT_OPTIONS=$1
	shift
	client "$@"
	CLIENT_OPTIONS=
}
