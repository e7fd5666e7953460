#!/bin/sh
# SPDX-License-Identifier: ISC
# Connection sharing: who is master, what its clients get, and how each of them ends.
# shellcheck disable=SC1091,SC2016 # lib.sh is checked by itself; some text is for other shells
. "${QSP_SRC:?}/tests/e2e/lib.sh"

make_user_key
start_server 'MaxSessions 3'
client true || fail "exec of true"

sock=$TMP/sock
# A client of the socket; it must not make a connection of its own, so its port is nobody's.
shared() { CLIENT_OPTIONS="-S $sock -o Port=1" client "$@"; }
control() { CLIENT_OPTIONS="-S $sock $*" client 2>&1; }
logins() { grep -c 'Accepted publickey' "$SERVER_LOG"; }
# A background call is a shell of ours, and the program in it.
program() { children "$1" qssh; }
no_socket() { [ ! -e "$sock" ]; }

# no master: said so, and -O needs one
case $(control -O check) in
*"Control socket connect($sock): No such file or directory"*) ;;
*) fail "-O check without a master" ;;
esac
expect "-O check without a master" 255 "$(CLIENT_OPTIONS="-S $sock -O check" status_of client)"
expect "without a path" 255 "$(CLIENT_OPTIONS='-O check' status_of client)"
expect "no command" 255 "$(CLIENT_OPTIONS="-S $sock -O nonsense" status_of client)"
expect "lacking" 255 "$(CLIENT_OPTIONS="-S $sock -O proxy" status_of client)"
grep -q -- '-O proxy: this version does not have it' "$TMP/err" || fail "-O proxy"

# a master in the foreground, without a session
CLIENT_OPTIONS="-M -N -S $sock" client </dev/null 2>"$TMP/master.err" &
master=$!
pids="$pids $master"
wait_for test -S "$sock"
expect "mode of the socket" 600 "$(stat -c %a "$sock")"
case $(control -O check) in
*"Master running (pid="*) ;;
*) fail "-O check: $(control -O check)" ;;
esac
before=$(logins)
expect "stdout" out "$(shared 'echo out; echo err >&2' 2>"$TMP/err")"
expect "stderr" err "$(cat "$TMP/err")"
expect "stdin" 'a b' "$(echo 'a b' | shared cat)"
expect "status" 7 "$(status_of shared exit 7)"
expect "killed" 255 "$(status_of shared 'kill -9 $$')"
expect "env" value "$(CLIENT_OPTIONS='-o SetEnv=LC_QSP=value' shared 'echo ${LC_QSP-value}')"
head -c 3000000 /dev/urandom >"$TMP/big"
shared cat <"$TMP/big" >"$TMP/big.back"
cmp "$TMP/big" "$TMP/big.back" || fail "3 MB through a shared connection"
expect "as many logins" "$before" "$(logins)"

# three at a time run, the fourth is refused and makes its own connection
hold() { shared "touch $TMP/hold.$1; until [ -e $TMP/release ]; do sleep 0.02; done; exit $1"; }
held=
for i in 1 2 3; do
	hold $i </dev/null &
	held="$held $!"
	wait_for test -e "$TMP/hold.$i"
done
expect "over MaxSessions" over "$(CLIENT_OPTIONS="-S $sock" client echo over 2>"$TMP/err")"
grep -q 'the master refuses: ' "$TMP/err" || fail "MaxSessions: $(cat "$TMP/err")"
[ "$(logins)" -gt "$before" ] || fail "the fourth made no connection of its own"
touch "$TMP/release"
i=0
for p in $held; do
	i=$((i + 1))
	rc=0
	wait "$p" || rc=$?
	expect "status of $i" $i $rc
done

# a client that is killed takes its program along
shared "echo \$\$ >$TMP/victim; exec sleep 1000" </dev/null &
victim=$!
wait_for test -s "$TMP/victim"
kill -9 "$(program "$victim")"
wait_for gone "$(cat "$TMP/victim")"
# and so does one that a signal ends
shared "echo \$\$ >$TMP/victim2; exec sleep 1000" </dev/null 2>/dev/null &
victim=$!
wait_for test -s "$TMP/victim2"
kill -TERM "$(program "$victim")"
wait_for gone "$(cat "$TMP/victim2")"

# a stranger's words: the master goes on
command -v python3 >/dev/null && python3 - "$sock" <<'END'
import socket, sys
for data in (b"\0", b"\4", b"\1\0\0\0\2", b"\4\0\0\0\1" + b"\xff" * 60, b"\1\0\0\0\1x"):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect(sys.argv[1])
    s.send(data)
    assert s.recv(4096)[:1] == b"A", data
END
expect "after nonsense" still "$(shared echo still)"

# the name is taken: a second master has none of its own
expect "second master" second "$(CLIENT_OPTIONS="-M -S $sock" client echo second 2>"$TMP/err")"
grep -q "ControlSocket $sock already exists, disabling multiplexing" "$TMP/err" ||
	fail "second master: $(cat "$TMP/err")"
test -S "$sock" || fail "the second master took the first one's socket"

# the master goes while clients are there: they are told
shared "touch $TMP/there; exec sleep 1000" </dev/null 2>"$TMP/err" &
left=$!
wait_for test -e "$TMP/there"
case $(control -O exit) in
*"Exit request sent."*) ;;
*) fail "-O exit" ;;
esac
rc=0
wait "$left" || rc=$?
expect "status of a client whose master exits" 255 $rc
wait_for no_socket
wait "$master" 2>/dev/null || :

# killed outright: told clearly; the stale socket is replaced
CLIENT_OPTIONS="-M -N -S $sock" client </dev/null 2>"$TMP/master.err" &
master=$!
pids="$pids $master"
wait_for test -S "$sock"
shared "touch $TMP/there2; exec sleep 1000" </dev/null 2>"$TMP/err" &
left=$!
wait_for test -e "$TMP/there2"
kill -9 "$(program "$master")"
wait "$left" 2>/dev/null || rc=$?
expect "status of a client whose master is killed" 255 $rc
grep -q 'the master of the shared connection to 127.0.0.1 has gone' "$TMP/err" ||
	fail "killed master: $(cat "$TMP/err")"
test -S "$sock" || fail "no stale socket to test with"
expect "auto over a stale socket" fresh \
    "$(CLIENT_OPTIONS="-o ControlMaster=auto -S $sock" client echo fresh)"
wait_for no_socket

# auto: the first is master and stays for the second
CLIENT_OPTIONS="-o ControlMaster=auto -S $TMP/%C" client \
    "touch $TMP/first; until [ -e $TMP/release2 ]; do sleep 0.02; done; echo first" \
    >"$TMP/first.out" </dev/null &
first=$!
pids="$pids $first"
wait_for test -e "$TMP/first"
before=$(logins)
CLIENT_OPTIONS="-o ControlMaster=auto -S $TMP/%C" client \
    "touch $TMP/second; until [ -e $TMP/release3 ]; do sleep 0.02; done; echo second" \
    >"$TMP/second.out" </dev/null &
second=$!
wait_for test -e "$TMP/second"
expect "auto shares" "$before" "$(logins)"
touch "$TMP/release2"
wait_for test -s "$TMP/first.out"
touch "$TMP/release3"
wait "$second" || fail "the second of auto"
expect "second of auto" second "$(cat "$TMP/second.out")"
wait "$first" || fail "the first of auto"
expect "sockets left" '' "$(find "$TMP" -maxdepth 1 -type s)"

# ask: somebody must say yes to each
printf '#!/bin/sh\necho "$1" >>%s/asked\ntest -e %s/yes\n' "$TMP" "$TMP" >"$TMP/askpass"
chmod +x "$TMP/askpass"
QSSH_ASKPASS=$TMP/askpass
export QSSH_ASKPASS
CLIENT_OPTIONS="-f -N -MM -S $sock" client 2>"$TMP/master.err"
unset QSSH_ASKPASS
wait_for test -S "$sock"
before=$(logins)
expect "refused" own "$(CLIENT_OPTIONS="-S $sock" client echo own 2>"$TMP/err")"
grep -q 'the master refuses: ' "$TMP/err" || fail "ask, no: $(cat "$TMP/err")"
expect "a login of its own" $((before + 1)) "$(logins)"
touch "$TMP/yes"
expect "allowed" shared "$(shared echo shared)"
grep -q 'Allow shared connection to 127.0.0.1?' "$TMP/asked" || fail "ask: $(cat "$TMP/asked")"
rm "$TMP/yes"
for word in stop exit; do
	expect "-O $word, refused" 255 "$(CLIENT_OPTIONS="-S $sock -O $word" status_of client)"
done
grep -q '^Terminate shared connection to 127.0.0.1?' "$TMP/asked" || fail "ask: $(cat "$TMP/asked")"
grep -q '^Disable further multiplexing on shared connection to 127' "$TMP/asked" ||
	fail "ask: $(cat "$TMP/asked")"
touch "$TMP/yes"
expect "after -O exit was refused" shared "$(shared echo shared)"
control -O exit >/dev/null
wait_for no_socket

# a master whose name another one has by now leaves it to that
CLIENT_OPTIONS="-M -N -S $sock" client </dev/null 2>"$TMP/master.err" &
master=$!
pids="$pids $master"
wait_for test -S "$sock"
rm "$sock"
CLIENT_OPTIONS="-f -M -N -S $sock" client 2>"$TMP/master.err"
kill -TERM "$(program "$master")"
wait "$master" 2>/dev/null || :
expect "the second master's socket" second "$(shared echo second)"
control -O exit >/dev/null
wait_for no_socket

# ControlPersist: the first call returns, the connection stays, and goes after its time
persist="-o ControlMaster=auto -o ControlPersist=600 -S $sock"
before=$(logins)
expect "persist 1" one "$(CLIENT_OPTIONS=$persist client echo one)"
expect "persist 2" two "$(CLIENT_OPTIONS=$persist client echo two)"
expect "status over a persistent one" 5 "$(CLIENT_OPTIONS=$persist status_of client exit 5)"
expect "one login for all" $((before + 1)) "$(logins)"
control -O exit >/dev/null
wait_for no_socket
expect "persist for a second" one \
    "$(CLIENT_OPTIONS="-o ControlMaster=auto -o ControlPersist=1 -S $sock" client echo one)"
wait_for no_socket
persist="-o ControlMaster=auto -o ControlPersist=yes -S $sock"
expect "persist yes" one "$(CLIENT_OPTIONS=$persist client echo one)"
pid=$(control -O check | sed -n 's/.*pid=\([0-9]*\).*/\1/p')
alive "$pid" || fail "no persistent master"
CLIENT_OPTIONS=$persist client \
    "touch $TMP/third; until [ -e $TMP/release4 ]; do sleep 0.02; done; echo third" \
    >"$TMP/third.out" </dev/null &
third=$!
wait_for test -e "$TMP/third"
case $(control -O stop) in
*"Stop listening request sent."*) ;;
*) fail "-O stop" ;;
esac
wait_for no_socket
alive "$pid" || fail "-O stop ended a client"
touch "$TMP/release4"
wait "$third" || fail "the client of a stopped master"
wait_for gone "$pid"
