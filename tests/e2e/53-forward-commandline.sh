#!/bin/sh
# SPDX-License-Identifier: ISC
# ~C adds and cancels forwards amid a session, ~# lists them. A tmux is the terminal, and the hands.
# shellcheck disable=SC1091,SC2016 # lib.sh is checked by itself; some text is for other shells
. "${QSP_SRC:?}/tests/e2e/lib.sh"
. "$QSP_SRC/tests/e2e/forward.sh"

command -v tmux >/dev/null || skip "no tmux"

start_echo
L=$(free_port)
D=$(free_port)

. "$QSP_SRC/tests/e2e/screen.sh"
screen() { tm capture-pane -p -S - -t e2e 2>/dev/null | tee "$TMP/screen.log"; }
keys() { tm send-keys -t e2e "$@"; }
at_prompt() { [ "$(screen | sed '/^$/d' | tail -n 1)" = 'there>' ]; }
# a line at qssh itself; all of it may come at once
command_line() {
	keys Enter
	keys -l -- "~C$1"
	keys Enter
}
run() {
	tm new-session -d -s e2e -x 150 -y 40 "exec $QSP_BIN/qssh -F none -p $PORT -i $KEY \
    -o UserKnownHostsFile=$KNOWN_HOSTS -l $USER_NAME $1 -t 127.0.0.1 'cd $TMP; ENV= PS1=there\\>\\  exec sh'"
	pids="$pids $(tm display-message -p '#{pid}')"
	tm set-option -g remain-on-exit on
	wait_for at_prompt
}
talks() { [ "$(peer talk "$1" hello 2>/dev/null)" = hello ]; }
shut() { ! talks "$1"; }

run ''
command_line "-L $L:127.0.0.1:$ECHO"
wait_for screen_has '^qssh> -L '
wait_for screen_has 'Forwarding port\.'
wait_for talks "127.0.0.1:$L"
command_line "-R0:127.0.0.1:$ECHO"
wait_for screen_has "Allocated port [0-9]* for remote forward to 127.0.0.1:$ECHO"
R=$(screen | sed -n 's/.*Allocated port \([0-9]*\) .*/\1/p')
wait_for talks "127.0.0.1:$R"
command_line "-D$D"
dynamic() { [ "$(peer socks 5h "127.0.0.1:$D" "127.0.0.1:$ECHO" hello 2>/dev/null)" = hello ]; }
wait_for dynamic

# ~# has them all, and what is connected
start_pipe "$L"
keys Enter
keys -l -- '~#'
wait_for screen_has 'The following ports are forwarded:'
screen_has "^  -L $L \[127.0.0.1\]:$ECHO" || fail "-L is not listed"
screen_has "^  -R 0 \[127.0.0.1\]:$ECHO (port $R)" || fail "-R is not listed"
screen_has "^  -D $D" || fail "-D is not listed"
screen_has "^  #[0-9]* forwarded to 127.0.0.1 port $ECHO" || fail "the connection is not listed"
exec 7>&-

# away again; what is typed wrong is taken back, or said
command_line "-KL $L"
wait_for screen_has 'Canceled forwarding\.'
wait_for shut "127.0.0.1:$L"
command_line "-KR $R"
wait_for shut "127.0.0.1:$R"
command_line "-KD $D"
not_dynamic() { ! dynamic; }
wait_for not_dynamic
command_line "-KL $L"
wait_for screen_has 'Unknown port forwarding: '
command_line "nonsense"
wait_for screen_has 'Invalid command\.'
command_line "-L 1:2"
wait_for screen_has 'Port forwarding failed: bad forwarding specification'
command_line '?'
wait_for screen_has 'Cancel remote forward'
keys Enter
keys -l -- "~Cxyz"
keys BSpace BSpace BSpace
keys -l -- "-D$D"
keys Enter
wait_for dynamic
keys Enter
keys -l -- "~C-KD$D"
keys C-c
keys -l -- 'echo shell-$((40 + 2))' # that went nowhere, and this goes to the shell
keys Enter
wait_for screen_has '^shell-42'
dynamic || fail "a line that was given up has done something"
keys -l -- 'exit'
keys Enter
dead() { [ "$(tm list-panes -t e2e -F '#{pane_dead}')" = 1 ]; }
wait_for dead
tm_end

# a command here: only where that is permitted, on the terminal as it is for a shell, and Ctrl-C is for it alone
run ''
command_line "!echo here >$TMP/here"
wait_for screen_has 'Invalid command\.'
[ ! -e "$TMP/here" ] || fail "a local command ran without PermitLocalCommand"
tm_end
run '-o PermitLocalCommand=yes'
command_line '?'
wait_for screen_has '!args  *Execute local command'
# shellcheck disable=SC2016 # for the shell here
command_line "!stty -a | grep -o -e '-*icanon' >$TMP/here; cat"
wait_for test -s "$TMP/here"
expect "modes of a local command" icanon "$(cat "$TMP/here")"
keys -l -- 'for cat'
keys Enter
twice() { [ "$(screen | grep -c '^for cat$')" = 2 ]; }
wait_for twice
keys C-c
# a terminal drops what it holds when a signal comes: so it is said until it is heard
heard() {
	# shellcheck disable=SC2016 # for the shell over there
	keys -l -- 'echo there-$((40 + 2))'
	keys Enter
	screen_has 'there-42'
}
wait_for heard
tm_end

# not where the configuration has it off
run '-o EnableEscapeCommandline=no'
keys Enter
keys -l -- '~C'
wait_for screen_has 'commandline disabled$'
tm_end
say ok
