# shellcheck shell=sh
# SPDX-License-Identifier: ISC
#
# Commands that ask, for scenarios to source behind lib.sh: each has a terminal of its own in tmux.

terminals=0
# its socket is its own too: the server of the one before may still be going
tm() { tmux -S "$TMP/tmux.$terminals" -f /dev/null "$@"; }
screen() { tm capture-pane -p -J -t e2e 2>/dev/null; }
screen_has() { screen | grep -q -e "$1"; }
count() { [ "$(screen | grep -c -e "$1")" = "$2" ]; }
answer() {
	tm send-keys -t e2e -l "$1"
	tm send-keys -t e2e Enter
}
# on_terminal COMMAND: $TMP/rc is its exit status, once has_rc
has_rc() { [ -s "$TMP/rc" ]; }
on_terminal() {
	tm kill-server 2>/dev/null || :
	terminals=$((terminals + 1))
	rm -f "$TMP/rc"
	tm new-session -d -s e2e -x 200 -y 50 \
		"env HOME='$HOME' $*; echo \$? >'$TMP/rc'; sleep 1000"
	pids="$pids $(tm display-message -p '#{pid}')"
}
