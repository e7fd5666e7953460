#!/bin/sh
# SPDX-License-Identifier: ISC
# Where forwards listen: unix sockets, their modes and what was there before; -g and GatewayPorts; addresses.
. "${QSP_SRC:?}/tests/e2e/lib.sh"
. "$QSP_SRC/tests/e2e/forward.sh"

start_echo
listens() { ss -Hltn "sport = :$1" 2>/dev/null | awk '{print $4}' | sort | tr '\n' ' '; }

# StreamLocalBindMask and StreamLocalBindUnlink
forward "$TMP/c1" -L "$TMP/a.sock:127.0.0.1:$ECHO" -o StreamLocalBindMask=0117
expect "mode" 660 "$(stat -c %a "$TMP/a.sock")"
forward "$TMP/c2" -L "$TMP/a.sock:127.0.0.1:$ECHO"
grep -q "^unix_listener: cannot bind to path $TMP/a.sock: Address already in use\$" "$TMP/c2.err" ||
	fail "not told: $(cat "$TMP/c2.err")"
expect "the first one's" hello "$(peer talk "$TMP/a.sock" hello)"
kill -KILL "$(cat "$TMP/c1.pid")"
wait_for gone "$(cat "$TMP/c1.pid")"
[ -S "$TMP/a.sock" ] || fail "what a kill leaves"
forward "$TMP/c3" -L "$TMP/a.sock:127.0.0.1:$ECHO" -o StreamLocalBindUnlink=yes
expect "in place of it" hello "$(peer talk "$TMP/a.sock" hello)"
# whose name was taken over does not remove the other's
forward "$TMP/c4" -L "$TMP/a.sock:127.0.0.1:$ECHO" -o StreamLocalBindUnlink=yes
end_forward "$TMP/c3"
expect "the other's" hello "$(peer talk "$TMP/a.sock" hello)"
end_forward "$TMP/c4"
[ ! -e "$TMP/a.sock" ] || fail "its own name is still there"

# tokens and variables in paths
FORWARD_DIR=$TMP
export FORWARD_DIR
# shellcheck disable=SC2016 # qssh's to expand
forward "$TMP/c9" -o 'LocalForward ${FORWARD_DIR}/%r-%p.sock 127.0.0.1:'"$ECHO"
expect "tokens" hello "$(peer talk "$TMP/$USER_NAME-$PORT.sock" hello)"
expect "an unknown one" 255 "$(status_of forward_only -L "$TMP/%y:127.0.0.1:$ECHO")"

# a path that is too long, or nowhere
long=$TMP/$(printf '%0120d' 0)
expect "too long" 255 "$(status_of forward_only -o ExitOnForwardFailure=yes -L "$long:127.0.0.1:$ECHO")"
expect "nowhere" 255 "$(status_of forward_only -o ExitOnForwardFailure=yes \
    -L "$TMP/no/such:127.0.0.1:$ECHO")"
forward "$TMP/c5" -L "$TMP/b.sock:$TMP/nobody.sock" -D "$TMP/d.sock"
expect "nobody there" "" "$(peer talk "$TMP/b.sock" x 2>/dev/null || :)"
wait_for grep -q '^channel [0-9]*: open failed: connect failed' "$TMP/c5.err"
expect "SOCKS on a path" hello "$(peer socks 5h "$TMP/d.sock" "127.0.0.1:$ECHO" hello)"

# without an address: loopback; with -g, * or an empty one: all; the address where there is one
command -v ss >/dev/null || skip "no ss to look at addresses; what was before passed"
for n in 1 2 3 4 5; do eval "L$n=\$(free_port)"; done
forward "$TMP/c6" -L "${L1:?}:h:1" -L "*:${L2:?}:h:1" -L ":${L3:?}:h:1" -D "127.0.0.1:${L4:?}"
expect "loopback" "127.0.0.1:$L1 [::1]:$L1 " "$(listens "$L1")"
expect "*" "0.0.0.0:$L2 [::]:$L2 " "$(listens "$L2")"
expect "an empty one" "0.0.0.0:$L3 [::]:$L3 " "$(listens "$L3")"
expect "an address" "127.0.0.1:$L4 " "$(listens "$L4")"
forward "$TMP/c7" -g -D "${L5:?}"
expect "-g" "0.0.0.0:$L5 [::]:$L5 " "$(listens "$L5")"
end_forward "$TMP/c7"
forward "$TMP/c8" -o GatewayPorts=yes -L "$L5:h:1"
expect "GatewayPorts" "0.0.0.0:$L5 [::]:$L5 " "$(listens "$L5")"
say ok
