# shellcheck shell=sh
# SPDX-License-Identifier: ISC
#
# A network between qssh and qsshd that fails on command (helpers/cutter.c). After start_server:
#
#   start_cutter            client goes through it from here on
#   net cut                 one command, obeyed when it returns
#   resumed 3               waits until the server has resumed a third time

start_cutter() {
	mkfifo "$TMP/net"
	env QSP_E2E="$TMP" "$QSP_BIN/../tests/e2e-cutter" "$PORT" "${1:-1}" <"$TMP/net" \
	    >"$TMP/net.out" &
	pids="$pids $!"
	exec 7>"$TMP/net"
	wait_for grep -q '^port ' "$TMP/net.out"
	SERVER_PORT=$PORT
	PORT=$(sed -n 's/^port //p' "$TMP/net.out")
}

net_count() { grep -c "^$1" "$TMP/net.out" || :; }

net_said() { [ "$(net_count ok)" -ge "$1" ]; }

net() {
	oks=$(net_count ok)
	printf '%s\n' "$*" >&7
	wait_for net_said $((oks + 1))
}

log_count() { grep -c "^$1" "$SERVER_LOG" || :; }

log_times() { [ "$(log_count "$1")" -ge "$2" ]; }

resumed() { wait_for log_times 'Resumed user' "$1"; }
