#!/bin/sh
# SPDX-License-Identifier: ISC
# The link of tests/netlink is what it says, judged by ping and iperf3: others stand on it.
# shellcheck disable=SC1091 # both are checked by themselves
. "${QSP_SRC:?}/tests/e2e/lib.sh"
. "$QSP_SRC/tests/netlink/lib.sh"

command -v ping >/dev/null || skip "no ping"
command -v iperf3 >/dev/null || skip "no iperf3"

# between LOW VALUE HIGH: decimals
between() { awk -v low="$1" -v value="$2" -v high="$3" 'BEGIN { exit !(value != "" && value >= low && value <= high) }'; }

link_up delay=25 seed=1

# the least of a few round trips is the two delays, and a little
rtt=
quick() {
	on_a ping -q -c 5 -i 0.05 "$B" >"$TMP/ping.log" || return 1
	rtt=$(sed -n 's|^rtt min/avg/max/mdev = \([0-9.]*\)/.*|\1|p' "$TMP/ping.log")
	between 50 "$rtt" 60
}
wait_for quick
say "round trip $rtt ms of 50"

# nothing passes a cut, and after it all does
link cut
! on_a ping -q -c 1 -W 1 "$B" >/dev/null || fail "a cut link carries"
link mend
on_a ping -q -c 1 "$B" >/dev/null || fail "a mended link does not carry"

# a tenth is lost one way: 100 expected of 1000, standard deviation under 10; none the other way
link delay=1 a.loss=10
before=$(link_count a lost)
on_a ping -q -c 1000 -i 0.002 -W 5 "$B" >"$TMP/ping.log" || : # some are lost
got=$(sed -n 's/.* \([0-9]*\) received.*/\1/p' "$TMP/ping.log")
lost=$(($(link_count a lost) - before))
expect "what is lost and what arrives" 1000 $((lost + got))
between 60 "$lost" 140 || fail "lost $lost of 1000, wanted a tenth"
expect "lost the other way" 0 "$(link_count b lost)"
say "lost $lost of 1000, wanted a tenth"

# rate SECONDS: what iperf3 gets from a to b, Mbit/s
on_b iperf3 -s -D -I "$TMP/iperf3.pid" || fail "iperf3 -s"
wait_for test -s "$TMP/iperf3.pid"
pids="$pids $(tr -d '\0' <"$TMP/iperf3.pid")"
rate() {
	on_a iperf3 -J -c "$B" -t "$1" >"$TMP/iperf3.log" || fail "iperf3: $(cat "$TMP/iperf3.log")"
	awk -F'[:,]' '/"sum_received"/ { sum = 1 } sum && /bits_per_second/ { print $2 / 1e6; exit }' \
	    "$TMP/iperf3.log"
}

# The rate is the wire's, headers and all: never more, and as much where the machine has time for it.
# at_least RATE: sets got; tried again while a busy machine does not get so far
at_least() {
	got=$(rate 1)
	between "$1" "$got" 100000
}
at_most() { between 0 "$got" "$1" || fail "iperf3 got $got Mbit/s over a wire of $1"; }
for wire in 20 5; do
	link loss=0 delay=5 rate=$wire queue=100000
	wait_for at_least "$(awk "BEGIN { print $wire * 0.7 }")"
	at_most "$wire"
	say "iperf3: $got Mbit/s over a wire of $wire"
done

# a queue that is short drops, and the window finds the rate all the same
link rate=20 queue=10000
before=$(link_count a full)
dropped() { at_least 3 && [ "$(link_count a full)" -gt "$before" ]; }
wait_for dropped
at_most 20
say "iperf3: $got Mbit/s of 20 with a queue of 10 kB"

link rate=0 delay=0
say "iperf3: $(rate 1) Mbit/s without limits, MTU 1500"
