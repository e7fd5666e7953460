#!/bin/sh
# SPDX-License-Identifier: ISC
# What QSP does, shown on this machine alone: a server on a free port of 127.0.0.1, a client, keys,
# all in a temporary folder that is removed at the end. Runs as root or as any user.
set -eu
umask 022

QSP_BIN=${QSP_BIN:-$(cd "$(dirname "$0")/.." && pwd)/build/bin}
for program in qssh qsshd qssh-keygen qscp; do
	[ -x "$QSP_BIN/$program" ] || {
		echo "demo: $QSP_BIN/$program is not built: run make" >&2
		exit 1
	}
done

TMP=$(mktemp -d "${TMPDIR:-/tmp}/qsp-demo.XXXXXX")
HOME=$TMP/home
export HOME
mkdir -m 700 "$HOME" "$HOME/.qssh"
user=$(id -un)
server=
log=$TMP/qsshd.log

stop_server() {
	[ -n "$server" ] || return 0
	kill -TERM "$server" 2>/dev/null || :
	wait "$server" 2>/dev/null || :
	server=
}

finish() {
	status=$?
	trap - EXIT INT TERM HUP
	stop_server
	rm -rf "$TMP"
	exit $status
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

title() { printf '\n== %s\n' "$*"; }
say() { printf '   %s\n' "$*"; }
fail() {
	printf 'demo: FAILED: %s\n' "$*" >&2
	[ ! -s "$log" ] || tail -n 20 "$log" >&2
	exit 1
}

start_server() {
	: >"$log"
	"$QSP_BIN/qsshd" -D -e -f "$TMP/qsshd_config" 2>>"$log" </dev/null &
	server=$!
	tries=0
	until grep -q '^Server listening on ' "$log"; do
		kill -0 "$server" 2>/dev/null || fail "qsshd did not start"
		tries=$((tries + 1))
		[ $tries -lt 200 ] || fail "qsshd does not listen"
		sleep 0.05
	done
	port=$(sed -n 's/^Server listening on .* port \([0-9]*\)\.$/\1/p' "$log" | tail -n 1)
}

# Nobody is asked here, so a new host is accepted; on a terminal qssh would ask.
client() {
	"$QSP_BIN/qssh" -F none -p "$port" -l "$user" -o BatchMode=yes \
	    -o StrictHostKeyChecking=accept-new -o GlobalKnownHostsFile=none \
	    -o ConnectTimeout="${wait:-20}" "$@"
}

# A command line, as it would be typed, and what comes of it.
shown() {
	say "\$ qssh $*"
	client 127.0.0.1 "$@" 2>"$TMP/err" | sed 's/^/     /' || :
	[ ! -s "$TMP/err" ] || sed 's/^/     /' "$TMP/err"
}

now() { date +%s.%N; }
seconds() { awk "BEGIN { printf \"%.2f\", $2 - $1 }"; }

title "Keys"
"$QSP_BIN/qssh-keygen" -q -t kyber768 -N '' -C demo -f "$HOME/.qssh/id_kyber768" </dev/null
"$QSP_BIN/qssh-keygen" -q -t kyber768 -N '' -C host -f "$TMP/host_key" </dev/null
cp "$HOME/.qssh/id_kyber768.pub" "$TMP/authorized_keys"
chmod 600 "$TMP/authorized_keys"
say "a key for you and one for the server, X25519 and ML-KEM-768 together:"
"$QSP_BIN/qssh-keygen" -l -f "$HOME/.qssh/id_kyber768.pub" | sed 's/^/     /'
"$QSP_BIN/qssh-keygen" -l -f "$TMP/host_key.pub" | sed 's/^/     /'

cat >"$TMP/qsshd_config" <<END
Port 0
ListenAddress 127.0.0.1
HostKey $TMP/host_key
AuthorizedKeysFile $TMP/authorized_keys
PidFile $TMP/qsshd.pid
StrictModes no
PermitRootLogin yes
LogLevel VERBOSE
END
start_server
sed -i "s/^Port 0/Port $port/" "$TMP/qsshd_config"
say "qsshd listens on port $port of 127.0.0.1, as user $user"

title "A first contact: the host is not known yet, its key is kept"
# shellcheck disable=SC2016 # for the shell over there
shown 'echo "hello from $(id -un), over QSP"'

title "From then on both sides know each other: nothing on the wire gives the protocol away"
client -v 127.0.0.1 true 2>&1 | sed -n 's/^debug1: \(Handshake: .*\)/     \1/p'
say "(layout K: to the host's key; class S: under the secret that it sent last time)"
start=$(now)
i=0
while [ $i -lt 10 ]; do
	client 127.0.0.1 true || fail "a command"
	i=$((i + 1))
done
say "ten times \`qssh host true\`: $(seconds "$start" "$(now)") seconds"

title "Output, errors and exit status are the remote command's"
rc=0
client 127.0.0.1 'echo to stdout; echo to stderr >&2; exit 7' >"$TMP/out" 2>"$TMP/err" || rc=$?
say "stdout: $(cat "$TMP/out")   stderr: $(cat "$TMP/err")   status: $rc"
[ "$rc" = 7 ] || fail "the status is not 7"

title "A gigabyte through it, compared at the other end"
megabytes=1024
# the same bytes at both ends, made of a key and zeros: random to look at, and no file needed
pattern() {
	head -c $((megabytes * 1048576)) /dev/zero |
		openssl enc -aes-128-ctr -K 000102030405060708090a0b0c0d0e0f \
		    -iv 00000000000000000000000000000000 -nosalt 2>/dev/null
}
if command -v openssl >/dev/null; then
	pattern | sha256sum >"$TMP/sum.here" &
	sum=$!
	pattern | client 127.0.0.1 sha256sum >"$TMP/sum.there" || fail "the transfer"
	wait $sum
	cmp -s "$TMP/sum.here" "$TMP/sum.there" || fail "the gigabyte changed on the way"
	say "sha256 of what was sent and of what arrived: $(cut -c 1-16 "$TMP/sum.there")... both"
fi
start=$(now)
head -c $((megabytes * 1048576)) /dev/zero | client 127.0.0.1 'cat >/dev/null' || fail "sending"
t=$(seconds "$start" "$(now)")
say "sent:     $megabytes MiB in $t s, $(awk "BEGIN { printf \"%.0f\", $megabytes / $t }") MiB/s"
start=$(now)
client 127.0.0.1 "head -c $((megabytes * 1048576)) /dev/zero" >/dev/null || fail "receiving"
t=$(seconds "$start" "$(now)")
say "received: $megabytes MiB in $t s, $(awk "BEGIN { printf \"%.0f\", $megabytes / $t }") MiB/s"

title "A folder of a thousand files, there and back"
mkdir "$TMP/files"
i=0
while [ $i -lt 1000 ]; do
	echo "file $i" >"$TMP/files/$i"
	i=$((i + 1))
done
copy() {
	"$QSP_BIN/qscp" -q -F none -P "$port" -B -o GlobalKnownHostsFile=none "$@"
}
start=$(now)
copy -r "$TMP/files" "$user@127.0.0.1:$TMP/over-there" || fail "copying there"
copy -r "$user@127.0.0.1:$TMP/over-there" "$TMP/back" || fail "copying back"
t=$(seconds "$start" "$(now)")
diff -r "$TMP/files" "$TMP/back" || fail "the files changed on the way"
say "\$ qscp -r files 127.0.0.1:over-there; qscp -r 127.0.0.1:over-there back"
say "$t s for both ways; what came back is the same"

title "A key that the server does not know"
"$QSP_BIN/qssh-keygen" -q -t kyber768 -N '' -f "$TMP/stranger" </dev/null
rc=0
client -i "$TMP/stranger" 127.0.0.1 true 2>"$TMP/err" || rc=$?
sed 's/^/     /' "$TMP/err"
[ "$rc" = 255 ] || fail "a stranger's key was let in"
say "refused, status $rc"

title "The server's key changes: an old friend gets no answer, and says why that may be"
stop_server
rm -f "$TMP"/host_key*
"$QSP_BIN/qssh-keygen" -q -t kyber768 -N '' -f "$TMP/host_key" </dev/null
start_server
rc=0
wait=1
client 127.0.0.1 true 2>"$TMP/err" || rc=$?
sed 's/^/     /' "$TMP/err"
[ "$rc" = 255 ] || fail "a changed key was accepted"
say "and asked to look again as a stranger would (FirstContact=yes), it sees the other key:"
rc=0
client -o FirstContact=yes 127.0.0.1 true 2>"$TMP/err" || rc=$?
sed -n '/^@@/,$p' "$TMP/err" | sed 's/^/     /'
[ "$rc" = 255 ] || fail "a changed key was accepted"
say "refused, status $rc"

printf '\nThat was all; the folder it lived in is gone.\n'
