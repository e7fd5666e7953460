# shellcheck shell=sh
# SPDX-License-Identifier: ISC
#
# A long or a bad link between two hosts, a and b, which are network namespaces of this scenario alone.
# After tests/e2e/lib.sh:
#
#   link_up delay=50 rate=300 queue=4000000   # 100 ms there and back; skips where it is not permitted
#   on_b start_server 'Port 8022' "ListenAddress $B"
#   on_a client true                          # from a to b
#   link loss=1                               # changes it
#   link cut; link mend
#
# A is 10.77.0.1 and B 10.77.0.2; the words are those of words.h. Both hosts are gone when the link is, and
# the scenario's end takes it down.
A=10.77.0.1
B=10.77.0.2

link() { "$QSP_BIN/../tests/netlink" ask "$TMP/link" "$@"; }

# link_up [mtu=N] [WORD]...
link_up() {
	"$QSP_BIN/../tests/netlink" serve "$TMP/link" "$@" 2>"$TMP/link.log" &
	link_pid=$!
	pids="$pids $link_pid"
	is_up_or_gone() { [ -S "$TMP/link" ] || gone "$link_pid"; }
	wait_for is_up_or_gone
	if [ ! -S "$TMP/link" ]; then
		rc=0
		wait "$link_pid" || rc=$?
		[ $rc -ne 77 ] || skip "no link of our own here: $(cat "$TMP/link.log")"
		fail "the link did not come up"
	fi
	namespaces=$(link namespaces)
	ENTER_A="nsenter --net=${namespaces% *}"
	ENTER_B="nsenter --net=${namespaces#* }"
	$ENTER_A true 2>"$TMP/link.log" || skip "no nsenter: $(cat "$TMP/link.log")"
}

# A command on a host: one of lib.sh (client, start_server, run_server), else a program.
on_a() { on "$ENTER_A" "$B" "$@"; }
on_b() { on "$ENTER_B" "$A" "$@"; }

on() {
	ENTER=$1
	SERVER_HOST=$2
	shift 2
	case $1 in
	client | start_server | run_server | status_of) "$@" ;;
	*) $ENTER "$@" ;;
	esac
}

# A count of the link's: link_count a|b packets|bytes|lost|full|cut
link_count() { link stats | awk -v way="$1" -v what="$2" '$1 == way { for (i = 2; i < NF; i += 2) if ($i == what) print $(i + 1) }'; }
