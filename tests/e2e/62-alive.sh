#!/bin/sh
# SPDX-License-Identifier: ISC
# shellcheck disable=SC2119 # make_user_key has its defaults
# ClientAliveInterval: a frozen client is dropped, with its children; one that is merely silent stays.
. "${QSP_SRC:?}/tests/e2e/lib.sh"

make_user_key
start_server 'ClientAliveInterval 2' 'ClientAliveCountMax 4' 'ResumeTimeout 0'

client "echo \$\$ >'$TMP/silent'; sleep 1000" >/dev/null 2>&1 </dev/null &
silent=$!
client "echo \$\$ >'$TMP/frozen'; sleep 1000" >/dev/null 2>&1 </dev/null &
frozen=$!
pids="$pids $silent $frozen"
wait_for test -s "$TMP/silent"
wait_for test -s "$TMP/frozen"
program=$(children "$frozen" qssh)
kill -STOP "$program"
wait_log "^Timeout, client not responding from user $USER_NAME 127.0.0.1 port [0-9]*"
wait_for gone "$(cat "$TMP/frozen")"
alive "$(cat "$TMP/silent")" || fail "the silent client's command is gone"
alive "$silent" || fail "the silent client is gone"
expect "timeouts" 1 "$(grep -c '^Timeout, client not responding' "$SERVER_LOG")"
kill -CONT "$program"
kill "$silent" "$frozen" 2>/dev/null || :
say "ok"
