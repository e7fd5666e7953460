#!/bin/sh
# SPDX-License-Identifier: ISC
# Commands: exit status, standard descriptors exact to the byte, end of input, signals.
# shellcheck disable=SC1091,SC2016 # lib.sh is checked by itself; some text is for other shells
. "${QSP_SRC:?}/tests/e2e/lib.sh"

make_user_key
start_server
client true || fail "exec of true"

# the status is the command's
for n in 0 1 7 254 255; do
	expect "exit $n" "$n" "$(status_of client "exit $n")"
done

# stdout and stderr stay apart, and neither gets a word of ours
client 'echo out; echo err >&2' >"$TMP/o" 2>"$TMP/e"
expect stdout out "$(cat "$TMP/o")"
expect stderr err "$(cat "$TMP/e")"
expect words 'a b  c' "$(client "echo 'a b  c'")"
expect joined 'x y' "$(client echo x y)"

# exact to the byte both ways: every byte value, and 64 MiB
awk 'BEGIN { for (i = 0; i < 256; i++) printf "\\%03o", i }' >"$TMP/escapes"
# shellcheck disable=SC2059 # the format is the data
printf "$(cat "$TMP/escapes")" >"$TMP/bytes"
client cat <"$TMP/bytes" >"$TMP/back"
cmp "$TMP/bytes" "$TMP/back" || fail "256 bytes changed on the way"
head -c 67108864 /dev/urandom >"$TMP/big"
client cat <"$TMP/big" >"$TMP/back"
cmp "$TMP/big" "$TMP/back" || fail "64 MiB through cat changed on the way"
sum=$(sha256sum <"$TMP/big")
expect upload "$sum" "$(client sha256sum <"$TMP/big")"
expect download "$sum" "$(client "cat '$TMP/big'" | sha256sum)"
client "cat '$TMP/big' >&2" 2>"$TMP/back" >"$TMP/o"
cmp "$TMP/big" "$TMP/back" || fail "64 MiB on stderr changed on the way"
[ ! -s "$TMP/o" ] || fail "stderr came out on stdout"
rm -f "$TMP/big" "$TMP/back"

# the end of input arrives; output may follow it
expect eof '3 done' "$(printf abc | client 'wc -c; echo done' | tr '\n' ' ' | sed 's/ $//')"
# a command that ends does not wait for our input: a pipe that nobody writes to
mkfifo "$TMP/silent"
sleep 1000 >"$TMP/silent" &
holder=$!
pids="$pids $holder"
rc=0
client 'exit 5' <"$TMP/silent" || rc=$?
expect no-wait 5 "$rc"

# -n and StdinNull: nothing of our input is read
expect n 'got:' "$({ echo lost | CLIENT_OPTIONS=-n client 'printf got:; cat'; })"
printf 'one\ntwo\n' | {
	CLIENT_OPTIONS='-o StdinNull=yes' client cat >/dev/null
	read -r line
	expect "what -n leaves" one "$line"
}

# input that comes slowly, byte by byte
expect slow abc "$(for c in a b c; do printf %s "$c"; sleep 0.05; done | client cat)"

# the environment
expect setenv 'v w' "$(CLIENT_OPTIONS='-o SetEnv=QSP_TEST=v' client 'echo ${QSP_TEST:-v} w')"

# a command that dies of a signal
rc=0
client 'kill -TERM $$' 2>"$TMP/e" || rc=$?
expect "killed by a signal" 255 "$rc"
grep -q 'signal TERM' "$TMP/e" || fail "no word of the signal: $(cat "$TMP/e")"

# a signal to the client ends the command over there, and the client with 255
qssh -F none -p "$PORT" -i "$KEY" -o BatchMode=yes -o "UserKnownHostsFile=$KNOWN_HOSTS" \
    127.0.0.1 'echo $$; exec sleep 1000' >"$TMP/pid" 2>"$TMP/e" &
c=$!
has_pid() { [ -s "$TMP/pid" ]; }
wait_for has_pid
remote=$(cat "$TMP/pid")
kill -TERM $c
rc=0
wait $c || rc=$?
expect "client killed" 255 "$rc"
wait_for gone "$remote"

# a reader that goes away ends it too
expect head y "$(client yes 2>/dev/null | head -n 1)"

# no flag of ours stays on a descriptor that others share
(
	client true
	flags=$(sed -n 's/^flags:[[:space:]]*//p' /proc/self/fdinfo/0)
	[ $((flags & 04000)) -eq 0 ] || fail "O_NONBLOCK stays on standard input"
) <"$TMP/silent"

# many at once
for i in 1 2 3 4 5 6 7 8; do
	client "echo $i" >"$TMP/many.$i" &
	many="${many:-} $!"
done
for p in $many; do
	wait "$p" || fail "one of many failed"
done
expect many 12345678 "$(cat "$TMP"/many.* | tr -d '\n')"

# a server that stops answering is noticed
net=$(children "$SERVER" qsshd-net)
rc=0
CLIENT_OPTIONS='-o ResumeTimeout=0 -o ServerAliveInterval=2 -o ServerAliveCountMax=2' client \
    "kill -STOP $net; exec sleep 1000" 2>"$TMP/e" || rc=$?
kill -CONT "$net"
expect "dead server" 255 "$rc"
grep -q 'Timeout, server 127.0.0.1 not responding' "$TMP/e" || fail "$(cat "$TMP/e")"

# failures of ours are 255, and say what failed
expect "usage" 255 "$(status_of qssh)"
expect "bad option" 255 "$(status_of qssh --nonsense host)"
expect "unknown host" 255 "$(status_of qssh -F none no.such.host.invalid true)"
grep -q 'Could not resolve hostname no.such.host.invalid' "$TMP/err" || fail "$(cat "$TMP/err")"
stop_server
expect "refused" 255 "$(status_of client true)"
grep -q "connect to host 127.0.0.1 port $PORT: Connection refused" "$TMP/err" ||
	fail "$(cat "$TMP/err")"
