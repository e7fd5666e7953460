#!/bin/sh
# SPDX-License-Identifier: ISC
# The rows that need processes: bulk through qssh and qsshd up and down, and `host true`, each next
# to OpenSSH, TLS 1.3 and bare TCP with the same producers and consumers. Samples to stdout, as
# bench.h says. QSP_BIN is where the programs are, QSP_BENCH where those of bench/ are.
# MIB and ROUNDS say how much of it; everything stays on 127.0.0.1.
: "${QSP_BIN:?}" "${QSP_BENCH:?}"
MIB=${MIB:-512}
ROUNDS=${ROUNDS:-9}
# shellcheck source=bench/peers.sh disable=SC1091
. "${QSP_SRC:?}/bench/peers.sh"
peer_start tls
peer_start raw
peers="$peers tls raw"

# --- measuring -------------------------------------------------------------------------------

produce="dd if=/dev/zero bs=128k count=$((MIB * 8)) 2>/dev/null"
stamp="$QSP_BENCH/wall stamp $TMP/stamp;"

# measure ROUNDS NAME UP|DOWN|TRUE: the commands in turn, for each peer that is there
measure() {
	rounds=$1
	name=$2
	way=$3
	set --
	for peer in qssh $peers; do
		case $peer in
		qssh) shell=$QSSH ;;
		ssh) shell=$SSH ;;
		*) shell="$QSP_BENCH/remote $peer run $(cat "$TMP/$peer.port")" ;;
		esac
		direction=
		case $peer in
		tls | raw) direction=$way ;;
		esac
		case $name in
		true) c="$shell ${direction:+down} true </dev/null" ;;
		up) c="$produce | $shell $direction '$stamp cat >/dev/null'" ;;
		down) c="$shell $direction '$stamp $produce' </dev/null >/dev/null" ;;
		esac
		set -- "$@" "$name.$peer" "$c"
	done
	"$QSP_BENCH/wall" "$rounds" "$TMP/stamp" "$@" >>"$TMP/samples"
}

measure 21 true down
measure "$ROUNDS" up up
measure "$ROUNDS" down down

# Seconds become ms, or MB/s.
awk -v bytes="$((MIB * 1048576))" '
	/^true/ { print $1, $2 * 1000 }
	!/^true/ { print $1, bytes / 1e6 / $2 }' "$TMP/samples"
