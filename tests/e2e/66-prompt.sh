#!/bin/sh
# SPDX-License-Identifier: ISC
# Questions on a terminal: secrets are not shown, and what a server says cannot pass for what qssh says.
# shellcheck disable=SC1091 # lib.sh is checked by itself
if [ -z "${QSP_E2E_MOUNTS:-}" ] && [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	QSP_E2E_MOUNTS=1 exec unshare -m --propagation private sh "$0"
fi
. "${QSP_SRC:?}/tests/e2e/lib.sh"
. "${QSP_SRC:?}/tests/e2e/login.sh"
command -v tmux >/dev/null || skip "tmux is not installed"
need_login_etc
need_pam_module
unset SSH_ASKPASS SSH_ASKPASS_REQUIRE

n=0
tm() { tmux -S "$TMP/tmux.$n" -f /dev/null "$@"; }
screen() { tm capture-pane -p -J -t e2e 2>/dev/null; }
count() { [ "$(screen | grep -c -e "$1")" = "$2" ]; }
shows() { screen | grep -qF -e "$1"; }
answer() {
	tm send-keys -t e2e -l "$1"
	tm send-keys -t e2e Enter
}
# A terminal with a shell, so that what it is like afterwards can be seen.
on_terminal() {
	n=$((n + 1))
	tm new-session -d -s e2e -x 150 -y 40 "env HOME='$HOME' ENV= PS1='ready> ' sh -i"
	pids="$pids $(tm display-message -p '#{pid}')"
	wait_for shows 'ready>'
	answer "'$QSP_BIN/qssh' -F none -p $PORT -l $EVE -o UserKnownHostsFile=$KNOWN_HOSTS \
-o StrictHostKeyChecking=accept-new $* 127.0.0.1 'echo in and out'; echo status \$?"
}
echoes() {
	stty_now=$(stty -F "$(tm display-message -p -t e2e '#{pane_tty}')" -a)
	case $stty_now in *' -echo '*) return 1 ;; esac
}
is_silent() { ! echoes; }

pam_is password=tree code=42
start_pam_server
on_terminal
wait_for shows "($EVE@127.0.0.1) Password:"
shows 'Welcome to the machine.' || fail "the greeting: $(screen)"
wait_for is_silent
answer tree
wait_for shows "($EVE@127.0.0.1) Code:"
wait_for echoes
answer 42
wait_for shows 'status 0'
shows 'in and out' || fail "$(screen)"
shows "($EVE@127.0.0.1) Code: 42" || fail "no echo where it was asked for: $(screen)"
! shows tree || fail "the password was shown"
wait_for echoes

# --- the end by the keyboard: the terminal is as it was
talker() { children "$(children "$SERVER" qsshd-auth)" qsshd-pam; }
no_talker() { [ -z "$(talker)" ]; }
wait_for no_talker
on_terminal
wait_for shows "($EVE@127.0.0.1) Password:"
wait_for is_silent
TALKER=$(talker)
alive "$TALKER" || fail "no process talks with PAM"
asking=$(children "$(tm display-message -p -t e2e '#{pane_pid}')" qssh)
alive "$asking" || fail "nobody asks"
tm send-keys -t e2e C-c
wait_for gone "$asking"
wait_for echoes
wait_for gone "$TALKER"
on_terminal
wait_for shows "($EVE@127.0.0.1) Password:"
tm send-keys -t e2e C-d
wait_for shows 'status 255'
wait_for echoes

# --- a death on the other side is a refusal: of who talks with PAM, then of who decides
wait_for no_talker
on_terminal -o NumberOfPasswordPrompts=1
wait_for shows "($EVE@127.0.0.1) Password:"
kill -KILL "$(talker)"
wait_log "^PAM: qsshd-pam has ended for $EVE\$"
answer tree
wait_for shows 'password: '
tm send-keys -t e2e C-d
wait_for shows 'status 255'
wait_for no_talker
on_terminal -o PreferredAuthentications=keyboard-interactive -o NumberOfPasswordPrompts=2
wait_for shows "($EVE@127.0.0.1) Password:"
TALKER=$(talker)
kill -KILL "$(children "$SERVER" qsshd-auth)"
wait_for gone "$TALKER"
answer tree
wait_for count '^(.*Password:' 2
answer tree
wait_for shows 'Code:'
answer 42
wait_for shows 'status 0'

# --- as often as it may be, and not at all in BatchMode
on_terminal -o NumberOfPasswordPrompts=2 -o PreferredAuthentications=keyboard-interactive
for i in 1 2; do
	wait_for count 'Password:' "$i"
	wait_for is_silent
	answer "wrong$i"
done
wait_for shows 'status 255'
shows 'Permission denied' || fail "$(screen)"
! shows wrong1 || fail "the password was shown"
on_terminal -o BatchMode=yes
wait_for shows 'status 255'
! shows 'Password:' || fail "asked in BatchMode"

# --- a module that waits for something else than us has no longer than the login
stop_server
start_pam_server 'LoginGraceTime 2'
pam_is hang
for attempt in 1 2 3 4 5; do # a busy machine may need the time of a login to get there
	on_terminal -o PreferredAuthentications=keyboard-interactive
	hangs() { [ -n "$(talker)" ] && seen "hang $EVE 127.0.0.1 "; }
	hangs_or_ends() { hangs || shows 'status 255'; }
	wait_for hangs_or_ends
	TALKER=$(talker)
	[ -z "$TALKER" ] || break
	say "attempt $attempt was over before the module was asked"
done
seen "hang $EVE 127.0.0.1 " || fail "the module was not asked"
wait_for shows 'status 255'
wait_for gone "$TALKER"
for i in $(seq "$n"); do
	tmux -S "$TMP/tmux.$i" kill-server 2>/dev/null || :
done
say "ok"
