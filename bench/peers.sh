# shellcheck shell=sh
# SPDX-License-Identifier: ISC
#
# Both servers that the rows with processes need, and the clients' command lines in QSSH and SSH: `peers`
# is "ssh" where there is an OpenSSH to measure against, else empty. For bench/shell.sh and daily.sh.
# shellcheck source=tests/e2e/lib.sh disable=SC1091,SC2034 # what is unused here is used there
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
			Subsystem sftp internal-sftp
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
	ssh_options="-F none -i $TMP/ssh_user -c aes256-gcm@openssh.com"
	ssh_options="$ssh_options -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=no"
	ssh_options="$ssh_options -o UserKnownHostsFile=$TMP/ssh_known -o LogLevel=ERROR $quick"
	SSH="ssh $ssh_options -p $ssh_port -l $USER_NAME 127.0.0.1"
	$SSH true </dev/null 2>"$TMP/ssh.log"
}

# shellcheck disable=SC2119 # no arguments of ours
make_user_key
start_server 'AcceptEnv SHLVL'
client true || fail "qssh true"
qssh_options="-F none -i $KEY -o BatchMode=yes -o StrictHostKeyChecking=yes"
qssh_options="$qssh_options -o UserKnownHostsFile=$KNOWN_HOSTS -o Ciphers=aes256-gcm $quick"
QSSH="$QSP_BIN/qssh $qssh_options -p $PORT -l $USER_NAME 127.0.0.1"
peers=
if sshd_start; then
	peers=ssh
else
	say "no OpenSSH server to measure against: those rows say \"not measured\""
fi
