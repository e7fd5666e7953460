#!/bin/sh
# SPDX-License-Identifier: ISC
# What the cover of stealth costs, by real programs: a key's wait in the class for typing, and bulk in
# the top class next to that class's rate. Samples to stdout, as bench.h says. QSP_BIN is where the
# programs are, QSP_BENCH where those of bench/ are. Everything stays on 127.0.0.1.
: "${QSP_BIN:?}" "${QSP_BENCH:?}"
PRESSED=${KEYS:-200} # keys
# shellcheck source=tests/e2e/lib.sh disable=SC1091
. "${QSP_SRC:?}/tests/e2e/lib.sh"

TOP=60000        # MB an hour; the top class needs 56623
BYTES=62914560   # 8 s of it
RATE=7.864320    # MB/s of cells, one way: 64 cells of 768 bytes each 6.25 ms
ROOM=0.94921875  # of a cell is data, at most: 729 of 768 bytes
# shellcheck disable=SC2119 # no arguments of ours
make_user_key
start_server 'Shaping all'
client true || fail "qssh true"
QSSH="$QSP_BIN/qssh -F none -p $PORT -i $KEY -o BatchMode=yes -o StrictHostKeyChecking=yes"
QSSH="$QSSH -o UserKnownHostsFile=$KNOWN_HOSTS -l $USER_NAME"

"$QSP_BENCH/wait" "$PRESSED" "exec $QSSH --stealth 127.0.0.1 cat" "exec $QSSH 127.0.0.1 cat"

# wall times the command from the remote one's start, which stands in the file
for way in up down; do
	cover="$QSSH --stealth --budget=$TOP 127.0.0.1"
	produce="head -c $BYTES /dev/zero"
	stamp="$QSP_BENCH/wall stamp $TMP/stamp;"
	case $way in
	up) set -- "$produce | $cover '$stamp head -c $BYTES >/dev/null; $QSP_BENCH/wall stamp $TMP/end'" ;;
	down) set -- "$cover '$stamp $produce' </dev/null | { head -c $BYTES >/dev/null; $QSP_BENCH/wall stamp $TMP/end; }" ;;
	esac
	for _ in 1 2 3; do
		rm -f "$TMP/stamp" "$TMP/end"
		sh -c "$1" || fail "bulk $way in the top class"
		awk -v way="$way" -v bytes=$BYTES -v rate=$RATE -v room=$ROOM '
			FNR == NR { from = $1; next }
			{
				print "stealth." way, bytes / 1e6 / (($1 - from) / 1e9)
				print "stealth.rate", rate * room
			}' "$TMP/stamp" "$TMP/end"
	done
done
