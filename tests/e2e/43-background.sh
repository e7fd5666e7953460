#!/bin/sh
# SPDX-License-Identifier: ISC
# Going on without a terminal (-f, ~&), commands of ours before that, signs of life, and escapes of
# a shared session on a terminal.
# shellcheck disable=SC1091,SC2016 # lib.sh is checked by itself; some text is for other shells
. "${QSP_SRC:?}/tests/e2e/lib.sh"

make_user_key
start_server
client true || fail "exec of true"

# -f returns at once, once the user is logged in; the program goes on and its output comes
CLIENT_OPTIONS=-f client "echo \$\$ >$TMP/pid; until [ -e $TMP/go ]; do sleep 0.02; done; echo late" \
    >"$TMP/late" || fail "-f: $?"
wait_for test -s "$TMP/pid"
[ ! -s "$TMP/late" ] || fail "-f waited for the program"
touch "$TMP/go"
wait_for grep -qx late "$TMP/late"
wait_for gone "$(cat "$TMP/pid")"
expect "-f takes no input" 'got:' "$(echo lost | CLIENT_OPTIONS=-f client 'printf got:; cat' | cat)"
# what fails before is still told by the status
expect "-f without a server" 255 "$(status_of qssh -F none -f -p 1 -o BatchMode=yes 127.0.0.1 true)"
CLIENT_OPTIONS="-f -N -M -S $TMP/sock" client || fail "-f -N -M"
wait_for test -S "$TMP/sock"
expect "over a master in the background" over "$(CLIENT_OPTIONS="-S $TMP/sock" client echo over)"
CLIENT_OPTIONS="-S $TMP/sock -O exit" client 2>/dev/null || fail "-O exit"

# LocalCommand runs once the user is logged in, and only where it is allowed
run_local() {
	"$QSP_BIN/qssh" -F none -p "$PORT" -i "$KEY" -o BatchMode=yes \
	    -o "UserKnownHostsFile=$KNOWN_HOSTS" -l "$USER_NAME" \
	    -o "LocalCommand=echo %h %p %r >$TMP/local" "$@" 127.0.0.1 true
}
run_local || fail "LocalCommand"
[ ! -e "$TMP/local" ] || fail "LocalCommand ran without PermitLocalCommand"
run_local -o PermitLocalCommand=yes || fail "LocalCommand"
expect LocalCommand "127.0.0.1 $PORT $USER_NAME" "$(cat "$TMP/local")"

# RequestTTY, all four, and who wins
for pair in no:no auto:no force:yes; do
	expect "RequestTTY ${pair%:*}" "${pair#*:}" "$(CLIENT_OPTIONS="-o RequestTTY=${pair%:*}" \
	    client 'test -t 0 && echo yes || echo no' </dev/null | tr -d '\r')"
done
expect "RequestTTY yes without a terminal" no "$(CLIENT_OPTIONS='-o RequestTTY=yes' \
    client 'test -t 0 && echo yes || echo no' </dev/null 2>"$TMP/err")"
grep -q 'Pseudo-terminal will not be allocated because stdin is not a terminal' "$TMP/err" ||
	fail "RequestTTY yes: $(cat "$TMP/err")"

# how much is said
expect "quiet" '' "$(qssh -F none -q -o BatchMode=yes -p 1 127.0.0.1 true 2>&1 || :)"
for level in QUIET FATAL ERROR INFO VERBOSE DEBUG DEBUG1 DEBUG2 DEBUG3; do
	qssh -G -F none -o "LogLevel=$level" host >/dev/null || fail "LogLevel $level"
done

# a server that does not move any more is noticed
CLIENT_OPTIONS='-o ResumeTimeout=0 -o ServerAliveInterval=2 -o ServerAliveCountMax=2' \
    client 'echo up; exec sleep 1000' >"$TMP/up" 2>"$TMP/err" </dev/null &
call=$!
wait_for grep -qx up "$TMP/up"
net=$(children "$SERVER" qsshd-net)
kill -STOP "$net"
rc=0
wait "$call" || rc=$?
kill -CONT "$net"
expect "a frozen server" 255 $rc
grep -q 'Timeout, server 127.0.0.1 not responding.' "$TMP/err" || fail "frozen: $(cat "$TMP/err")"

# how often, and how long
start=$(date +%s)
expect "ConnectionAttempts" 255 "$(status_of qssh -F none -o BatchMode=yes -o ConnectionAttempts=3 \
    -p 1 127.0.0.1 true)"
[ $(($(date +%s) - start)) -ge 2 ] || fail "ConnectionAttempts=3 tried once"

command -v tmux >/dev/null || skip "no tmux: the rest has passed"
. "$QSP_SRC/tests/e2e/screen.sh"
line() { tm send-keys -t e2e -l "$1" && tm send-keys -t e2e Enter; }
escape() {
	tm send-keys -t e2e Enter
	tm send-keys -t e2e -l "$1"
}
qssh="$QSP_BIN/qssh -F none -p $PORT -i $KEY -o UserKnownHostsFile=$KNOWN_HOSTS -l $USER_NAME"
tm new-session -d -s e2e -x 91 -y 33 "exec env HOME='$HOME' PS1='local> ' ENV= sh"
pids="$pids $(tm display-message -p '#{pid}')"
wait_for screen_has '^local>'

# a shared session on a terminal: size, resizing, escapes of its own, the terminal as it was
wait_for test ! -e "$TMP/sock"
CLIENT_OPTIONS="-f -N -M -S $TMP/sock" client || fail "-f -N -M"
wait_for test -S "$TMP/sock"
line "stty -g >$TMP/modes.before; echo modes-1"
wait_for screen_has '^modes-1'
line "$qssh -S $TMP/sock -t 127.0.0.1 'PS1=remote\\>\\  exec sh'"
wait_for screen_has '^remote>'
line 'stty size'
wait_for screen_has '^33 91'
tm resize-window -t e2e -x 100 -y 40
sized() {
	line 'stty size'
	screen_has '^40 100'
}
wait_for sized
escape '~#'
wait_for screen_has 'session: command PS1='
escape '~&'
wait_for screen_has '& escape not available to multiplexed sessions'
tm send-keys -t e2e Enter
tm send-keys -t e2e -l '~'
tm send-keys -t e2e C-z
wait_for screen_has 'local> *$'
line "stty -g >$TMP/modes.stopped; echo modes-2"
wait_for screen_has '^modes-2'
cmp "$TMP/modes.before" "$TMP/modes.stopped" || fail "a suspended client left the terminal raw"
line fg
line 'echo again-$((40 + 2))'
wait_for screen_has '^again-42'
escape '~.'
wait_for screen_has '^Shared connection to 127.0.0.1 closed'
line "stty -g >$TMP/modes.after; echo modes-3"
wait_for screen_has '^modes-3'
cmp "$TMP/modes.before" "$TMP/modes.after" || fail "a client left the terminal raw"
expect "the others stay" over "$(CLIENT_OPTIONS="-S $TMP/sock" client echo over)"
CLIENT_OPTIONS="-S $TMP/sock -O exit" client 2>/dev/null || fail "-O exit"

# ~& in a session of its own: the shell here comes back, the program there sees its input end
line "$qssh -t 127.0.0.1 'echo ready; cat >/dev/null; echo ended >$TMP/ended'"
wait_for screen_has '^ready'
escape '~&'
wait_for screen_has '\[backgrounded\]'
line 'echo here-$((40 + 3))'
wait_for screen_has '^here-43'
wait_for grep -qx ended "$TMP/ended"
tm kill-server 2>/dev/null || :
