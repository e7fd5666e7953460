#!/bin/sh
# SPDX-License-Identifier: ISC
# The rows that need processes: bulk through qssh and qsshd up and down, and `host true`, each next
# to OpenSSH, TLS 1.3 and bare TCP with the same producers and consumers. Samples to stdout, as
# bench.h says. QSP_BIN is where the programs are, QSP_BENCH where those of bench/ are.
# MIB and ROUNDS say how much of it; everything stays on 127.0.0.1.
: "${QSP_BIN:?}" "${QSP_BENCH:?}"
MIB=${MIB:-512}
ROUNDS=${ROUNDS:-9}
# shellcheck source=tests/e2e/lib.sh disable=SC1091
. "${QSP_SRC:?}/tests/e2e/lib.sh"

say() { printf 'bench: %s\n' "$*" >&2; }

# bash reads ~/.bashrc when a remote login runs a command, unless it is a shell in a shell: what the
# user has put there belongs to neither side.
quick='-o SetEnv=SHLVL=1'

# --- peers ----------------------------------------------------------------------------------

# peer_start KIND: a server of bench/bench_remote.c, its port in $TMP/KIND.port
peer_start() {
	"$QSP_BENCH/remote" "$1" serve "$TMP/$1.port" 2>"$TMP/$1.log" &
	pids="$pids $!"
	wait_for test -s "$TMP/$1.port"
}

sshd_listens() { grep -q '^Server listening' "$TMP/sshd.log" 2>/dev/null; }

# An sshd of our own on a free port; false where there is none or a login fails.
sshd_start() {
	sshd=$(PATH=$PATH:/usr/sbin:/usr/local/sbin command -v sshd) || return 1
	command -v ssh >/dev/null || return 1
	ssh-keygen -q -t ed25519 -N '' -f "$TMP/ssh_host" </dev/null >/dev/null || return 1
	ssh-keygen -q -t ed25519 -N '' -f "$TMP/ssh_user" </dev/null >/dev/null || return 1
	if [ "$(id -u)" = 0 ]; then
		mkdir -p /run/sshd || return 1
	fi
	tries=0
	while [ $tries -lt 20 ]; do
		tries=$((tries + 1))
		ssh_port=$((20000 + ($$ * 31 + tries * 977) % 30000))
		cat >"$TMP/sshd_config" <<-END
			Port $ssh_port
			ListenAddress 127.0.0.1
			HostKey $TMP/ssh_host
			AuthorizedKeysFile $TMP/ssh_user.pub
			PidFile none
			StrictModes no
			PermitRootLogin yes
			PasswordAuthentication no
			UsePAM no
			UseDNS no
			AcceptEnv SHLVL
			LogLevel INFO
		END
		"$sshd" -D -e -f "$TMP/sshd_config" 2>"$TMP/sshd.log" </dev/null &
		ssh_pid=$!
		until sshd_listens || ! alive $ssh_pid; do
			sleep 0.05
		done
		if alive $ssh_pid; then
			pids="$pids $ssh_pid"
			break
		fi
	done
	SSH="ssh -F none -p $ssh_port -i $TMP/ssh_user -c aes256-gcm@openssh.com"
	SSH="$SSH -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=no"
	SSH="$SSH -o UserKnownHostsFile=$TMP/ssh_known -o LogLevel=ERROR $quick"
	SSH="$SSH -l $USER_NAME 127.0.0.1"
	$SSH true </dev/null 2>"$TMP/ssh.log"
}

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

# shellcheck disable=SC2119 # no arguments of ours
make_user_key
start_server 'AcceptEnv SHLVL'
client true || fail "qssh true"
QSSH="$QSP_BIN/qssh -F none -p $PORT -i $KEY -o BatchMode=yes -o StrictHostKeyChecking=yes"
QSSH="$QSSH -o UserKnownHostsFile=$KNOWN_HOSTS -o Ciphers=aes256-gcm $quick -l $USER_NAME 127.0.0.1"
peer_start tls
peer_start raw
peers="tls raw"
if sshd_start; then
	peers="ssh $peers"
else
	say "no OpenSSH server to measure against: those rows say \"not measured\""
fi
measure 21 true down
measure "$ROUNDS" up up
measure "$ROUNDS" down down

# Seconds become ms, or MB/s.
awk -v bytes="$((MIB * 1048576))" '
	/^true/ { print $1, $2 * 1000 }
	!/^true/ { print $1, bytes / 1e6 / $2 }' "$TMP/samples"
