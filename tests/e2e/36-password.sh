#!/bin/sh
# SPDX-License-Identifier: ISC
# A login by password, right and wrong: against a shadow file of the test's own, which only this
# scenario's mount namespace sees.
# shellcheck disable=SC1091 # lib.sh is checked by itself
if [ -z "${QSP_E2E_MOUNTS:-}" ] && [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	QSP_E2E_MOUNTS=1 exec unshare -m --propagation private sh "$0"
fi
. "${QSP_SRC:?}/tests/e2e/lib.sh"
[ -n "${QSP_E2E_MOUNTS:-}" ] || skip "needs root and mount namespaces, for a shadow file of its own"
command -v tmux >/dev/null || skip "tmux is not installed"

hash=$(openssl passwd -6 -salt qspqspqsp 'correct horse') || fail "openssl passwd"
awk -F: -v OFS=: -v u="$USER_NAME" -v h="$hash" '$1 == u { $2 = h } { print }' /etc/shadow \
	>"$TMP/shadow"
chmod 600 "$TMP/shadow"
mount --bind "$TMP/shadow" /etc/shadow || skip "cannot bind over /etc/shadow"
start_server 'PasswordAuthentication yes'

. "$QSP_SRC/tests/e2e/asked.sh"
prompt="^$USER_NAME@127\\.0\\.0\\.1's password:"
on_terminal "'$QSP_BIN/qssh' -F none -p $PORT -o UserKnownHostsFile=$KNOWN_HOSTS \
-o StrictHostKeyChecking=accept-new -l $USER_NAME -o PreferredAuthentications=password 127.0.0.1 'exit 7'"
wait_for count "$prompt" 1
answer 'wrong horse'
wait_for count "$prompt" 2
answer 'correct horse'
wait_for has_rc
expect "the command's status" 7 "$(cat "$TMP/rc")"
wait_log "^Failed password for $USER_NAME from 127\\.0\\.0\\.1 port "
wait_log "^Accepted password for $USER_NAME from 127\\.0\\.0\\.1 port "
tm kill-server 2>/dev/null || :
