#!/bin/sh
# SPDX-License-Identifier: ISC
#
# [P4.7] What a person sees of a lost connection: a line, patience, escapes that work; and of one
# without a terminal, or with a server that stands still.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${QSP_SRC:?}/tests/e2e/lib.sh"
# shellcheck source=cutter.sh
. "$QSP_SRC/tests/e2e/cutter.sh"
command -v tmux >/dev/null || skip "no tmux"

make_user_key
start_server
start_cutter
client true || fail "no login"

. "$QSP_SRC/tests/e2e/screen.sh"
screen_times() { [ "$(screen | grep -c "$1")" -ge "$2" ]; }
keys() { tm send-keys -t e2e "$@"; }
line() { keys -l "$1" && keys Enter; }
qssh="$QSP_BIN/qssh -F none -p $PORT -i $KEY -o UserKnownHostsFile=$KNOWN_HOSTS -l $USER_NAME"

tm new-session -d -s e2e -x 100 -y 40 "exec env HOME='$HOME' PS1='here> ' ENV= sh"
pids="$pids $(tm display-message -p '#{pid}')"
wait_for screen_has '^here>'
line "stty -g >$TMP/modes.before; $qssh -t 127.0.0.1 'PS1=there\\>\\  exec sh'; echo status \$?"
wait_for screen_has '^there>'

# The server knows that the connection is lost, and no other comes through.
lose() {
	lost=$(log_count 'Detached user')
	net refuse
	net cut
	wait_for log_times 'Detached user' $((lost + 1))
}

# what is typed meanwhile waits; the line is told once, however often it is tried
net refuse
net cut
wait_for screen_has '^qssh: connection to 127.0.0.1 lost; trying again (~. to give up)'
# shellcheck disable=SC2016 # for the shell over there
line 'echo later-$((40 + 2))'
keys Enter
keys -l '~I'
wait_for screen_has 'connection  *lost'
net hear
wait_for screen_has '^later-42'
expect 'lines of the loss' 1 "$(screen | grep -c '^qssh: connection')"
wait_for screen_has '^qssh: resumed after'
expect 'lines of the end' 1 "$(screen | grep -c '^qssh: resumed after')"

# Ctrl-C is for the program over there, when it can have it. The program has to run before, and the
# shell's prompt may lose what comes with the signal: so a line is looked for, and said, again.
line cat
line 'me and my echo'
wait_for screen_times '^me and my echo' 2
lose
keys C-c
net hear
resumed 2
broken() {
	# shellcheck disable=SC2016 # for the shell over there
	line 'echo broken-$((1 + 1))'
	screen_has '^broken-2'
}
wait_for broken

# the window changes while it is away
net refuse
net cut
tm resize-window -t e2e -x 90 -y 30
net hear
resumed 3
sized() {
	line 'stty size'
	screen_has '^30 90'
}
wait_for sized

# giving up: at once, and the terminal is as it was
lose
keys Enter
keys -l '~.'
wait_for screen_has '^status 255'
line "stty -g >$TMP/modes.after; echo modes"
wait_for screen_has '^modes'
cmp "$TMP/modes.before" "$TMP/modes.after" || fail 'the terminal is not as it was'
net hear

# without a terminal Ctrl-C ends it
client 'echo up; exec sleep 1000' >"$TMP/up" 2>"$TMP/err" </dev/null &
call=$!
wait_for grep -qx up "$TMP/up"
lose
kill -INT "$(children "$call" qssh)"
rc=0
wait "$call" || rc=$?
expect 'interrupted' 255 "$rc"
net hear

# a connection that carries nothing any more is as good as lost
mkfifo "$TMP/in"
CLIENT_OPTIONS='-v -o ServerAliveInterval=1 -o ServerAliveCountMax=1' client cat <"$TMP/in" \
    >"$TMP/back" 2>"$TMP/err" &
call=$!
pids="$pids $call"
exec 8>"$TMP/in"
echo before >&8
wait_for grep -qx before "$TMP/back"
net freeze
wait_for grep -q 'Timeout, server 127.0.0.1 not responding' "$TMP/err"
wait_for grep -q 'lost; trying again' "$TMP/err"
echo after >&8
net cut
net thaw
wait_for grep -qx after "$TMP/back"
exec 8>&-
wait "$call" || fail "frozen: $?"

say ok
