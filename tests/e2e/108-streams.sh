#!/bin/sh
# SPDX-License-Identifier: ISC
# stdin, stdout and stderr at the same time: each complete, each in order, none in another.
# shellcheck disable=SC1091,SC2119 # lib.sh is checked by itself; make_user_key has its defaults
. "${QSP_SRC:?}/tests/e2e/lib.sh"

make_user_key
start_server
client true </dev/null || fail "exec of true"

# line by line in turn
client "awk 'BEGIN { for (i = 0; i < 30000; i++) { print \"out\", i; print \"err\", i >\"/dev/stderr\" } }'" \
    >"$TMP/out" 2>"$TMP/err" </dev/null || fail "in turn"
awk 'BEGIN { for (i = 0; i < 30000; i++) print "out", i }' | cmp - "$TMP/out" || fail "stdout"
awk 'BEGIN { for (i = 0; i < 30000; i++) print "err", i }' | cmp - "$TMP/err" || fail "stderr"

# both at once, in full, and what comes in with them
head -c 16777216 /dev/urandom >"$TMP/one"
head -c 16777216 /dev/urandom >"$TMP/two"
head -c 16777216 /dev/urandom >"$TMP/three"
client "cat '$TMP/one' & cat '$TMP/two' >&2 & cat >'$TMP/up'; wait" \
    <"$TMP/three" >"$TMP/out" 2>"$TMP/err" || fail "all at once"
cmp "$TMP/one" "$TMP/out" || fail "stdout, all at once"
cmp "$TMP/two" "$TMP/err" || fail "stderr, all at once"
cmp "$TMP/three" "$TMP/up" || fail "stdin, all at once"

# whoever reads stdout late gets stderr all the same, and then stdout whole: a pipe of 64 KiB that is full
# stops nobody else
mkfifo "$TMP/late"
client "head -c 1000000 '$TMP/one'; echo now >&2; cat '$TMP/two'" \
    >"$TMP/late" 2>"$TMP/err" </dev/null &
c=$!
{
	told() { grep -qx now "$TMP/err"; }
	wait_for told
	cat
} <"$TMP/late" >"$TMP/out"
wait $c || fail "stderr before stdout"
{
	head -c 1000000 "$TMP/one"
	cat "$TMP/two"
} | cmp - "$TMP/out" || fail "stdout, read late"
