#!/bin/sh
# SPDX-License-Identifier: ISC
# [P4.7] With PAM a session is resumed only while the account's modules let its user in.
# shellcheck source-path=SCRIPTDIR source=lib.sh
if [ -z "${QSP_E2E_MOUNTS:-}" ] && [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	QSP_E2E_MOUNTS=1 exec unshare -m --propagation private sh "$0"
fi
. "${QSP_SRC:?}/tests/e2e/lib.sh"
# shellcheck source=login.sh
. "$QSP_SRC/tests/e2e/login.sh"
# shellcheck source=cutter.sh
. "$QSP_SRC/tests/e2e/cutter.sh"
need_login_etc
need_pam_module
make_user_key
pam_is password=tree
start_pam_server
start_cutter

accounts() { [ "$(grep -c '^account ' "$TMP/seen")" = "$1" ]; }

client 'echo here; exec sleep 1000' </dev/null >"$TMP/out" 2>"$TMP/err" &
session=$!
pids="$pids $session"
wait_for test -s "$TMP/out"
accounts 1 || fail "$(cat "$TMP/seen")"
net cut
wait_log '^Resumed user'
accounts 2 || fail "the account's modules were not asked again"
alive "$session" || fail "the session has ended"

pam_is password=tree account=expired
net cut
rc=0
wait "$session" || rc=$?
expect "an account that has expired" 255 "$rc"
wait_log "^PAM: User account has expired for $USER_NAME\$"
wait_log '^Resuming refused for '
stop_server # the session stays for ResumeTimeout, in case the account comes back
wait_for seen "close $USER_NAME 127.0.0.1 "
say ok
