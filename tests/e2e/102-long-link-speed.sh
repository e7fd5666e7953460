#!/bin/sh
# SPDX-License-Identifier: ISC
# Over a link of 300 Mbit/s and 100 ms round trip, 1 GiB takes no longer than 1/0.8 of what iperf3 needs on
# the same link, login included: qscp, up and down.
# shellcheck disable=SC1091 # both are checked by themselves
. "${QSP_SRC:?}/tests/e2e/lib.sh"
. "$QSP_SRC/tests/netlink/lib.sh"

command -v iperf3 >/dev/null || skip "no iperf3"
MIB=${MIB:-1024}

make_user_key
link_up delay=50 rate="${RATE:-300}" queue=4000000
on_b start_server 'Port 8022' "ListenAddress $B"
on_a client true </dev/null || fail "exec of true"
on_b iperf3 -s -D -I "$TMP/iperf3.pid" || fail "iperf3 -s"
wait_for test -s "$TMP/iperf3.pid"
pids="$pids $(tr -d '\0' <"$TMP/iperf3.pid")"
head -c "${MIB}M" /dev/urandom >"$TMP/data"

# Mbit/s of iperf3 from a to b, or with -R from b to a
raw() {
	on_a iperf3 -J -c "$B" -n "${MIB}M" "$@" >"$TMP/iperf3.log" || fail "iperf3: $(cat "$TMP/iperf3.log")"
	awk -F'[:,]' '/"sum_received"/ { sum = 1 } sum && /bits_per_second/ { print $2 / 1e6; exit }' \
	    "$TMP/iperf3.log"
}

# compared NAME OURS IPERF3
compared() {
	say "$(awk -v n="$1" -v o="$2" -v r="$3" 'BEGIN { printf "%s: %.0f of iperf3'"'"'s %.0f Mbit/s: %.2f", n, o, r, o / r }')"
	awk -v o="$2" -v r="$3" 'BEGIN { exit !(o >= 0.8 * r) }' || fail "$1 is slower than 0.8 of iperf3"
}

# timed COMMAND...: Mbit/s of a command that moves the data
timed() {
	from=$(date +%s.%N)
	"$@" || return 1
	awk -v f="$from" -v t="$(date +%s.%N)" -v m="$MIB" 'BEGIN { print m * 8.388608 / (t - f) }'
}

# copied FROM TO
copied() {
	on_a qscp -q -F none -P "$PORT" -i "$KEY" -o BatchMode=yes -o "UserKnownHostsFile=$KNOWN_HOSTS" "$1" "$2"
}
up() { copied "$TMP/data" "$USER_NAME@$B:$TMP/up"; }
down() { copied "$USER_NAME@$B:$TMP/data" "$TMP/down"; }

ours=$(timed up) || fail "up"
cmp "$TMP/data" "$TMP/up" || fail "what came up differs"
rm "$TMP/up"
compared up "$ours" "$(raw)"
ours=$(timed down) || fail "down"
cmp "$TMP/data" "$TMP/down" || fail "what came down differs"
compared down "$ours" "$(raw -R)"
