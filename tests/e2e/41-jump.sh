#!/bin/sh
# SPDX-License-Identifier: ISC
# By way of others: -W, ProxyJump with one hop and with two, ProxyCommand, and a classical ssh
# through a gate.
# shellcheck disable=SC1091,SC2016,SC2034,SC2153 # lib.sh is checked by itself; some text is for other shells
. "${QSP_SRC:?}/tests/e2e/lib.sh"

make_user_key
# two gates and the host behind them, each with a key of its own
for name in gate gate2 inner; do
	SERVER_LOG=$TMP/$name.log
	SERVER_CONFIG=$TMP/config.$name
	write_config
	sed -i "s|$TMP/host_key|$TMP/key.$name|; s|$TMP/qsshd.pid|$TMP/$name.pid|" "$SERVER_CONFIG"
	run_server
	eval "${name}_port=$PORT"
done
# shellcheck disable=SC2154 # set by eval
cat >"$HOME/.qssh/config" <<END
Host gate
	Port $gate_port
Host gate2
	Port $gate2_port
Host inner inner-by-one inner-by-two
	Port $inner_port
Host inner-by-one
	ProxyJump gate
Host inner-by-two
	ProxyJump gate,gate2
Host *
	HostName 127.0.0.1
	User $USER_NAME
	IdentityFile $KEY
	BatchMode yes
	StrictHostKeyChecking accept-new
	ConnectTimeout 60
END
logins() { grep -c 'Accepted publickey' "$TMP/$1.log" || :; }
for name in gate gate2 inner; do
	qssh "$name" true 2>/dev/null || fail "$name"
done

# one hop, by the configuration and by -J; a name in a Host block or a port in the list
before=$(logins gate)
expect "one hop" 'inner 1' "$(qssh inner-by-one echo inner 1)"
expect "-J" 'inner 2' "$(qssh -J gate inner echo inner 2)"
expect "-J host:port" 'inner 3' \
    "$(qssh -J "$USER_NAME@127.0.0.1:$gate_port" inner echo inner 3)"
expect "-J URI" 'inner 4' "$(qssh -J "ssh://127.0.0.1:$gate_port" inner echo inner 4)"
expect "each through the gate" $((before + 4)) "$(logins gate)"
expect status 9 "$(status_of qssh inner-by-one exit 9)"
expect "-J none" direct "$(qssh -J none inner-by-one echo direct)"
expect "through the gate still" $((before + 5)) "$(logins gate)"

# two hops, in their order
b1=$(logins gate) b2=$(logins gate2) b3=$(logins inner)
expect "two hops" 'two hops' "$(qssh inner-by-two echo two hops)"
expect "first hop" $((b1 + 1)) "$(logins gate)"
expect "second hop" $((b2 + 1)) "$(logins gate2)"
expect "host" $((b3 + 1)) "$(logins inner)"
head -c 5000000 /dev/urandom >"$TMP/big"
qssh inner-by-two cat <"$TMP/big" >"$TMP/back"
cmp "$TMP/big" "$TMP/back" || fail "5 MB changed on two hops"

# ProxyCommand; what passes the gate is cells, not a word of what is said
expect "ProxyCommand" behind \
    "$(qssh -o "ProxyCommand=qssh -W %h:%p gate | tee $TMP/seen" inner 'echo behind')"
[ "$(wc -c <"$TMP/seen")" -gt 3000 ] || fail "nothing was seen on the way"
grep -q behind "$TMP/seen" && fail "the gate saw plaintext"
# and the keys are the host's own: the gate's key for it is refused
sed "s/^\[127\.0\.0\.1\]:$inner_port/other/" "$KNOWN_HOSTS" >"$TMP/kh"
sed -n "s/^\[127\.0\.0\.1\]:$gate_port /[127.0.0.1]:$inner_port /p" "$KNOWN_HOSTS" >>"$TMP/kh"
expect "a gate that plays the host" 255 "$(status_of qssh -o "UserKnownHostsFile=$TMP/kh" \
    -o FirstContact=no -o ConnectTimeout=2 -o "ProxyCommand=qssh -W %h:%p gate" inner true)"

# what fails on the way
expect "no such port" 255 "$(status_of qssh -W 127.0.0.1:1 gate)"
grep -q 'stdio forwarding failed' "$TMP/err" || fail "-W refused: $(cat "$TMP/err")"
expect "dead end" 255 "$(status_of qssh -J gate -p 1 inner true)"
grep -q 'open failed' "$TMP/err" || fail "dead end: $(cat "$TMP/err")"

# -W ends each direction by itself
cat >"$TMP/sink.sh" <<'END'
wc -c | tr -d ' '
END
if command -v python3 >/dev/null; then
	python3 - "$TMP/sink.port" <<'END' &
import socket, sys, os
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(1)
with open(sys.argv[1] + ".new", "w") as f: f.write(str(s.getsockname()[1]))
os.rename(sys.argv[1] + ".new", sys.argv[1])
c, _ = s.accept()
n = 0
while True:
    b = c.recv(65536)
    if not b: break
    n += len(b)
c.sendall(b"%d\n" % n)
c.close()
END
	pids="$pids $!"
	wait_for test -s "$TMP/sink.port"
	expect "-W half-closed" 5000000 \
	    "$(qssh -W "127.0.0.1:$(cat "$TMP/sink.port")" gate <"$TMP/big")"
fi

# through a shared connection to the gate
qssh -f -N -M -S "$TMP/sock" gate || fail "-f -N -M gate"
wait_for test -S "$TMP/sock"
before=$(logins gate)
expect "-W over a shared connection" shared \
    "$(qssh -o "ProxyCommand=qssh -S $TMP/sock -W %h:%p gate" inner echo shared)"
expect "no login for it" "$before" "$(logins gate)"
qssh -S "$TMP/sock" -O exit gate 2>/dev/null || fail "-O exit"

# a classical ssh through a gate
sshd=$(command -v sshd || echo /usr/sbin/sshd)
if [ ! -x "$sshd" ] || ! command -v ssh >/dev/null; then
	say "skipped the last part: no sshd here"
	exit 0
fi
ssh-keygen -q -t ed25519 -N '' -f "$TMP/ssh_host"
ssh-keygen -q -t ed25519 -N '' -f "$TMP/ssh_user"
port=$((20000 + $$ % 20000))
[ "$(id -u)" -ne 0 ] || mkdir -p /run/sshd
listening() { grep -q "Server listening on 127.0.0.1 port $port" "$TMP/sshd.log"; }
for _ in 1 2 3 4 5 6 7 8; do
	port=$((port + 1))
	"$sshd" -D -e -f /dev/null -p "$port" -h "$TMP/ssh_host" -o ListenAddress=127.0.0.1 \
	    -o SetEnv=SHLVL=2 -o PidFile=none -o StrictModes=no -o PermitRootLogin=yes -o UsePAM=no \
	    -o "AuthorizedKeysFile=$TMP/ssh_user.pub" 2>"$TMP/sshd.log" </dev/null &
	classic=$!
	pids="$pids $classic"
	up() { listening || gone "$classic"; }
	wait_for up
	listening && break
done
listening || fail "sshd: $(cat "$TMP/sshd.log")"
expect "ssh through a gate" classical "$(ssh -F /dev/null -p "$port" -i "$TMP/ssh_user" \
    -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
    -o LogLevel=ERROR -o 'ProxyCommand=qssh -W %h:%p gate' 127.0.0.1 echo classical)"
