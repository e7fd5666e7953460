#!/bin/sh
# SPDX-License-Identifier: ISC
# ^Z at a secret question gives the shell its terminal back as it was; fg asks again, still without echo.
# In the background nothing is done to the terminal that the shell uses.
# shellcheck disable=SC1091,SC2016 # lib.sh is checked by itself; some text is for other shells
. "${QSP_SRC:?}/tests/e2e/lib.sh"

command -v tmux >/dev/null || skip "no tmux"
command -v bash >/dev/null || skip "no bash"

qssh-keygen -q -N secret -C e2e -f "$TMP/locked" </dev/null >/dev/null || fail "qssh-keygen"
cat "$TMP/locked.pub" >>"$TMP/authorized_keys"
make_user_key
start_server
client true || fail "exec of true"

. "$QSP_SRC/tests/e2e/screen.sh"
type_line() { tm send-keys -t e2e -l "$1" && tm send-keys -t e2e Enter; }
screen_times() { [ "$(screen | grep -c "$1")" -ge "$2" ]; }
qssh="qssh -F none -p $PORT -o UserKnownHostsFile=$KNOWN_HOSTS -l $USER_NAME 127.0.0.1"
question="^Enter passphrase for key '$TMP/locked': "
# sets echo to whether the terminal shows what is typed
modes() {
	type_line "stty -a | grep -o -e '-*echo ' >'$TMP/$1'; echo modes.$1"
	wait_for screen_has "^modes.$1"
	expect "echo, $1" 'echo ' "$(cat "$TMP/$1")"
}

# bash has modes of its own while it reads a line, dash has not
for shell in 'bash --norc -i' 'sh -i'; do
	tm new-session -d -s e2e -x 150 -y 45 "exec env HOME='$HOME' PS1='local> ' ENV= $shell"
	pids="$pids $(tm display-message -p '#{pid}')"
	wait_for screen_has '^local>'
	type_line "${qssh% *} -i $TMP/locked 127.0.0.1 'echo in-\$((40 + 2))'"
	wait_for screen_times "$question" 1
	tm send-keys -t e2e C-z
	wait_for screen_has 'Stopped'
	modes stopped
	type_line fg
	wait_for screen_times "$question" 2
	type_line secret
	wait_for screen_has '^in-42'
	! screen | grep -q secret || fail "$shell: the passphrase was shown: $(screen)"
	modes after

	# a question in the background waits for fg
	type_line "${qssh% *} -i $TMP/locked 127.0.0.1 'echo back-\$((40 + 2))' &"
	stopped() {
		type_line jobs
		screen_has 'Stopped.*back-'
	}
	wait_for stopped
	modes background
	type_line fg
	wait_for screen_times "$question" 3
	type_line secret
	wait_for screen_has '^back-42'
	! screen | grep -q secret || fail "$shell: the passphrase was shown: $(screen)"

	# so does a terminal over there
	type_line "${qssh% *} -i $KEY -t 127.0.0.1 'echo tty-\$((40 + 2))' &"
	wait_tty() {
		type_line jobs
		screen_has 'Stopped.*tty-'
	}
	wait_for wait_tty
	modes raw
	type_line fg
	wait_for screen_has '^tty-42'
	wait_for screen_has '^Connection to 127.0.0.1 closed'
	modes end
	tm_end
done

say ok
