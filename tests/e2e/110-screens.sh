#!/bin/sh
# SPDX-License-Identifier: ISC
# Programs that own a terminal, over qssh: job control, a paste of 1 MB, and vim, less, top and tmux that
# draw anew when the window changes. A tmux here is the terminal, and the hands.
# shellcheck disable=SC1091,SC2016,SC2119 # lib.sh is checked by itself; some text is for other shells
. "${QSP_SRC:?}/tests/e2e/lib.sh"

command -v tmux >/dev/null || skip "no tmux"

make_user_key
start_server
client true </dev/null || fail "exec of true"

. "$QSP_SRC/tests/e2e/screen.sh"
# the last look is in a file for who reads of a failure
screen() { tm capture-pane -p -t e2e 2>/dev/null | tee "$TMP/screen.log"; }
# line N of the screen is the text
line_is() { [ "$(screen | sed -n "$1p")" = "$2" ]; }
line_has() { screen | sed -n "$1p" | grep -q -e "$2"; }
keys() { tm send-keys -t e2e "$@"; }
type_line() { keys -l "$1" && keys Enter; }
size() { tm resize-window -t e2e -x "$1" -y "$2"; }
see() { wait_for "$@"; }
# a prompt alone on the last line that has anything
at_prompt() { [ "$(screen | sed '/^$/d' | tail -n 1)" = 'there>' ]; }
# a clear screen, so that what was there before is not taken for an answer
fresh() {
	see at_prompt
	type_line clear
	see line_is 1 'there>'
}

tm new-session -d -s e2e -x 80 -y 24 "exec $QSP_BIN/qssh -F none -p $PORT -i $KEY \
    -o UserKnownHostsFile=$KNOWN_HOSTS -l $USER_NAME -t 127.0.0.1 'cd $TMP; ENV= PS1=there\\>\\  exec sh'"
pids="$pids $(tm display-message -p '#{pid}')"
# its own session may end in an error: look at it then
tm set-option -g remain-on-exit on
see at_prompt

# --- job control ----------------------------------------------------------------------------

type_line 'set -m; echo $$ >shell.pid; sleep 1000'
# state, group, and the group in the foreground of a sleep of that shell
sleeper() {
	pid=$(pgrep -x sleep -P "$(cat "$TMP/shell.pid")") &&
	    sed 's/.*) \(.\) [0-9]* \([0-9]*\) [0-9]* [0-9]* \([0-9]*\) .*/\1 \2 \3/' "/proc/$pid/stat"
}
in_front() { sleeper | { read -r state group front && [ "$state" != T ] && [ "$group" = "$front" ]; }; }
stopped() { sleeper | grep -q '^T'; }
see in_front
keys C-z
see stopped
# a terminal drops what it holds when a signal comes, a word of the shell's or a line for it
told() {
	type_line 'jobs; echo told'
	screen_has '^told'
}
see told
screen_has '^\[1\].*Stopped.*sleep 1000' || fail "jobs: $(screen)"
type_line 'bg; echo behind-$((40 + 2))'
see screen_has '^behind-42'
type_line 'fg'
see screen_has '^sleep 1000$'
see in_front
keys C-c
not_asleep() { [ -z "$(sleeper)" ]; }
see not_asleep
prompted() {
	keys Enter
	at_prompt
}
see prompted
fresh
# Ctrl-\ and Ctrl-D
type_line 'trap "echo quit-caught" QUIT; cat; echo end-$?'
keys -l 'line' && keys Enter
two_lines() { [ "$(screen | grep -c '^line$')" = 2 ]; }
see two_lines
keys C-d
see screen_has '^end-0'

# --- a paste of 1 MB ------------------------------------------------------------------------

awk 'BEGIN { srand(1); for (i = 0; i < 16000; i++) { s = i; while (length(s) < 64)
	s = s " " substr("abcdefghijklmnopqrstuvwxyz", 1 + int(rand() * 20), 6); print s } }' >"$TMP/paste"
[ "$(wc -c <"$TMP/paste")" -ge 1000000 ] || fail "a paste of $(wc -c <"$TMP/paste")"
tm load-buffer -b big "$TMP/paste"
fresh
type_line 'stty -echo; cat >pasted; stty echo; echo pasted-$?'
no_echo() { screen_has 'cat >pasted' && [ -e "$TMP/pasted" ]; }
see no_echo
tm paste-buffer -b big -t e2e
whole() { [ "$(wc -c <"$TMP/pasted")" -ge "$(wc -c <"$TMP/paste")" ]; }
see whole
keys C-d
see screen_has '^pasted-0'
cmp "$TMP/paste" "$TMP/pasted" || fail "a paste into cat differs"

# --- programs that draw ---------------------------------------------------------------------

awk 'BEGIN { for (i = 1; i <= 500; i++) print "row " i }' >"$TMP/rows"

# N lines of the screen, from the first, are rows that follow each other
rows_fill() {
	screen | awk -v n="$1" 'NR <= n && ($1 != "row" || (NR > 1 && $2 != last + 1)) { exit 1 } { last = $2 }
	    END { exit NR < n }'
}

try_vim() {
	type_line 'vim -u NONE -i NONE -N -n rows'
	see line_is 23 'row 23'
	size 100 40
	see line_is 39 'row 39'
	size 70 12
	# not what tmux has left of the larger one: the last line is vim's own
	smaller() { line_is 11 'row 11' && ! line_is 12 'row 12'; }
	see smaller
	keys -l ':250' && keys Enter
	keys -l 'zt'
	see line_is 1 'row 250'
	size 80 24
	see rows_fill 23
	keys -l ':q!' && keys Enter
	fresh

	type_line 'vim -u NONE -i NONE -N -n typed'
	see screen_has '^"typed"'
	keys -l ':set paste noautoindent ttyfast lazyredraw' && keys Enter
	keys -l 'i'
	see screen_has 'INSERT (paste)'
	tm paste-buffer -b big -t e2e
	last=$(tail -n 1 "$TMP/paste")
	see screen_has "^$last"
	keys Escape
	# the last line end of the paste began an empty line
	keys -l ':$d' && keys Enter
	keys -l ':wq' && keys Enter
	fresh
	cmp "$TMP/paste" "$TMP/typed" || fail "a paste into vim differs"
}

try_less() {
	type_line 'LESS= less rows'
	see line_is 23 'row 23'
	keys -l ' '
	see line_is 1 'row 24'
	size 60 30
	see line_is 29 'row 52'
	keys -l '/row 300' && keys Enter
	see line_is 1 'row 300'
	size 80 24
	see line_is 23 'row 322'
	keys -l 'q'
	fresh
}

try_top() {
	type_line 'top -d 0.5'
	see line_has 1 '^top - '
	size 100 10
	see line_has 1 '^top - '
	# it has redrawn for ten lines: the last one is a process
	redrawn() { [ "$(screen | wc -l)" = 10 ] && line_has 1 '^top - ' && line_has 10 '[0-9]:[0-9][0-9]'; }
	see redrawn
	keys -l 'q'
	see at_prompt
	size 80 24
	fresh
}

try_tmux() {
	# what comes too fast it takes for a paste, in which its own keys do not count
	echo 'set -g assume-paste-time 0' >"$TMP/inner.conf"
	type_line "unset TMUX; tmux -S $TMP/inner -f $TMP/inner.conf new-session -s in 'PS1=in\\>\\  exec sh'"
	see line_has 24 '^\[in\]'
	size 100 30
	see line_has 30 '^\[in\]'
	inner_sized() { [ "$(tmux -S "$TMP/inner" display-message -p '#{window_width} #{window_height}')" = '100 29' ]; }
	see inner_sized
	# tmux tells the size to whoever is in it a little later
	told_size() {
		type_line 'stty size'
		screen_has '^29 100$'
	}
	see told_size
	# split, and both halves stay themselves
	keys C-b && keys -l '%'
	halves() { [ "$(tmux -S "$TMP/inner" list-panes | wc -l)" = 2 ]; }
	see halves
	keys C-b && keys -l 'd'
	see screen_has 'detached (from session in)'
	tmux -S "$TMP/inner" kill-server
	see at_prompt
	size 80 24
	fresh
}

fresh
for program in less vim top tmux; do
	command -v $program >/dev/null || {
		say "no $program here"
		continue
	}
	case $program in
	less) try_less ;;
	vim) try_vim ;;
	top) try_top ;;
	tmux) try_tmux ;;
	esac
done

type_line 'exit 3'
# tmux 3.3 now and then misses that its child has ended: it is told again
dead() {
	kill -CHLD "$(tm display-message -p '#{pid}')"
	[ "$(tm display-message -p -t e2e '#{pane_dead_status}')" = 3 ]
}
see dead
tm kill-server 2>/dev/null || :
