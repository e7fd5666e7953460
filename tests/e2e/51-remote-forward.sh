#!/bin/sh
# SPDX-License-Identifier: ISC
# -R in every form against the real server: ports that it chooses, paths, SOCKS, what it does not allow.
. "${QSP_SRC:?}/tests/e2e/lib.sh"
. "$QSP_SRC/tests/e2e/forward.sh"

start_echo "PermitListen 127.0.0.1:* localhost:* *:*" "GatewayPorts clientspecified" \
    "StreamLocalBindUnlink yes"
serve "$TMP/near.sock" echo
FREE=$(free_port)

# allocated NAME TARGET: the port that the server chose for it
allocated() {
	sed -n "s|^Allocated port \([0-9]*\) for remote forward to $2\$|\1|p" "$1.err"
}

R1=$(free_port)
R2=$(free_port)
forward "$TMP/c1" -R "$R1:127.0.0.1:$ECHO" -R "0:localhost:$ECHO" -R "*:$R2:$TMP/near.sock" \
    -R "$TMP/far.sock:127.0.0.1:$ECHO" -R "$TMP/both.sock:$TMP/near.sock"
A1=$(allocated "$TMP/c1" "localhost:$ECHO")
[ "${A1:-0}" -gt 0 ] || fail "no allocated port"
for where in "127.0.0.1:$R1" "[::1]:$R1" "127.0.0.1:$A1" "127.0.0.1:$R2" "$TMP/far.sock" \
    "$TMP/both.sock"; do
	expect "by way of $where" "hello $where" "$(peer talk "$where" "hello $where")"
done

# two of the same port of 0 are two
forward "$TMP/c2" -R "0:127.0.0.1:$ECHO" -R "0:127.0.0.1:$FREE"
A2=$(allocated "$TMP/c2" "127.0.0.1:$ECHO")
A3=$(allocated "$TMP/c2" "127.0.0.1:$FREE")
expect "the first" one "$(peer talk "127.0.0.1:$A2" one)"
expect "nobody at the second" "" "$(peer talk "127.0.0.1:$A3" two 2>/dev/null || :)"
wait_for grep -q "^connect_to 127.0.0.1 port $FREE: " "$TMP/c2.err"

# without a target it is SOCKS, and we connect
forward "$TMP/c3" -R 0
A4=$(allocated "$TMP/c3" socks:0)
for v in 4 4a 5 5h eager; do
	expect "SOCKS $v" "hello $v" "$(peer socks $v "127.0.0.1:$A4" "127.0.0.1:$ECHO" "hello $v")"
done
expect "a name" here "$(peer socks 5h "127.0.0.1:$A4" "localhost:$ECHO" here)"
expect "nobody there" "refused 5" "$(peer socks 5 "127.0.0.1:$A4" "127.0.0.1:$FREE" x)"
expect "no request" "" "$(peer talk "127.0.0.1:$A4" "GET / HTTP/1.0" 2>/dev/null || :)"
forward "$TMP/c4" -R 0 -o "PermitRemoteOpen localhost:$ECHO 127.0.0.1:$FREE"
A5=$(allocated "$TMP/c4" socks:0)
expect "permitted" yes "$(peer socks 5h "127.0.0.1:$A5" "localhost:$ECHO" yes)"
expect "not permitted" "refused 5" "$(peer socks 5 "127.0.0.1:$A5" "127.0.0.1:$ECHO" no)"
wait_for grep -q "^connect_to 127.0.0.1 port $ECHO: PermitRemoteOpen" "$TMP/c4.err"

# much data, and half an end
serve 127.0.0.1:0 count
forward "$TMP/c5" -R "0:127.0.0.1:$SERVED"
head -c 20000000 /dev/zero >"$TMP/big"
expect "what has come" 20000000 \
    "$(peer send "127.0.0.1:$(allocated "$TMP/c5" "127.0.0.1:$SERVED")" "$TMP/big")"

# what cannot be is said, and goes on; or ends with ExitOnForwardFailure
forward "$TMP/c6" -R "$R1:127.0.0.1:$ECHO" -R "0:127.0.0.1:$ECHO"
grep -q "^Warning: remote port forwarding failed for listen port $R1\$" "$TMP/c6.err" ||
	fail "no warning"
expect "beside it" on "$(peer talk "127.0.0.1:$(allocated "$TMP/c6" "127.0.0.1:$ECHO")" on)"
expect "fatal" 255 "$(status_of forward_only -o ExitOnForwardFailure=yes -R "$R1:127.0.0.1:$ECHO")"
expect "why" "Error: remote port forwarding failed for listen port $R1" "$(cat "$TMP/err")"

# -f waits for the answer, so whoever started us may use it at once
"$QSP_BIN/qssh" -f -N -F none -p "$PORT" -i "$KEY" -o BatchMode=yes -o "UserKnownHostsFile=$KNOWN_HOSTS" \
    -o ControlMaster=yes -S "$TMP/ctl" -l "$USER_NAME" -R "0:127.0.0.1:$ECHO" 127.0.0.1 \
    2>"$TMP/f.err" >/dev/null </dev/null || fail "-f"
expect "-f" at-once "$(peer talk "127.0.0.1:$(allocated "$TMP/f" "127.0.0.1:$ECHO")" at-once)"
qssh -S "$TMP/ctl" -O exit 127.0.0.1 2>/dev/null
expect "-f that failed" 255 "$(status_of forward_only -f -o ExitOnForwardFailure=yes \
    -R "$R1:127.0.0.1:$ECHO")"

# the client goes: so do the ports
end_forward "$TMP/c1"
wait_for sh -c "! '$PYTHON' '$QSP_SRC/tests/e2e/helpers/peer.py' talk 127.0.0.1:$R1 x"
stop_server

# PermitListen and PermitOpen of the server
L1=$(free_port)
start_server "PermitListen 127.0.0.1:$R1" "PermitOpen localhost:$ECHO"
forward "$TMP/c7" -R "127.0.0.1:$R1:127.0.0.1:$ECHO" -R "127.0.0.1:$R2:127.0.0.1:$ECHO" -D "$L1"
expect "PermitListen" yes "$(peer talk "127.0.0.1:$R1" yes)"
grep -q "^Warning: remote port forwarding failed for listen port $R2\$" "$TMP/c7.err" ||
	fail "PermitListen let $R2 pass"
expect "PermitOpen" yes "$(peer socks 5h "127.0.0.1:$L1" "localhost:$ECHO" yes)"
expect "PermitOpen, another" "refused 5" "$(peer socks 5h "127.0.0.1:$L1" "127.0.0.1:$ECHO" x)"
wait_for grep -q '^channel [0-9]*: open failed: administratively prohibited' "$TMP/c7.err"
stop_server

start_server "AllowTcpForwarding no"
forward "$TMP/c8" -R "0:127.0.0.1:$ECHO"
grep -q "^Warning: remote port forwarding failed for listen port 0\$" "$TMP/c8.err" || fail "allowed"
say ok
