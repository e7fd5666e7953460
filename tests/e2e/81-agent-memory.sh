#!/bin/sh
# SPDX-License-Identifier: ISC
# The agent's memory: locked, not to be dumped, and without a trace of a key that has gone.
# shellcheck disable=SC1091 # lib.sh is checked by itself
. "${QSP_SRC:?}/tests/e2e/lib.sh"

command -v python3 >/dev/null || skip "no python3 to look through memory"
[ "$(id -u)" = 0 ] || skip "only root may look into the agent, which is the point"
TMPDIR=$TMP
export TMPDIR
unset XDG_RUNTIME_DIR 2>/dev/null || :

eval "$(SHELL=/bin/sh qssh-agent)" >/dev/null
pids="$pids $QSSH_AGENT_PID"
status="/proc/$QSSH_AGENT_PID/status"
grep -q -i "[at]san" "/proc/$QSSH_AGENT_PID/maps" && skip "a sanitizer does not let memory be locked"
[ "$(sed -n 's/^VmLck:[^0-9]*\([0-9]*\) kB/\1/p' "$status")" -gt 1024 ] ||
	fail "memory is not locked: $(grep Vm "$status")"
# Private_Dirty pages that could be swapped: none
swappable=$(awk '/^[0-9a-f]+-/ { rw = $2 ~ /^rw-p/; name = $0 } /^VmFlags:/ && rw && !/ lo / { print name }' \
    "/proc/$QSSH_AGENT_PID/smaps")
[ -z "$swappable" ] || fail "writable and not locked: $swappable"
[ "$(awk '/^[0-9a-f]+-/ { rw = $2 ~ /^rw-p/ } /^VmFlags:/ && rw && !/ dd / { n++ } END { print n + 0 }' \
    "/proc/$QSSH_AGENT_PID/smaps")" = 0 ] || fail "writable and dumpable: $(cat "/proc/$QSSH_AGENT_PID/smaps")"
expect "core dumps" 0 "$(sed -n 's/^Max core file size *\([^ ]*\).*/\1/p' "/proc/$QSSH_AGENT_PID/limits")"

# traces FILE PID: how many of the key's secrets are in memory
cat >"$TMP/look.py" <<'END'
import base64, re, sys

text = open(sys.argv[1], encoding="ascii").read()
ders = [base64.b64decode(b) for b in
        re.findall(r"-----BEGIN PRIVATE KEY-----\n(.*?)-----END", text, re.S)]
# what a PKCS#8 block of ours ends in: 32 bytes of X25519 or ML-DSA, 64 of ML-KEM
secrets = [ders[0][-32:]]
if len(ders) == 2:
    secrets += [ders[1][-64:-32], ders[1][-32:]]
found = set()
with open(f"/proc/{sys.argv[2]}/maps", encoding="utf-8") as maps, \
        open(f"/proc/{sys.argv[2]}/mem", "rb", 0) as mem:
    for line in maps:
        span, mode = line.split()[:2]
        if "r" not in mode or "[v" in line:
            continue
        lo, hi = (int(x, 16) for x in span.split("-"))
        mem.seek(lo)
        try:
            page = mem.read(hi - lo)
        except OSError:
            continue
        while len(page) < hi - lo:
            more = mem.read(hi - lo - len(page))
            if not more:
                break
            page += more
        # half of a secret is as bad as all of it
        found |= {i for i, s in enumerate(secrets) if s[:16] in page or s[16:] in page}
print(len(found), "of", len(secrets))
END
traces() { python3 "$TMP/look.py" "$1" "$2"; }

for t in kyber768 kyber1024 dilithium3 dilithium5; do
	key=$TMP/$t
	qssh-keygen -q -t $t -N '' -f "$key" </dev/null >/dev/null
	n=3
	case $t in dilithium*) n=1 ;; esac
	qssh-add -q "$key" || fail "add $t"
	expect "$t while it is there" "$n of $n" "$(traces "$key" "$QSSH_AGENT_PID")"
	qssh-add -T "$key.pub" || fail "use $t"
	qssh-add -q -d "$key" || fail "remove $t"
	expect "$t after -d" "0 of $n" "$(traces "$key" "$QSSH_AGENT_PID")"
done
# and by -D, and when its time is over
qssh-add -q "$TMP/kyber768"
qssh-add -T "$TMP/kyber768.pub" || fail "use"
qssh-add -q -D
expect "after -D" "0 of 3" "$(traces "$TMP/kyber768" "$QSSH_AGENT_PID")"
# a lifetime that is long enough to be looked at, however busy the machine
for life in 2 10 50; do
	qssh-add -q -t $life "$TMP/kyber768"
	while_alive=$(traces "$TMP/kyber768" "$QSSH_AGENT_PID")
	[ "$while_alive" != "3 of 3" ] || break
done
expires() { [ "$(traces "$TMP/kyber768" "$QSSH_AGENT_PID")" = "0 of 3" ]; }
expect "with a lifetime" "3 of 3" "$while_alive"
wait_for expires
# the process beside it never had any
qssh-add -q "$TMP/kyber768"
keeper=$(children "$QSSH_AGENT_PID" qssh-agent)
[ -n "$keeper" ] || fail "no second process"
expect "the keeper" "0 of 3" "$(traces "$TMP/kyber768" "$keeper")"
# nobody but root may trace it
expect "dumpable" 0 "$(stat -c %u "/proc/$QSSH_AGENT_PID/mem")"
qssh-agent -k >/dev/null
wait_for gone "$QSSH_AGENT_PID"
wait_for gone "$keeper"
