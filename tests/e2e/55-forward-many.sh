#!/bin/sh
# SPDX-License-Identifier: ISC
# 10,000 forwarded connections at the same time through one session, each with bytes of its own.
# shellcheck disable=SC3045 # dash and bash have ulimit -n
. "${QSP_SRC:?}/tests/e2e/lib.sh"
. "$QSP_SRC/tests/e2e/forward.sh"

MANY=${MANY:-10000}
# each end of each connection is a descriptor
ulimit -n $((MANY + 1000)) 2>/dev/null ||
	skip "no limit of $((MANY + 1000)) descriptors to be had: $(ulimit -Hn)"

make_user_key
start_server
client true || fail "no login"
serve "$TMP/echo.sock" echo
serve 127.0.0.1:0 echo
L=$(free_port)
forward "$TMP/c" -L "$TMP/many.sock:$TMP/echo.sock" -L "$L:127.0.0.1:$SERVED"
expect "all at once" "$MANY connections" "$(peer many "$TMP/many.sock" "$MANY")"
# and all of them are gone: the session has its channels back
expect "once more" "$MANY connections" "$(peer many "127.0.0.1:$L" "$MANY")"
say ok
