#!/bin/sh
# SPDX-License-Identifier: ISC
# Stealth under adversity: clients that stop and go on, ends that are being covered when others come,
# a server short of descriptors, a reload, signs of life.
# shellcheck disable=SC1091,SC2034,SC2119 # lib.sh is checked by itself, and reads what is set here
. "${QSP_SRC:?}/tests/e2e/lib.sh"
. "$QSP_SRC/tests/e2e/recording.sh"

make_user_key
start_server 'MaxStartups 2:100:3' 'ClientAliveInterval 1' 'ClientAliveCountMax 2'
client true || fail "exec of true"
start_recorder
cells() { [ "$(grep -c "^[0-9]* $1 $2 [1-9]" "$TMP/wire")" -ge "$3" ]; }

# stopped and continued: slots that were missed are not made up for, and the session goes on
mkfifo "$TMP/in"
client -o HostKeyAlias=recorded --stealth cat <"$TMP/in" >"$TMP/out" &
sleeper=$!
pids="$pids $sleeper"
exec 8>"$TMP/in"
echo before >&8
echoed() { grep -qx "$1" "$TMP/out"; }
wait_for echoed before
qssh=$(children "$sleeper" qssh)
pids="$pids $qssh"
kill -STOP "${qssh:-$sleeper}"
wait_for cells 0 '>' "$(($(grep -c '^[0-9]* 0 > ' "$TMP/wire") + 60))" # a second and a half
kill -CONT "${qssh:-$sleeper}"
wait_for cells 0 '<' "$(($(grep -c '^[0-9]* 0 < ' "$TMP/wire") + 40))"
echo after >&8
wait_for echoed after
exec 8>&-
wait "$sleeper" || fail "the session did not survive"
cat >"$TMP/judge.py" <<'END'
import sys
rows = [r.split() for r in open(sys.argv[1])]
rows = [(int(r[0]) / 1e6, int(r[3])) for r in rows if r[1] == "0" and r[2] == "<"]
wide = max(range(1, len(rows)), key=lambda i: rows[i][0] - rows[i - 1][0])
gap = rows[wide][0] - rows[wide - 1][0]
assert gap > 1000, f"it was not stopped: the widest gap is {gap} ms"
after = sum(n for t, n in rows if rows[wide][0] <= t < rows[wide][0] + 200) // 768
assert after <= 200 / 25 * 1.75 + 3, f"{after} cells in the 200 ms after a stop"
END
python3 "$TMP/judge.py" "$TMP/wire" 2>"$TMP/err" || fail "$(tail -n 1 "$TMP/err")"
PORT=$SERVER_PORT

# ends that are being covered are not logins, and no clients that ought to answer
for i in 1 2 3 4 5; do
	client --stealth true || fail "stealth $i"
done
net=$(children "$SERVER" qsshd-net)
client 'sleep 3' || fail "a client while others linger"
log_has 'not responding' && fail "who lingers was asked for a sign of life"

# a reload lets them end; a stop does not wait
kill -HUP "$SERVER"
renewed() { [ "$(children "$SERVER" qsshd-net)" != "$net" ] && client --stealth true; }
wait_for renewed
stop_server
wait_for gone "$net"

# descriptors run out: a newcomer gets one of theirs
command -v prlimit >/dev/null || skip "no prlimit"
ENTER='prlimit --nofile=28:28'
start_server 'Workers 1'
ENTER=
net=$(children "$SERVER" qsshd-net)
spare=$((28 - $(find "/proc/$net/fd" -mindepth 1 | wc -l)))
i=0
while [ $i -lt $((spare + 2)) ]; do
	client --stealth true || fail "stealth $i with few descriptors"
	i=$((i + 1))
done
expect "the process" "$net" "$(children "$SERVER" qsshd-net)"
say "ok"
