#!/bin/sh
# SPDX-License-Identifier: ISC
# A forwarded connection whose reader has stopped, in each direction and of each kind, stops no other,
# nor the session; and memory does not grow by what it is sent.
. "${QSP_SRC:?}/tests/e2e/lib.sh"
. "$QSP_SRC/tests/e2e/forward.sh"

start_echo
serve 127.0.0.1:0 sink
SINK=$SERVED
serve 127.0.0.1:0 source
SOURCE=$SERVED

SOCK=$TMP/ctl
L1=$(free_port)
L2=$(free_port)
L3=$(free_port)
D=$(free_port)
forward "$TMP/c" -M -S "$SOCK" -L "$L1:127.0.0.1:$SINK" -L "$L2:127.0.0.1:$ECHO" \
    -L "$L3:127.0.0.1:$SOURCE" -D "$D" -R "0:127.0.0.1:$SINK" -R "0:127.0.0.1:$ECHO" -R 0
wait_for test -S "$SOCK"
port_to() { sed -n "s|^Allocated port \([0-9]*\) for remote forward to $1\$|\1|p" "$TMP/c.err"; }
R1=$(port_to "127.0.0.1:$SINK")
R2=$(port_to "127.0.0.1:$ECHO")
R3=$(port_to socks:0)

others_go() {
	expect "-L $1" hello "$(peer talk "127.0.0.1:$L2" hello)"
	expect "-R $1" hello "$(peer talk "127.0.0.1:$R2" hello)"
	expect "-D $1" hello "$(peer socks 5h "127.0.0.1:$D" "127.0.0.1:$ECHO" hello)"
	expect "a session $1" 3000000 \
	    "$(CLIENT_OPTIONS="-S $SOCK" client 'head -c 3000000 /dev/zero' </dev/null | wc -c | tr -d ' ')"
}

# the target reads nothing, several at once; then the program here reads nothing
for i in 1 2 3; do
	peer_stays stall "127.0.0.1:$L1" 200000000 "$TMP/l.$i"
	peer_stays stall "127.0.0.1:$R1" 200000000 "$TMP/r.$i"
	peer_stays stall "127.0.0.1:$L3" 0 "$TMP/s.$i"
done
# one that asks by SOCKS and never finishes, here and there
peer_stays stall "127.0.0.1:$D" 0 "$TMP/d.1"
peer_stays stall "127.0.0.1:$R3" 0 "$TMP/d.2"
wait_for sh -c "[ \$(ls $TMP/[lrsd].[123] 2>/dev/null | wc -l) = 11 ]"
others_go "beside stalled ones"

# nothing more moves on them, so nothing more is kept: what the client's memory is now it stays
resident() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$(cat "$TMP/c.pid")/status"; }
[ "$(resident)" -lt 150000 ] || fail "the client holds $(resident) KiB"
before=$(resident)
others_go "and again"
[ "$(resident)" -lt $((before + 60000)) ] || fail "memory grew from $before to $(resident) KiB"

# the stalled ones go; what is new works
end_forward "$TMP/c"
say ok
