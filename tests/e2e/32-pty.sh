#!/bin/sh
# SPDX-License-Identifier: ISC
# A shell on a terminal: size, keys, escapes, and the terminal as it was afterwards.
# shellcheck disable=SC1091,SC2016 # lib.sh is checked by itself; some text is for other shells
. "${QSP_SRC:?}/tests/e2e/lib.sh"

command -v tmux >/dev/null || skip "no tmux"

make_user_key
start_server
client true || fail "exec of true"

. "$QSP_SRC/tests/e2e/screen.sh"
type_line() { tm send-keys -t e2e -l "$1" && tm send-keys -t e2e Enter; }
qssh="$QSP_BIN/qssh -F none -p $PORT -i $KEY -o UserKnownHostsFile=$KNOWN_HOSTS -l $USER_NAME"
qssh="$qssh 127.0.0.1"
# a plain shell here, in which qssh is started by hand
tm new-session -d -s e2e -x 91 -y 33 "exec env HOME='$HOME' PS1='local> ' ENV= sh"
pids="$pids $(tm display-message -p '#{pid}')"
wait_for screen_has '^local>'
modes() {
	type_line "stty -g >'$TMP/modes.$1'; echo modes.$1"
	wait_for screen_has "^modes.$1"
}
modes before

# a terminal of the same size and kind; its resizing arrives
type_line "$qssh -t 'PS1=remote\\>\\  exec sh'"
wait_for screen_has '^remote>'
type_line 'stty size; echo term=$TERM; test -t 0 && test -t 1 && echo is-tty'
wait_for screen_has '^33 91'
wait_for screen_has '^is-tty'
tm resize-window -t e2e -x 100 -y 40
sized() {
	type_line 'stty size'
	screen_has '^40 100'
}
wait_for sized
# what was typed ahead is done
type_line 'echo ready-$((40 + 2))'
wait_for screen_has 'ready-42'

# Ctrl-C goes to the program over there
type_line "echo \$\$ >'$TMP/shell.pid'; sleep 1000"
running() { pgrep -x sleep -P "$(cat "$TMP/shell.pid" 2>/dev/null)" >/dev/null 2>&1; }
wait_for running
tm send-keys -t e2e C-c
interrupted() { ! running; }
wait_for interrupted
# a terminal drops what it holds when a signal comes, a prompt or a line: so one is said until it is heard
heard() {
	type_line 'echo still-$((40 + 2))'
	screen_has '^still-42'
}
wait_for heard

# escapes, behind a newline
tm send-keys -t e2e Enter
tm send-keys -t e2e -l '~?'
wait_for screen_has 'Supported escape sequences'
tm send-keys -t e2e Enter
tm send-keys -t e2e -l '~I'
wait_for screen_has 'cipher *aes256-gcm'
screen_has 'layout K (known host), secret of the host (S)' || fail "~I: $(screen)"
tm send-keys -t e2e Enter
type_line '~~echo no; echo twice'
wait_for screen_has '^twice'
screen_has '~echo' || fail "~~ sent no ~: $(screen)"
tm send-keys -t e2e Enter
tm send-keys -t e2e -l '~R'
rekeyed() {
	tm send-keys -t e2e Enter
	tm send-keys -t e2e -l '~I'
	screen_has 'rekeys *[0-9]* plain, [1-9]'
}
wait_for rekeyed
tm send-keys -t e2e Enter
type_line 'echo a~.b'
wait_for screen_has '^a~.b'
tm send-keys -t e2e Enter
tm send-keys -t e2e -l '~.'
wait_for screen_has '^Connection to 127.0.0.1 closed'
wait_for screen_has '^local> *$'
modes dot
cmp "$TMP/modes.before" "$TMP/modes.dot" || fail "the terminal is not as it was after ~."

# the status of a shell that ends by itself
tm send-keys -t e2e -l "clear" && tm send-keys -t e2e Enter
type_line "$qssh -t 'PS1=again\\>\\  exec sh'; echo status=\$?"
wait_for screen_has '^again>'
type_line 'exit 3'
wait_for screen_has '^status=3'

# and after a kill
type_line "$qssh -o LogLevel=verbose -t 'PS1=third\\>\\  exec sh'"
wait_for screen_has '^third>'
type_line 'echo $$ >'"$TMP/shell.pid"
has_shell() { [ -s "$TMP/shell.pid" ]; }
wait_for has_shell
kill -TERM "$(children "$(tm display-message -p -t e2e '#{pane_pid}')" qssh)"
wait_for screen_has 'Killed by signal 15'
wait_for gone "$(cat "$TMP/shell.pid")"
modes killed
cmp "$TMP/modes.before" "$TMP/modes.killed" || fail "the terminal is not as it was after a kill"

# -T and a command: none
expect "no tty" no "$(client 'test -t 0 && echo yes || echo no')"
expect "-tt" yes "$(CLIENT_OPTIONS=-tt client 'test -t 0 && echo yes || echo no' </dev/null | tr -d '\r')"
tm kill-server 2>/dev/null || :
