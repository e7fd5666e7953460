#!/bin/sh
# SPDX-License-Identifier: ISC
# qssh-agent and qssh-add: starting and ending, keys in and out, lifetimes, confirmation, the lock,
# other users and garbage.
# shellcheck disable=SC1091,SC2016 # lib.sh is checked by itself; some text is for other shells
. "${QSP_SRC:?}/tests/e2e/lib.sh"

err_has() { grep -q -e "$1" "$TMP/err" || fail "no '$1' in: $(cat "$TMP/err")"; }
out_has() { grep -q -e "$1" "$TMP/out" || fail "no '$1' in: $(cat "$TMP/out")"; }
unset XDG_RUNTIME_DIR QSSH_ASKPASS SSH_ASKPASS WAYLAND_DISPLAY QSSH_AGENT_PID 2>/dev/null || :
TMPDIR=$TMP
export TMPDIR

# no agent: 2
expect "no agent" 2 "$(status_of qssh-add -l)"
err_has 'Could not open a connection to your authentication agent'
expect "dead socket" 2 "$(QSSH_AUTH_SOCK=$TMP/nowhere status_of qssh-add -l)"
err_has 'Error connecting to agent'

# sh and csh; the socket is ours alone; -k
qssh-agent -c >"$TMP/csh" || fail "-c"
grep -q '^setenv QSSH_AUTH_SOCK .*;$' "$TMP/csh" || fail "csh: $(cat "$TMP/csh")"
pid=$(sed -n 's/^setenv QSSH_AGENT_PID \([0-9]*\);$/\1/p' "$TMP/csh")
sock=$(sed -n 's/^setenv QSSH_AUTH_SOCK \(.*\);$/\1/p' "$TMP/csh")
pids="$pids $pid"
expect "csh -k" 0 "$(QSSH_AGENT_PID=$pid status_of qssh-agent -c -k)"
out_has '^unsetenv QSSH_AUTH_SOCK;$'
wait_for gone "$pid"
wait_for test ! -e "${sock%/*}"
SHELL=/bin/sh qssh-agent >"$TMP/sh" || fail "start"
eval "$(cat "$TMP/sh")" >"$TMP/out"
out_has "^Agent pid $QSSH_AGENT_PID$"
pids="$pids $QSSH_AGENT_PID"
expect "mode of the socket" 600 "$(stat -c %a "$QSSH_AUTH_SOCK")"
expect "mode of its folder" 700 "$(stat -c %a "${QSSH_AUTH_SOCK%/*}")"
expect "filtered" 2 "$(sed -n 's/^Seccomp:[^0-9]*//p' "/proc/$QSSH_AGENT_PID/status")"

# keys in and out; the comment comes from the public file
expect "empty" 1 "$(status_of qssh-add -l)"
out_has '^The agent has no identities\.$'
for t in kyber768 kyber1024 dilithium3 dilithium5; do
	qssh-keygen -q -t $t -N '' -C "$t@e2e" -f "$HOME/.qssh/id_$t" </dev/null >/dev/null
done
expect "the default keys" 0 "$(status_of qssh-add)"
err_has "^Identity added: $HOME/.qssh/id_kyber768 (kyber768@e2e)$"
expect "list" 0 "$(status_of qssh-add -l)"
expect "four of them" 4 "$(wc -l <"$TMP/out")"
out_has "^768 SHA3:[A-Za-z0-9+/]* kyber768@e2e (KYBER768)$"
expect "like keygen" "$(qssh-keygen -l -f "$HOME/.qssh/id_dilithium3.pub")" \
    "$(grep DILITHIUM3 "$TMP/out")"
expect "whole keys" 0 "$(status_of qssh-add -L)"
cat "$HOME"/.qssh/id_*.pub | sort >"$TMP/want"
sort "$TMP/out" >"$TMP/got"
cmp "$TMP/want" "$TMP/got" || fail "-L differs"
for t in kyber768 kyber1024 dilithium3 dilithium5; do
	expect "$t works" 0 "$(status_of qssh-add -T -v "$HOME/.qssh/id_$t.pub")"
	err_has 'Agent can log in'
done
expect "twice the same" 0 "$(status_of qssh-add -q "$HOME/.qssh/id_kyber768")"
[ ! -s "$TMP/err" ] || fail "-q said: $(cat "$TMP/err")"
expect "out by its public file" 0 "$(status_of qssh-add -d "$HOME/.qssh/id_kyber768.pub")"
expect "gone" 1 "$(status_of qssh-add -T "$HOME/.qssh/id_kyber768.pub")"
expect "out again" 1 "$(status_of qssh-add -d "$HOME/.qssh/id_kyber768")"
err_has 'agent refused operation'
expect "from standard input" 0 \
    "$(rc=0; qssh-add -k - <"$HOME/.qssh/id_kyber768" >"$TMP/out" 2>"$TMP/err" || rc=$?; echo $rc)"
err_has '^Identity added: (stdin) ((stdin))$'
expect "all out" 0 "$(status_of qssh-add -D)"
expect "empty again" 1 "$(status_of qssh-add -l)"
expect "a file that is not there" 1 "$(status_of qssh-add "$TMP/nothing")"
err_has 'No such file'
cp "$HOME/.qssh/id_kyber768" "$TMP/open"
chmod 644 "$TMP/open"
expect "one that others can read" 1 "$(status_of qssh-add "$TMP/open")"
err_has 'UNPROTECTED PRIVATE KEY FILE'

# passphrases: from standard input, from the program that asks, wrong ones
qssh-keygen -q -t kyber768 -N 'open sesame' -f "$TMP/locked" </dev/null >/dev/null
expect "wrong, then nothing" 1 \
    "$(rc=0; printf 'no\n\n' | qssh-add "$TMP/locked" >"$TMP/out" 2>"$TMP/err" || rc=$?; echo $rc)"
err_has 'Bad passphrase, try again'
expect "wrong, then right" 0 "$(rc=0; printf 'no\nopen sesame\n' |
    qssh-add "$TMP/locked" >"$TMP/out" 2>"$TMP/err" || rc=$?; echo $rc)"
printf '#!/bin/sh\necho "$1" >>%s/asked\necho "open sesame"\n' "$TMP" >"$TMP/askpass"
chmod 755 "$TMP/askpass"
expect "askpass" 0 "$(QSSH_ASKPASS=$TMP/askpass status_of qssh-add "$TMP/locked")"
grep -q "^Enter passphrase for $TMP/locked: $" "$TMP/asked" || fail "$(cat "$TMP/asked")"

# a lifetime: gone when it is over
expect "-t" 0 "$(status_of qssh-add -t 1 "$HOME/.qssh/id_kyber1024")"
err_has '^Lifetime set to 1 seconds$'
no_kyber1024() { ! qssh-add -l | grep -q KYBER1024; }
wait_for no_kyber1024
expect "bad lifetime" 1 "$(status_of qssh-add -t soon)"
err_has 'Invalid lifetime: soon'

# confirmation: without a program that asks nobody can allow it
expect "-c" 0 "$(status_of qssh-add -c "$HOME/.qssh/id_kyber1024")"
err_has 'The user must confirm each use'
expect "nobody to ask" 1 "$(status_of qssh-add -T "$HOME/.qssh/id_kyber1024.pub")"
qssh-agent -k >/dev/null
wait_for gone "$QSSH_AGENT_PID"

# with one: it names the key and the process, and its answer counts
cat >"$TMP/confirm" <<'END'
#!/bin/sh
printf '%s|%s\n' "$SSH_ASKPASS_PROMPT" "$1" >>"$CONFIRM_LOG"
exit "$(cat "$CONFIRM_STATUS")"
END
chmod 755 "$TMP/confirm"
CONFIRM_LOG=$TMP/confirm.asked CONFIRM_STATUS=$TMP/confirm.status QSSH_ASKPASS=$TMP/confirm
export CONFIRM_LOG CONFIRM_STATUS QSSH_ASKPASS
eval "$(SHELL=/bin/sh qssh-agent -a "$TMP/sock" -t 1h)" >/dev/null
pids="$pids $QSSH_AGENT_PID"
expect "where -a says" "$TMP/sock" "$QSSH_AUTH_SOCK"
expect "a second one there" 1 "$(status_of qssh-agent -a "$TMP/sock")"
err_has 'Address already in use'
[ -S "$TMP/sock" ] || fail "the second agent took the first one's socket away"
expect "-c" 0 "$(status_of qssh-add -c "$HOME/.qssh/id_kyber1024" "$HOME/.qssh/id_dilithium3")"
echo 0 >"$CONFIRM_STATUS"
expect "allowed" 0 "$(status_of qssh-add -T "$HOME/.qssh/id_kyber1024.pub")"
grep -q '^confirm|Allow use of key kyber1024@e2e' "$CONFIRM_LOG" || fail "$(cat "$CONFIRM_LOG")"
grep -q '^Key fingerprint SHA3:' "$CONFIRM_LOG" || fail "$(cat "$CONFIRM_LOG")"
grep -q '^Process [0-9]*, wants to log in' "$CONFIRM_LOG" || fail "$(cat "$CONFIRM_LOG")"
expect "a signature too" 0 "$(status_of qssh-add -T "$HOME/.qssh/id_dilithium3.pub")"
echo 1 >"$CONFIRM_STATUS"
expect "refused" 1 "$(status_of qssh-add -T "$HOME/.qssh/id_kyber1024.pub")"
unset QSSH_ASKPASS

# the lock
lock() { rc=0; printf '%s\n%s\n' "$2" "$2" | qssh-add "$1" >"$TMP/out" 2>"$TMP/err" || rc=$?; echo $rc; }
expect "unlocking what is not locked" 1 "$(lock -X 'key')"
expect "lock" 0 "$(lock -x 'key')"
err_has 'Agent locked'
expect "locked: nothing to see" 1 "$(status_of qssh-add -l)"
out_has '^The agent has no identities\.$'
echo 0 >"$CONFIRM_STATUS"
expect "locked: nothing to use" 1 "$(status_of qssh-add -T "$HOME/.qssh/id_dilithium3.pub")"
expect "locked: nothing in" 1 "$(status_of qssh-add "$HOME/.qssh/id_kyber768")"
expect "locked: nothing out" 1 "$(status_of qssh-add -D)"
before=$(date +%s%N)
expect "wrong" 1 "$(lock -X 'wrong')"
expect "wrong" 1 "$(lock -X 'wronger')"
[ $(($(date +%s%N) - before)) -gt 300000000 ] || fail "wrong passphrases are answered at once"
expect "right" 0 "$(lock -X 'key')"
expect "there again" 0 "$(status_of qssh-add -l)"

# ssh's own tool sees an agent without keys that it knows
if command -v ssh-add >/dev/null; then
	rc=$(SSH_AUTH_SOCK=$QSSH_AUTH_SOCK status_of ssh-add -l)
	[ "$rc" -lt 2 ] || fail "ssh-add -l: $(cat "$TMP/err")"
	! grep -q SHA "$TMP/out" || fail "ssh-add shows a key: $(cat "$TMP/out")"
fi

# garbage, half messages, too many connections; then it still answers
if command -v python3 >/dev/null; then
	python3 - "$QSSH_AUTH_SOCK" <<'END' || fail "the agent did not take it well"
import os, random, socket, struct, sys

def connect():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(120)
    s.connect(sys.argv[1])
    return s

def ask(s, body):
    s.sendall(struct.pack(">I", len(body)) + body)
    head = b""
    while len(head) < 4:
        got = s.recv(4 - len(head))
        if not got:
            return None
        head += got
    n, = struct.unpack(">I", head)
    out = b""
    while len(out) < n:
        out += s.recv(n - len(out))
    return out

s = connect()
assert ask(s, b"\x0b")[0] == 12
assert ask(s, b"\x63") == b"\x05"                      # no such request
assert ask(s, b"\x1b" + struct.pack(">I", 3) + b"abc") == b"\x1c"
assert b"kem-mix@qsp" in ask(s, b"\x1b" + struct.pack(">I", 5) + b"query")
for n in (0, 16385, 0xffffffff):
    t = connect()
    t.sendall(struct.pack(">I", n))
    assert t.recv(1) == b"", n                          # ended
random.seed(1)
for i in range(300):
    body = bytes([random.choice((11, 13, 17, 18, 25, 27))]) + random.randbytes(random.randrange(80))
    if body[0] == 27:
        body = b"\x1b" + struct.pack(">I", 11) + b"kem-mix@qsp" + body[1:]
    assert ask(s, body) is not None
# half a request, byte by byte
t = connect()
for b in struct.pack(">I", 1) + b"\x0b":
    t.sendall(bytes([b]))
head = b""
while len(head) < 5:
    head += t.recv(5 - len(head))
assert head[4] == 12
# a forwarded connection may not manage
f = connect()
assert ask(f, b"\x1b" + struct.pack(">I", 13) + b"forwarded@qsp" + struct.pack(">I", 1) + b"h") == b"\x06"
assert ask(f, b"\x13") == b"\x05"
assert ask(f, b"\x16" + struct.pack(">I", 1) + b"x") == b"\x05"
assert ask(f, b"\x0b")[0] == 12
# more connections than it has room for: the others wait
many = [connect() for _ in range(80)]
for c in many[:50]:
    assert ask(c, b"\x0b")[0] == 12
for c in many:
    c.close()
assert ask(s, b"\x0b")[0] == 12
END
fi
expect "still there" 0 "$(status_of qssh-add -l)"

# killed, it leaves no socket behind
kill -KILL "$QSSH_AGENT_PID"
wait_for test ! -e "$TMP/sock"

# around a command: its status, its end, and the environment
expect "command" 3 "$(status_of qssh-agent sh -c 'echo "$QSSH_AUTH_SOCK $QSSH_AGENT_PID" >&2; qssh-add -l; exit 3')"
out_has 'no identities'
read -r sock pid <"$TMP/err"
wait_for gone "$pid"
wait_for test ! -e "$sock"
expect "no such command" 1 "$(status_of qssh-agent /no/such/command)"

# in front, until SIGTERM
qssh-agent -D -a "$TMP/sock" >"$TMP/front" 2>"$TMP/front.log" &
front=$!
pids="$pids $front"
wait_for grep -q '^echo Agent pid' "$TMP/front"
expect "in front" 1 "$(QSSH_AUTH_SOCK=$TMP/sock status_of qssh-add -l)"
kill "$front"
rc=0
wait "$front" || rc=$?
expect "its end" 0 "$rc"
wait_for test ! -e "$TMP/sock"

# memory that cannot be locked is an error, not a risk; a sanitizer locks none
if ! ldd "$QSP_BIN/qssh-agent" | grep -q -i "asan\|tsan" &&
    [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null && command -v prlimit >/dev/null; then
	chmod 711 "$TMP" && mkdir -m 777 "$TMP/any"
	expect "no memory to lock" 1 "$(status_of prlimit --memlock=65536:65536 setpriv --reuid 65534 \
	    --regid 65534 --clear-groups --bounding-set=-all "$QSP_BIN/qssh-agent" -a "$TMP/any/sock")"
	err_has 'cannot lock .* KiB of memory (the limit is 64 KiB)'
	wait_for test ! -e "$TMP/any/sock"
	# nor does another user get an answer, even where the modes would let him
	eval "$(SHELL=/bin/sh qssh-agent -a "$TMP/any/mine")" >/dev/null
	pids="$pids $QSSH_AGENT_PID"
	chmod 777 "$QSSH_AUTH_SOCK"
	expect "another user" 1 "$(status_of setpriv --reuid 65534 --regid 65534 --clear-groups \
	    env QSSH_AUTH_SOCK="$QSSH_AUTH_SOCK" "$QSP_BIN/qssh-add" -l)"
	err_has 'communication with agent failed'
	expect "oneself" 1 "$(status_of qssh-add -l)"
	out_has 'no identities'
fi
