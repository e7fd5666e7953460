#!/bin/sh
# SPDX-License-Identifier: ISC
# The rows of a day's work next to OpenSSH: copies of one large file and of many small ones, forwarded
# ports, and keys in a terminal. Samples to stdout, as bench.h says. COPY_MIB, FILES and ROUNDS say how much.
# shellcheck disable=SC2154 # peers.sh sets what is used here
: "${QSP_BIN:?}" "${QSP_BENCH:?}"
COPY_MIB=${COPY_MIB:-256}
FILES=${FILES:-10000}
ROUNDS=${ROUNDS:-5}
# Copies tell of the programs, not of a disk, where memory has the room.
if [ -z "${TMPDIR:-}" ] && [ -w /dev/shm ] &&
    [ "$(df -Pk /dev/shm | awk 'END { print int($4 / 1024) }')" -gt $((3 * COPY_MIB + 1024)) ]; then
	export TMPDIR=/dev/shm
fi
# shellcheck source=bench/peers.sh disable=SC1091
. "${QSP_SRC:?}/bench/peers.sh"

# --- keys -----------------------------------------------------------------------------------------

# A terminal over there in which a program reads each key and writes it. The rows with goals compare the way
# of a key with no grid of time, which ssh has only from 9.5 on; what qssh's grid costs is a row of its own.
there='stty raw -echo; echo ready; exec cat'
no_grid='-o ObscureKeystrokeTiming=no'
set --
# shellcheck disable=SC2086 # an option and its argument
if "$QSP_BIN/qssh" -F none -G $no_grid host >/dev/null 2>&1; then
	set -- keys.qssh "$QSSH $no_grid -tt '$there'"
	grid="$QSSH -o ObscureKeystrokeTiming=yes -tt '$there'"
else
	set -- keys.qssh "$QSSH -tt '$there'"
	grid=
	say "this qssh has no ObscureKeystrokeTiming: its row says \"not measured\""
fi
if [ -n "$peers" ]; then
	# shellcheck disable=SC2086
	ssh -F none -G $no_grid host >/dev/null 2>&1 || no_grid=
	set -- "$@" keys.ssh "$SSH $no_grid -tt '$there'"
fi
[ -z "$grid" ] || set -- "$@" keys.grid "$grid"
"$QSP_BENCH/keys" "$((ROUNDS + 2))" 300 "$@"

# --- forwarded ports ------------------------------------------------------------------------------

# tunnel NAME TARGET COMMAND...: a client that forwards a free port to TARGET; the port is $TMP/NAME.via
via=$((20000 + $$ * 37 % 30000))
tunnel() {
	name=$1
	target=$2
	shift 2
	tries=0
	while [ $tries -lt 20 ]; do
		tries=$((tries + 1))
		via=$((via + 1))
		! port_open $via || continue
		"$@" -N -o ExitOnForwardFailure=yes -L "127.0.0.1:$via:127.0.0.1:$target" \
		    </dev/null >/dev/null 2>"$TMP/$name.log" &
		tunnel_pid=$!
		until port_open $via || ! alive $tunnel_pid; do
			sleep 0.05
		done
		if alive $tunnel_pid; then
			pids="$pids $tunnel_pid"
			echo $via >"$TMP/$name.via"
			return 0
		fi
	done
	return 1
}
port_open() { grep -q "$(printf '0100007F:%04X 00000000:0000 0A' "$1")" /proc/net/tcp; }

# without the destination, so that options can follow
qssh_to() {
	# shellcheck disable=SC2086 # a list of options
	"$QSP_BIN/qssh" $qssh_options -p "$PORT" -l "$USER_NAME" "$@" 127.0.0.1
}
ssh_to() {
	# shellcheck disable=SC2086
	ssh $ssh_options -p "$ssh_port" -l "$USER_NAME" "$@" 127.0.0.1
}

forwarded() {
	"$QSP_BENCH/requests" serve "$TMP/requests.port" &
	pids="$pids $!"
	wait_for test -s "$TMP/requests.port"
	peer_start raw
	produce="dd if=/dev/zero bs=128k count=$((COPY_MIB * 8)) 2>/dev/null"
	for peer in qssh $peers; do
		if ! tunnel "requests.$peer" "$(cat "$TMP/requests.port")" "${peer}_to" ||
		    ! tunnel "bulk.$peer" "$(cat "$TMP/raw.port")" "${peer}_to"; then
			say "no -L of $peer: $(tail -n 1 "$TMP/requests.$peer.log")"
			return
		fi
	done
	set --
	for peer in qssh $peers; do
		set -- "$@" "forward.$peer" "$(cat "$TMP/requests.$peer.via")"
	done
	"$QSP_BENCH/requests" run "$ROUNDS" 200 "$@"
	set --
	for peer in qssh $peers; do
		set -- "$@" "forward.$peer.bulk" \
		    "$QSP_BENCH/remote raw run $(cat "$TMP/bulk.$peer.via") down '$produce' >/dev/null"
	done
	"$QSP_BENCH/wall" "$ROUNDS" "$TMP/stamp" "$@" >>"$TMP/bulk"
	awk -v bytes="$((COPY_MIB * 1048576))" '{ print $1, bytes / 1e6 / $2 }' "$TMP/bulk"
}
forwarded

# --- copies ---------------------------------------------------------------------------------------

head -c "$((COPY_MIB * 1048576))" /dev/urandom >"$TMP/large"
awk -v top="$TMP/many" -v files="$FILES" 'BEGIN {
	for (i = 0; i < files; i++) {
		folder = top "/" int(i / 100)
		if (i % 100 == 0)
			system("mkdir -p " folder)
		name = folder "/" i % 100
		for (k = 0; k < 1 + i % 40; k++)
			printf "%d: a line of a small file, of which there are many\n", k > name
		close(name)
	}
}'
qscp="$QSP_BIN/qscp -q $qssh_options -P $PORT"
scp="scp -q ${ssh_options:-} -P ${ssh_port:-}"

# copies ROUNDS NAME FROM TO
copies() {
	rounds=$1
	name=$2
	from=$3
	to=$4
	set -- "$name.qscp" "rm -rf $TMP/to; $qscp -r $from $to"
	[ -z "$peers" ] || set -- "$@" "$name.scp" "rm -rf $TMP/to; $scp -r $from $to"
	# shellcheck disable=SC2086 # it may be two words
	"$QSP_BENCH/wall" $rounds "$TMP/stamp" "$@" >>"$TMP/copies"
}
host=$USER_NAME@127.0.0.1
copies "$ROUNDS" large.up "$TMP/large" "$host:$TMP/to"
copies "$ROUNDS" large.down "$host:$TMP/large" "$TMP/to"
# these take a while, and the way is warm
copies 'cold 2' many.up "$TMP/many" "$host:$TMP/to"
copies 'cold 2' many.down "$host:$TMP/many" "$TMP/to"
awk -v bytes="$((COPY_MIB * 1048576))" -v files="$FILES" '
	/^large/ { print $1, bytes / 1e6 / $2 }
	/^many/ { print $1, files / $2 }' "$TMP/copies"
