#!/bin/sh
# SPDX-License-Identifier: ISC
# Over a link of 100 ms round trip what arrives is right, both ways; and over one that loses packets.
# How fast is 102's matter.
# shellcheck disable=SC1091 # both are checked by themselves
. "${QSP_SRC:?}/tests/e2e/lib.sh"
. "$QSP_SRC/tests/netlink/lib.sh"

make_user_key
link_up delay=50 rate=500 queue=4000000 seed=3
on_b start_server 'Port 8022' "ListenAddress $B"
on_a client true </dev/null || fail "exec of true"

copied() {
	on_a qscp -q -F none -P "$PORT" -i "$KEY" -o BatchMode=yes -o "UserKnownHostsFile=$KNOWN_HOSTS" "$1" "$2"
}

# both_ways MIB: up and down, compared over there and here
both_ways() {
	head -c "$(($1 << 20))" /dev/urandom >"$TMP/data"
	sum=$(sha256sum <"$TMP/data")
	expect "$1 MiB up" "$sum" "$(on_a client sha256sum <"$TMP/data")"
	expect "$1 MiB down" "$sum" "$(on_a client "cat '$TMP/data'" </dev/null | sha256sum)"
	copied "$TMP/data" "$USER_NAME@$B:$TMP/up" || fail "qscp of $1 MiB up"
	cmp "$TMP/data" "$TMP/up" || fail "$1 MiB differ after qscp up"
	copied "$USER_NAME@$B:$TMP/data" "$TMP/down" || fail "qscp of $1 MiB down"
	cmp "$TMP/data" "$TMP/down" || fail "$1 MiB differ after qscp down"
	rm "$TMP/up" "$TMP/down"
	head -c 4194304 "$TMP/data" >"$TMP/part"
	on_a client cat <"$TMP/part" >"$TMP/back" || fail "4 MiB there and back"
	cmp "$TMP/part" "$TMP/back" || fail "4 MiB changed on the way there and back"
}

both_ways 32
expect status 7 "$(on_a status_of client 'exit 7')"

link delay=4 jitter=4 loss=1
both_ways 4
# many short logins: each loses a packet of its handshake now and then
for i in 1 2 3 4 5 6 7 8 9 10; do
	expect "login $i over a link that loses" "$i" "$(on_a client "echo $i" </dev/null)"
done
for way in a b; do
	[ "$(link_count $way lost)" -gt 10 ] || fail "the link has lost nothing: $(link stats)"
done

# a link that is away for a while, with data on the way
link loss=0
mkfifo "$TMP/pause"
(
	head -c 1048576 "$TMP/data"
	read -r _ <"$TMP/pause"
	tail -c +1048577 "$TMP/data"
) | on_a client cat >"$TMP/back" &
copy=$!
half() { [ "$(wc -c <"$TMP/back")" -ge 500000 ]; }
wait_for half
link cut
echo on >"$TMP/pause"
cut_some() { [ "$(link_count a cut)" -gt 3 ]; }
wait_for cut_some
link mend
wait $copy || fail "a copy did not survive a short cut"
cmp "$TMP/data" "$TMP/back" || fail "a short cut changed the data"
