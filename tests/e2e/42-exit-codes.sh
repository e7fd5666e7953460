#!/bin/sh
# SPDX-License-Identifier: ISC
# The exit status of qssh: the remote one, or 255 for whatever went wrong here, on the way or there.
# shellcheck disable=SC1091,SC2016 # lib.sh is checked by itself; some text is for other shells
. "${QSP_SRC:?}/tests/e2e/lib.sh"

make_user_key
start_server
client true || fail "exec of true"

# status NAME WANTED COMMAND...; then what stderr must say, if anything, is asked by `said`
status() {
	name=$1 wanted=$2
	shift 2
	got=$(status_of "$@")
	[ "$got" = "$wanted" ] || fail "$name: wanted $wanted, got $got: $(cat "$TMP/err")"
}
said() { grep -q -e "$1" "$TMP/err" || fail "$name: no word of '$1': $(cat "$TMP/err")"; }

# the remote status
for code in 0 1 2 42 127 254 255; do
	status "exit $code" $code client "exit $code"
done
status "no such command" 127 client /nonexistent/program
for signal in HUP INT KILL SEGV TERM; do
	status "killed by $signal" 255 client "kill -$signal \$\$"
done
said 'killed by signal TERM'
status "a program that ends before its input" 3 client 'exec 0<&-; exit 3'

# as client does, but with nothing said that a case says itself
call() { qssh -F none -p "$PORT" -i "$KEY" -o BatchMode=yes "$@"; }
known="-o UserKnownHostsFile=$KNOWN_HOSTS"

# no call at all
status "no host" 255 qssh
status "unknown option" 255 qssh --nonsense host
status "bad keyword" 255 qssh -o Nonsense=1 host
status "bad port" 255 qssh -p 0 host
status "bad destination" 255 qssh @host
status "bad -W" 255 qssh -W nowhere host
said 'bad stdio forwarding specification'
status "bad -J" 255 qssh -J 'a,,b' host
status "no config" 255 qssh -F "$TMP/none" host
status "no log" 255 qssh -F none -E "$TMP/none/log" host
status "no command, in the background" 255 qssh -F none -f host
said '^Cannot fork into background without a command to execute.$'
status "two -W" 255 qssh -F none -W a:1 -W b:2 host
said '^stdio forward already specified$'
status "two -O" 255 qssh -F none -O check -O exit host
said '^Multiplexing command already specified$'
status "two -J" 255 qssh -F none -J a -J b host
said '^Only a single -J option is permitted'
status "-J with ProxyCommand" 255 qssh -F none -o ProxyCommand=x -J b host
said '^Cannot specify -J with ProxyCommand$'
status "no such query" 255 qssh -Q nonsense
said 'Unsupported query "nonsense"'
status "queries" 0 qssh -Q help
status "help" 0 qssh --help
status "version" 0 qssh -V
status "configuration" 0 qssh -G host
status "query" 0 qssh -Q kem

# a key that is not there: why, whatever else was looked at
# shellcheck disable=SC2086 # two words
status "no key" 0 call $known -i "$TMP/none" -l "$USER_NAME" 127.0.0.1 true
said "^Warning: Identity file $TMP/none not accessible: No such file or directory\.$"

# the way there
status "no such name" 255 qssh -F none -o BatchMode=yes no-such-name.invalid true
said 'Could not resolve hostname no-such-name.invalid'
status "refused" 255 qssh -F none -o BatchMode=yes -p 1 127.0.0.1 true
said 'connect to host 127.0.0.1 port 1: Connection refused'
CLIENT_OPTIONS='-o ProxyCommand=false' status "proxy ends" 255 client true
CLIENT_OPTIONS="-o ProxyCommand=$TMP/none" status "no proxy" 255 client true
# a name that a shell could take for something else stands in no command, and harms none that has it not
for token in %r %h %n; do
	rm -f "$TMP/ran"
	# shellcheck disable=SC2016 # not for any shell
	status "a name in a command, $token" 255 qssh -F none -o "ProxyCommand=touch $TMP/ran; echo $token" \
	    -l 'a$(true)' 'h$(true)' true
	said 'ProxyCommand: a name has characters that mean something to a shell'
	[ ! -e "$TMP/ran" ] || fail "$token came before a shell"
done
status "a name that is not in the command" 255 qssh -F none -o "ProxyCommand=touch $TMP/ran" -l 'DOM\user' host true
[ -e "$TMP/ran" ] || fail "a user of a domain cannot have a ProxyCommand: $(cat "$TMP/err")"
CLIENT_OPTIONS='-J 127.0.0.1' status "jump loop" 255 client true
said 'jumphost loop via 127.0.0.1'
# shellcheck disable=SC2086 # two words
status "no answer" 255 call $known -o ConnectTimeout=1 -o 'ProxyCommand=sleep 100' 127.0.0.1 true
said 'does not answer the handshake'

# a folder that is not there is not made for known_hosts, unless it is ours
status "known_hosts in no folder" 0 call -o "UserKnownHostsFile=$TMP/nofolder/file" \
    -o StrictHostKeyChecking=accept-new -l "$USER_NAME" 127.0.0.1 true
said 'Failed to add the host to the list of known hosts'
[ ! -e "$TMP/nofolder" ] || fail "a folder was made"

# trust
status "unknown host, no questions" 255 call -o "UserKnownHostsFile=$TMP/none" 127.0.0.1 true
said 'Host key verification failed.'
status "unknown host, strict" 255 call -o StrictHostKeyChecking=yes \
    -o "UserKnownHostsFile=$TMP/none" 127.0.0.1 true
said 'Host key verification failed.'

# authentication
qssh-keygen -q -t kyber768 -N '' -f "$TMP/stranger" </dev/null >/dev/null
status "unknown key" 255 qssh -F none -p "$PORT" -i "$TMP/stranger" -o IdentitiesOnly=yes \
    -o BatchMode=yes -o "UserKnownHostsFile=$KNOWN_HOSTS" -l "$USER_NAME" 127.0.0.1 true
said 'Permission denied (publickey'
# shellcheck disable=SC2086 # two words
status "unknown user" 255 call $known -l no-such-user 127.0.0.1 true
said 'Permission denied'

# the session
CLIENT_OPTIONS=-s status "unknown subsystem" 255 client no-such-subsystem
said 'subsystem request failed on channel 0'

# gone in the middle: the server, we by a signal, whoever reads our output
client 'echo up; exec sleep 1000' >"$TMP/up" 2>"$TMP/err" </dev/null &
call=$!
wait_for test -s "$TMP/up"
kill -TERM "$(children "$call" qssh)"
rc=0
wait "$call" || rc=$?
expect "ended by a signal here" 255 $rc
expect "nothing is said of it" '' "$(cat "$TMP/err")"
# that is how one that only forwards is ended
CLIENT_OPTIONS="-N -L $TMP/forward:127.0.0.1:1" client 2>"$TMP/err" </dev/null &
call=$!
wait_for test -S "$TMP/forward"
kill -TERM "$(children "$call" qssh)"
rc=0
wait "$call" || rc=$?
expect "-N, ended by SIGTERM" 0 $rc
rc=0
{ client 'while :; do echo y; done' || echo $? >"$TMP/piped"; } 2>/dev/null | head -n 1 >/dev/null
wait_for test -s "$TMP/piped"
expect "nobody reads" 255 "$(cat "$TMP/piped")"
rc=0
client 'echo y' >/dev/full 2>"$TMP/err" </dev/null || rc=$?
expect "a full disk behind our output" 255 $rc
name="a full disk"
said '^qssh: writing the output: No space left on device$'
rm -f "$TMP/up"
client 'echo up; exec sleep 1000' >"$TMP/up" 2>"$TMP/err" </dev/null &
call=$!
wait_for test -s "$TMP/up"
kill -KILL "$(children "$SERVER" qsshd-net)"
rc=0
wait "$call" || rc=$?
expect "the server gone" 255 $rc
grep -q 'closed by remote host\|Connection reset' "$TMP/err" || fail "server gone: $(cat "$TMP/err")"
