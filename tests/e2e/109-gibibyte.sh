#!/bin/sh
# SPDX-License-Identifier: ISC
# 1 GiB of random bytes each way, and there and back, is what it was; memory does not grow with it.
# shellcheck disable=SC1091,SC2119 # lib.sh is checked by itself; make_user_key has its defaults
. "${QSP_SRC:?}/tests/e2e/lib.sh"

make_user_key
start_server
client true </dev/null || fail "exec of true"
head -c 1073741824 /dev/urandom >"$TMP/data"

client "cmp - '$TMP/data'" <"$TMP/data" || fail "1 GiB up"
client "cat '$TMP/data'" </dev/null | cmp - "$TMP/data" || fail "1 GiB down"
client "cat '$TMP/data' >&2" </dev/null 2>&1 >"$TMP/none" | cmp - "$TMP/data" || fail "1 GiB on stderr"
[ ! -s "$TMP/none" ] || fail "stderr came out on stdout"
# shellcheck disable=SC2094 # both read it
client cat <"$TMP/data" | cmp - "$TMP/data" || fail "1 GiB there and back"

# windows and buffers bound it, not what passes
peak=$(sed -n 's/^VmHWM:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$(children "$SERVER" qsshd-net)/status")
[ "$peak" -lt 300000 ] || fail "qsshd-net took $peak kB"
