# shellcheck shell=sh
# SPDX-License-Identifier: ISC
#
# What every scenario stands on. Use:
#
#   . "${QSP_SRC:?}/tests/e2e/lib.sh"
#   make_user_key                    # $HOME/.qssh/id_kyber768, and it may log in
#   start_server 'MaxSessions 2'     # qsshd on a free port of 127.0.0.1, with more config lines
#   client true                      # qssh to it as $USER_NAME
#
# Each scenario has a HOME of its own in a temporary folder, so scenarios run side by side; at the
# end whatever they started is ended and the folder removed. Nothing here waits for time to pass,
# wait_for asks for a condition until it holds.
set -eu
umask 022

: "${QSP_BIN:?where the programs are}"
QSP_SRC=${QSP_SRC:-$(pwd)}

TMP=$(mktemp -d "${TMPDIR:-/tmp}/qsp-e2e.XXXXXX")
HOME=$TMP/home
mkdir -m 700 "$HOME" "$HOME/.qssh"
export HOME
unset QSSH_AUTH_SOCK SSH_AUTH_SOCK DISPLAY SSH_CONNECTION SSH_CLIENT SSH_TTY 2>/dev/null || :
# of libcrypto, which is not instrumented, ThreadSanitizer sees half
TSAN_OPTIONS=${TSAN_OPTIONS:-suppressions=$QSP_SRC/tests/tsan.supp}
export TSAN_OPTIONS
USER_NAME=$(id -un)
KEY=$HOME/.qssh/id_kyber768
KNOWN_HOSTS=$HOME/.qssh/known_hosts
PATH=$QSP_BIN:$PATH
export PATH

# where servers and clients run, and whom clients ask; tests/netlink/lib.sh sets them
ENTER=
SERVER_HOST=127.0.0.1

# ids of what must not outlive the scenario
pids=

say() { printf '%s: %s\n' "${0##*/}" "$*"; }

# Ends the scenario as failed, with the servers' last words.
fail() {
	say "FAILED: $*" >&2
	for log in "$TMP"/*.log; do
		[ -s "$log" ] || continue
		printf -- '--- %s\n' "$log" >&2
		tail -n 40 "$log" >&2
	done
	exit 1
}

skip() {
	say "skipped: $*"
	exit 77
}

# Descriptors and children of a process are found by its environment: each has our HOME.
ours() {
	for p in /proc/[0-9]*; do
		if [ "${p#/proc/}" != $$ ] &&
		    { tr '\0' '\n' <"$p/environ"; } 2>/dev/null | grep -qx "QSP_E2E=$TMP"; then
			printf '%s\n' "${p#/proc/}"
		fi
	done
}

# A sanitizer's report in a server's log fails the scenario.
sanitized() {
	! grep -l -e 'Sanitizer' -e 'runtime error:' "$TMP"/*.log 2>/dev/null
}

# A process of the scenario: numbers are given again, to whoever starts next.
mine() {
	grep -q "^PPid:[[:space:]]*$$\$" "/proc/$1/status" 2>/dev/null || [ ! -r "/proc/$1/environ" ] ||
		grep -q -a -F "$TMP" "/proc/$1/environ" 2>/dev/null
}

finish() {
	status=$?
	trap - EXIT INT TERM HUP
	left=
	for p in $pids; do
		if mine "$p"; then
			left="$left $p"
			kill -TERM "$p" 2>/dev/null || :
		fi
	done
	# and who is nobody's child: the program that a background function had called, say
	for f in $(grep -l -a -s -F "HOME=$TMP/home" /proc/[0-9]*/environ); do
		p=${f#/proc/}
		left="$left ${p%/environ}"
		kill -TERM "${p%/environ}" 2>/dev/null || :
	done
	tries=0
	for p in $left; do
		while kill -0 "$p" 2>/dev/null && [ $tries -lt 120 ]; do
			sleep 0.05
			tries=$((tries + 1))
		done
		kill -KILL "$p" 2>/dev/null || :
	done
	if [ $status -eq 0 ] && ! sanitized; then
		cat "$TMP"/*.log >&2
		status=1
	fi
	if [ -n "${QSP_E2E_KEEP:-}" ]; then
		say "kept: $TMP"
	else
		# what is about to end may still write there
		tries=0
		until rm -rf "$TMP" 2>/dev/null || [ $tries -ge 100 ]; do
			sleep 0.05
			tries=$((tries + 1))
		done
	fi
	exit $status
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Asks a condition (a command) until it holds. The bound is there to say what is missing before CTest's ends
# all: a machine that is busy is no failure.
wait_for() {
	give_up=
	until "$@" >/dev/null 2>&1; do
		read -r up _ </proc/uptime
		: "${give_up:=$((${up%.*} + 120))}"
		[ "${up%.*}" -lt "$give_up" ] || fail "waited in vain for: $*"
		sleep 0.05
	done
}

# The process is there and is no zombie.
alive() {
	case $(sed -n 's/^State:[[:space:]]*//p' "/proc/$1/status" 2>/dev/null) in
	'' | Z* | X*) return 1 ;;
	esac
}

gone() { ! alive "$1"; }

log_has() { grep -q -e "$1" "$SERVER_LOG"; }

# Waits for a line in the log of the server.
wait_log() { wait_for log_has "$1"; }

# The children of a process whose program is NAME: children PID NAME
children() {
	# shellcheck disable=SC2013 # numbers on one line
	for p in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
		if [ "$(cat "/proc/$p/comm" 2>/dev/null)" = "$2" ]; then
			printf '%s\n' "$p"
		fi
	done
}

# A key without a passphrase that may log in: make_user_key [TYPE [FILE]]
make_user_key() {
	key_type=${1:-kyber768}
	key_file=${2:-$HOME/.qssh/id_$key_type}
	qssh-keygen -q -t "$key_type" -N '' -C e2e -f "$key_file" </dev/null >/dev/null ||
		fail "qssh-keygen -t $key_type"
	cat "$key_file.pub" >>"$TMP/authorized_keys"
	chmod 600 "$TMP/authorized_keys"
}

# Writes $SERVER_CONFIG: the basics, then the lines given, which come first and so win. HOME and SHLVL are for bash,
# which reads ~/.bashrc in a terminal, and where it finds SSH_CLIENT even for a command that no other shell starts:
# what the user of this machine has there takes its time, and may break when a scenario kills it.
write_config() {
	no_rc="SHLVL=2 HOME=$TMP/nobody"
	{
		port_line='Port 0'
		for line in "$@"; do
			case $line in
			'Port '*) port_line= ;;
			'SetEnv '*) line="SetEnv $no_rc ${line#SetEnv }" ;; # the first such line is all that counts
			esac
			printf '%s\n' "$line"
		done
		cat <<-END
			$port_line
			ListenAddress 127.0.0.1
			HostKey $TMP/host_key
			AuthorizedKeysFile $TMP/authorized_keys
			PidFile $TMP/qsshd.pid
			StrictModes no
			PermitRootLogin yes
			LogLevel VERBOSE
			SetEnv $no_rc
		END
	} >"$SERVER_CONFIG"
}

# start_server [CONFIG LINE]...: sets SERVER (process id), PORT, SERVER_LOG, SERVER_CONFIG.
start_server() {
	SERVER_LOG=$TMP/qsshd.log
	SERVER_CONFIG=$TMP/qsshd_config
	write_config "$@"
	run_server
}

# The same with the configuration that is there.
run_server() {
	: >"$SERVER_LOG"
	# shellcheck disable=SC2086 # nothing, or a program and its arguments
	$ENTER env QSP_E2E="$TMP" "$QSP_BIN/qsshd" -D -e -f "$SERVER_CONFIG" 2>>"$SERVER_LOG" </dev/null &
	SERVER=$!
	pids="$pids $SERVER"
	listens_or_ends() { log_has '^Server listening on ' || gone "$SERVER"; }
	wait_for listens_or_ends
	log_has '^Server listening on ' || fail "qsshd did not start"
	PORT=$(sed -n 's/^Server listening on 127\.0\.0\.1 port \([0-9]*\)\.$/\1/p' "$SERVER_LOG" |
		tail -n 1)
	[ -n "$PORT" ] || fail "no port in the log"
	export PORT
}

stop_server() {
	kill -TERM "$SERVER" 2>/dev/null || :
	wait_for gone "$SERVER"
	wait "$SERVER" 2>/dev/null || :
	sanitized || fail "a sanitizer has complained"
}

# qssh to the server, never asking; its own options may come first: client -v -- true
# PATIENCE is for calls that nobody answers.
client() {
	# shellcheck disable=SC2086 # options of the scenario
	$ENTER "$QSP_BIN/qssh" -F none -p "$PORT" -i "$KEY" -o BatchMode=yes \
	    -o StrictHostKeyChecking=accept-new -o "UserKnownHostsFile=$KNOWN_HOSTS" \
	    -o "ConnectTimeout=${PATIENCE:-60}" -l "$USER_NAME" ${CLIENT_OPTIONS:-} "$SERVER_HOST" "$@"
}

# ~/.qssh/config for calls that do not come by way of client: what that one says, behind the lines given.
write_client_config() {
	printf '%s\n' "$@" "IdentityFile $KEY" "UserKnownHostsFile $KNOWN_HOSTS" \
	    'StrictHostKeyChecking accept-new' 'BatchMode yes' 'ConnectTimeout 60' >"$HOME/.qssh/config"
}

# expect NAME WANTED GOT
expect() {
	[ "$2" = "$3" ] || fail "$1: wanted '$2', got '$3'"
}

# The exit status of a command: status_of CMD...; its output goes to $TMP/out and $TMP/err.
status_of() {
	rc=0
	"$@" >"$TMP/out" 2>"$TMP/err" </dev/null || rc=$?
	printf '%s\n' "$rc"
}

# The prober (helpers/probe.c) against the server: probe WHAT [ARGUMENT]
probe() {
	[ -s "$TMP/host_key.pub" ] ||
		qssh-keygen -y -f "$TMP/host_key" >"$TMP/host_key.pub" || fail "host key"
	"$QSP_BIN/../tests/e2e-probe" "$PORT" "$TMP/host_key.pub" \
	    "$(sed -n 's/^current [^ ]* //p' "$TMP/host_key.secret")" "$@"
}
