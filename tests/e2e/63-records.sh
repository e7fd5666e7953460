#!/bin/sh
# SPDX-License-Identifier: ISC
# shellcheck disable=SC2119,SC2016,SC2015 # make_user_key has its defaults; the server expands
# Records of logins on terminals: who, last and lastlog show them; they end with the terminal, however that
# ended. The files are the scenario's own.
if [ -z "${QSP_E2E_MOUNTS:-}" ] && [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	QSP_E2E_MOUNTS=1 exec unshare -m --propagation private sh "$0"
fi
. "${QSP_SRC:?}/tests/e2e/lib.sh"
[ -n "${QSP_E2E_MOUNTS:-}" ] || skip "needs root and mount namespaces, for records of its own"
command -v who >/dev/null && command -v last >/dev/null || skip "who and last are not installed"

mkdir "$TMP/run" "$TMP/log"
touch "$TMP/run/utmp" "$TMP/log/wtmp" "$TMP/log/lastlog"
mount --bind "$TMP/run" /run && mount --bind "$TMP/log" /var/log || skip "cannot bind over /run and /var/log"
[ -e /var/run/utmp ] || skip "/var/run is not /run here"
make_user_key
mkdir "$TMP/empty"
start_server "SetEnv HOME=$TMP/empty" # of login shells, which read what is there

listed() { who /var/run/utmp | grep -q "^$USER_NAME  *pts/.*(127.0.0.1)"; }
unlisted() { ! listed; }
# A session on a terminal, until something ends it: its shell's id is in $TMP/shell.
begin() {
	rm -f "$TMP/shell"
	client -tt "stat -c '%U %G %a' \$(tty); echo \$\$ >'$TMP/shell'; exec sleep 1000" \
	    >"$TMP/out" 2>/dev/null </dev/null &
	terminal=$!
	pids="$pids $terminal"
	wait_for test -s "$TMP/shell"
	wait_for listed
}

# --- while it is there, and after
begin
wait_for test -s "$TMP/out"
if [ "$(stat -c %G "$(readlink -f /dev/ptmx)" 2>/dev/null)" = tty ] || getent group tty >/dev/null; then
	expect "the terminal's owner, group and mode" "$USER_NAME tty 620" "$(tr -d '\r' <"$TMP/out")"
fi
# last(1) looks at the audit's loginuid too, which only PAM sets
open_in_wtmp() {
	last -f /var/log/wtmp |
		grep -q "^$USER_NAME  *pts/.*127.0.0.1.* \(still logged in\|gone - no logout\)"
}
wait_for open_in_wtmp
kill "$(cat "$TMP/shell")"
wait_for unlisted
wait "$terminal" 2>/dev/null || :
closed_in_wtmp() { ! open_in_wtmp; }
wait_for closed_in_wtmp
last -f /var/log/wtmp | grep -q "^$USER_NAME  *pts/.*127.0.0.1" || fail "nothing stays in wtmp"

# --- without a terminal there is no record
client 'who /var/run/utmp' >"$TMP/out" 2>/dev/null </dev/null
expect "no record without a terminal" '' "$(cat "$TMP/out")"

# --- the last login is told, where nobody has said otherwise
echo exit >"$TMP/exit"
greeted() { client -tt 2>/dev/null <"$TMP/exit" | tr -d '\r' | grep -c '^Last login: .* from 127.0.0.1$' || :; }
hush=$(getent passwd "$USER_NAME" | cut -d: -f6)/.hushlogin
if [ ! -e "$hush" ]; then
	expect "the last login" 1 "$(greeted)"
	printf 'PrintLastLog no\n' >>"$SERVER_CONFIG"
	stop_server
	run_server
	expect "PrintLastLog no" 0 "$(greeted)"
fi
wait_for unlisted

# --- kill -9 of each process: no record stays
begin
kill -KILL "$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$(cat "$TMP/shell")/status")"
wait_for unlisted

begin
kill -KILL "$(children "$SERVER" qsshd-net)"
wait_for unlisted
wait_for client true

begin
kill -KILL "$(children "$SERVER" qsshd-auth)"
auth_is_back() { [ -n "$(children "$SERVER" qsshd-auth)" ]; }
wait_for auth_is_back
listed || fail "the record went with qsshd-auth"
wait_for client true
kill "$(cat "$TMP/shell")"
wait_for unlisted

begin
kill -KILL "$SERVER"
wait_for unlisted
say "ok"
