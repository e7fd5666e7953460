#!/bin/sh
# SPDX-License-Identifier: ISC
#
# [P4.7] A host whose address changes, and a network that is away for a while, in network namespaces:
# no packet says that the connection is gone.
# shellcheck disable=SC1091 # both are checked by themselves
. "${QSP_SRC:?}/tests/e2e/lib.sh"
. "$QSP_SRC/tests/netlink/lib.sh"

make_user_key
link_up delay=5
on_b start_server 'Port 8022' "ListenAddress $B"
on_a client true </dev/null || fail "no login"

mkfifo "$TMP/in"
CLIENT_OPTIONS='-v -o ServerAliveInterval=1 -o ServerAliveCountMax=2' on_a client cat <"$TMP/in" \
    >"$TMP/back" 2>"$TMP/err" &
call=$!
pids="$pids $call"
exec 8>"$TMP/in"
told() { [ "$(tail -n 1 "$TMP/back")" = "$1" ]; }
echo one >&8
wait_for told one

# another address, as after a change of networks
tun=$(on_a ip -o -4 addr show | sed -n "s|^[0-9]*: \([^ ]*\) *inet $A/.*|\1|p")
mask=$(on_a ip -o -4 addr show | sed -n "s|.* inet $A\(/[0-9]*\) .*|\1|p")
[ -n "$tun" ] || fail 'no such device'
on_a ip addr del "$A$mask" dev "$tun"
on_a ip addr add "10.77.0.3/24" dev "$tun"
echo two >&8
wait_for told two
wait_for log_has '^Resumed user .* from 10\.77\.0\.3 port '

# away, in both directions, with something on the way
timeouts() { grep -c 'Timeout, server' "$TMP/err" || :; }
before=$(timeouts)
link cut
echo three >&8
another_timeout() { [ "$(timeouts)" -gt "$before" ]; }
wait_for another_timeout
link mend
wait_for told three
exec 8>&-
wait "$call" || fail "its status: $?"
expect 'each once' 'one two three' "$(tr '\n' ' ' <"$TMP/back" | sed 's/ $//')"

say ok
