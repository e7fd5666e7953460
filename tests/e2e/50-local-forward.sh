#!/bin/sh
# SPDX-License-Identifier: ISC
# -L and -D in every form, with real programs at both ends; what is said when it fails.
. "${QSP_SRC:?}/tests/e2e/lib.sh"
. "$QSP_SRC/tests/e2e/forward.sh"

start_echo
serve "$TMP/far.sock" echo
FREE=$(free_port)

# every form of -L; a bind address of each kind
L1=$(free_port)
L2=$(free_port)
L3=$(free_port)
L4=$(free_port)
L5=$(free_port)
forward "$TMP/c1" -L "$L1:127.0.0.1:$ECHO" -L "127.0.0.1:$L2:localhost:$ECHO" \
    -L "$L3:$TMP/far.sock" -L "$TMP/near.sock:127.0.0.1:$ECHO" -L "$TMP/both.sock:$TMP/far.sock" \
    -L "*:$L4:127.0.0.1:$ECHO" -o "LocalForward [::1]:$L5 127.0.0.1:$ECHO"
for where in "127.0.0.1:$L1" "[::1]:$L1" "127.0.0.1:$L2" "127.0.0.1:$L3" "$TMP/near.sock" \
    "$TMP/both.sock" "127.0.0.1:$L4" "[::1]:$L5"; do
	expect "by way of $where" "hello $where" "$(peer talk "$where" "hello $where")"
done
[ "$(stat -c %a "$TMP/near.sock")" = 600 ] || fail "a socket that others may use"
expect "not on the other address" "" "$(peer talk "[::1]:$L2" x 2>/dev/null || :)"

# one direction may end before the other, and much passes
serve 127.0.0.1:0 count
L6=$(free_port)
forward "$TMP/c2" -L "$L6:127.0.0.1:$SERVED"
head -c 20000000 /dev/zero | tr '\0' 'x' >"$TMP/big"
expect "what has come" 20000000 "$(peer send "127.0.0.1:$L6" "$TMP/big")"

# SOCKS, each version, names resolved over there
D1=$(free_port)
forward "$TMP/c3" -D "$D1"
for v in 4 4a 5 5h eager; do
	expect "SOCKS $v" "hello $v" "$(peer socks $v "127.0.0.1:$D1" "127.0.0.1:$ECHO" "hello $v")"
done
expect "a name" here "$(peer socks 5h "127.0.0.1:$D1" "localhost:$ECHO" here)"
expect "nobody there" "refused 5" "$(peer socks 5 "127.0.0.1:$D1" "127.0.0.1:$FREE" x)"
expect "nobody there, 4" "refused 91" "$(peer socks 4 "127.0.0.1:$D1" "127.0.0.1:$FREE" x)"
if command -v curl >/dev/null; then
	serve 127.0.0.1:0 http
	expect "curl" page "$(curl -s --socks5-hostname "127.0.0.1:$D1" "http://localhost:$SERVED/")"
fi

# what does not work says so, in ssh's words
L7=$(free_port)
forward "$TMP/c4" -L "$L7:127.0.0.1:$FREE" -L "$L1:127.0.0.1:$ECHO"
grep -q "^bind \[127.0.0.1\]:$L1: Address already in use$" "$TMP/c4.err" || fail "bind"
grep -q '^channel_setup_fwd_listener_tcpip: cannot listen to port: '"$L1" "$TMP/c4.err" ||
	fail "cannot listen"
grep -q '^Could not request local forwarding.$' "$TMP/c4.err" || fail "local forwarding"
expect "nobody there" "" "$(peer talk "127.0.0.1:$L7" x 2>/dev/null || :)"
wait_for grep -q '^channel 0: open failed: connect failed: Connection refused$' "$TMP/c4.err"
expect "fatal" 255 "$(status_of forward_only -o ExitOnForwardFailure=yes -L "$L1:127.0.0.1:$ECHO")"
for bad in 80 a:b:c:d:e 1:2 x:127.0.0.1:80 '[::1:80:h:80' 70000:h:80; do
	expect "-L $bad" 255 "$(status_of forward_only -L "$bad")"
	grep -qF "Bad local forwarding specification '$bad'" "$TMP/err" || fail "-L $bad"
done
expect "ClearAllForwardings" 0 "$(status_of client_with "-L $L1:127.0.0.1:$ECHO \
    -o ExitOnForwardFailure=yes -o ClearAllForwardings=yes" true)"

# a command with a forward beside it; the forward's connections end with it
expect "beside a command" finished "$(client_with "-L $(free_port):127.0.0.1:$ECHO" echo finished)"

# a connection that stands when the command ends is waited for, as ssh does
mkfifo "$TMP/hold" "$TMP/in"
L9=$(free_port)
CLIENT_OPTIONS="-L $L9:127.0.0.1:$ECHO" client "echo \$\$ >$TMP/cat.pid; exec cat" <"$TMP/hold" &
holder=$!
pids="$pids $holder"
exec 7>"$TMP/hold"
open() { peer talk "127.0.0.1:$L9" x >/dev/null 2>&1; }
wait_for open
"$PYTHON" "$PEER_PROGRAM" pipe "127.0.0.1:$L9" <"$TMP/in" >"$TMP/piped" 7>&- &
pids="$pids $!"
exec 8>"$TMP/in"
echo one >&8
wait_for grep -qx one "$TMP/piped"
exec 7>&-
wait_for gone "$(cat "$TMP/cat.pid")"
echo two >&8
wait_for grep -qx two "$TMP/piped"
alive "$holder" || fail "the connection's client has gone"
exec 8>&-
rc=0
wait "$holder" || rc=$?
expect "its status" 0 "$rc"

# -G prints them as the configuration has them
qssh -G -F none -L "8080:host:80" -R '*:0:/sock' -D 1080 host >"$TMP/g"
grep -qx 'localforward 8080 \[host\]:80' "$TMP/g" || fail "-G: localforward"
grep -qx 'remoteforward \[\*\]:0 /sock' "$TMP/g" || fail "-G: remoteforward"
grep -qx 'dynamicforward 1080' "$TMP/g" || fail "-G: dynamicforward"

# the target is killed in the middle: the near end sees an end
serve 127.0.0.1:0 sink
L8=$(free_port)
forward "$TMP/c5" -L "$L8:127.0.0.1:$SERVED"
peer_stays pull "127.0.0.1:$L8" >"$TMP/pulled" 2>&1
puller=$PEER
wait_for sh -c "ls /proc/$SERVER_OF_LAST/task | grep -cv '^$SERVER_OF_LAST\$' | grep -qx 1"
kill -9 "$SERVER_OF_LAST"
wait_for gone "$puller"

# names of unix sockets go with their client
end_forward "$TMP/c1"
[ ! -e "$TMP/near.sock" ] || fail "the socket's name is still there"
say ok
