#!/bin/sh
# SPDX-License-Identifier: ISC
# shellcheck disable=SC2119 # make_user_key has its defaults
# As a daemon: the command returns when the server is ready; systemd is told, and may bring the sockets.
. "${QSP_SRC:?}/tests/e2e/lib.sh"

make_user_key
SERVER_CONFIG=$TMP/qsshd_config
SERVER_LOG=$TMP/qsshd.log
export QSP_E2E="$TMP"

ready() {
	SERVER=$(cat "$TMP/qsshd.pid")
	pids="$pids $SERVER"
	PORT=$(sed -n 's/^Server listening on 127\.0\.0\.1 port \([0-9]*\)\.$/\1/p' "$SERVER_LOG" |
		tail -n 1)
}

# --- the command ends once the server listens, and the daemon is nobody's child
write_config
qsshd -f "$SERVER_CONFIG" -E "$SERVER_LOG" </dev/null || fail "the daemon did not start"
ready
alive "$SERVER" || fail "no daemon"
expect "login at a daemon" hello "$(client echo hello 2>/dev/null)"
expect "session of the daemon" "$SERVER" "$(ps -o sid= -p "$SERVER" | tr -d ' ')"
stop_server
[ ! -e "$TMP/qsshd.pid" ] || fail "the pid file is left"

# --- to syslog, through qsshd: there may be none here, and nothing may depend on it
qsshd -f "$SERVER_CONFIG" </dev/null || fail "the daemon with syslog did not start"
SERVER=$(cat "$TMP/qsshd.pid")
pids="$pids $SERVER"
stop_server

# --- one that cannot start says so by its exit
write_config "HostKey $TMP/authorized_keys"
rc=$(status_of qsshd -f "$SERVER_CONFIG" -E "$SERVER_LOG")
expect "a daemon without a host key" 1 "$rc"
nobody() { [ -z "$(ours)" ]; }
wait_for nobody

# --- systemd: sockets from descriptor 3 on, READY=1, STOPPING=1
command -v python3 >/dev/null || skip "no python3 for the part of systemd"
write_config "PidFile none"
cat >"$TMP/systemd.py" <<'END'
import os, socket, subprocess, sys
tmp, qsshd, config = sys.argv[1:]
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.bind(tmp + "/notify")
sock = socket.socket()
sock.bind(("127.0.0.1", 0))
sock.listen(16)
os.environ["NOTIFY_SOCKET"] = tmp + "/notify"
pid = os.fork()
if pid == 0:
    os.dup2(sock.fileno(), 3)
    os.set_inheritable(3, True)
    os.environ["LISTEN_PID"] = str(os.getpid())
    os.environ["LISTEN_FDS"] = "1"
    log = os.open(tmp + "/qsshd.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 2)
    os.execv(qsshd, ["qsshd", "-D", "-e", "-f", config])
notify.settimeout(120)
assert b"READY=1" in notify.recv(4096)
print(pid, sock.getsockname()[1], flush=True)
assert b"STOPPING=1" in notify.recv(4096)
assert os.waitpid(pid, 0)[1] == 0
END
python3 "$TMP/systemd.py" "$TMP" "$QSP_BIN/qsshd" "$SERVER_CONFIG" >"$TMP/where" 2>"$TMP/py.log" &
systemd=$!
pids="$pids $systemd"
wait_for test -s "$TMP/where"
read -r SERVER PORT <"$TMP/where"
pids="$pids $SERVER"
wait_log "^Server listening on 127.0.0.1 port $PORT\\.\$"
expect "login at a socket of systemd" hello "$(client echo hello 2>/dev/null)"
kill -TERM "$SERVER"
wait "$systemd" || fail "systemd was not told: $(cat "$TMP/py.log")"
say "ok"
