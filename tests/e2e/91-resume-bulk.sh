#!/bin/sh
# SPDX-License-Identifier: ISC
#
# [P4.7] A hundred cuts under load: bytes both ways arrive whole, in order and once, while a second
# program on the same connection answers; on both wires.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${QSP_SRC:?}/tests/e2e/lib.sh"
# shellcheck source=cutter.sh
. "$QSP_SRC/tests/e2e/cutter.sh"

BYTES=100000000 # each way
make_user_key
openssl rand -out "$TMP/seed" 1000000
i=0
while [ $i -lt $((BYTES / 1000000)) ]; do
	printf '%s\n' $i
	cat "$TMP/seed"
	i=$((i + 1))
done >"$TMP/data"

start_server
start_cutter 7
net every 1500000
client cat <"$TMP/data" >"$TMP/back" 2>"$TMP/err" || fail "it ended with $?"
cmp "$TMP/data" "$TMP/back" || fail 'not the same bytes'
cuts=$(log_count 'Resumed user')
[ "$cuts" -ge 50 ] || fail "only $cuts cuts"
expect 'one login' 1 "$(log_count 'Accepted publickey')"

say "ok: $cuts times resumed"
