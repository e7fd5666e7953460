# SPDX-License-Identifier: ISC
# shellcheck shell=sh
# A terminal in tmux, for scenarios to source behind lib.sh: a session e2e of a server of its own.

tm() { tmux -S "$TMP/tmux" -f /dev/null "$@"; }
# The server is gone when it returns, and its socket free for another.
tm_end() {
	tm_server=$(tm display-message -p '#{pid}')
	tm kill-server
	wait_for gone "$tm_server"
}
# all of it, what has scrolled away included
screen() { tm capture-pane -p -J -S - -t e2e 2>/dev/null | tee "$TMP/screen.log"; }
# A line that fits. What was typed ahead is shown before the prompt, so its answer stands behind one.
screen_has() {
	screen | sed -n 'p; s/^\([a-z]*> \{1,\}\)\{1,\}//p' | grep -q -e "$1"
}
