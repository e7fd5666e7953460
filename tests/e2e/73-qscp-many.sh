#!/bin/sh
# SPDX-License-Identifier: ISC
# shellcheck disable=SC1091,SC2119 # lib.sh is checked by itself; make_user_key has its defaults
# qscp with very many files, or very large ones: 10,000 small ones (or QSP_E2E_FILES), 2^33 bytes and holes.
. "${QSP_SRC:?}/tests/e2e/lib.sh"

count=${QSP_E2E_FILES:-10000}
. "$QSP_SRC/tests/e2e/copying.sh"

mkdir small
awk -v n="$count" 'BEGIN { for (i = 0; i < n; i++) { f = "small/" i; print "file", i > f; close(f) } }'
mkdir small/sub
echo last >small/sub/last
copy -r small "$H:$TMP/up" || fail "upload"
diff -r small up || fail "the upload changed them"
copy -r "$H:$TMP/up" down || fail "download"
diff -r small down || fail "the download changed them"
# few descriptors are enough
rm -rf down
prlimit --nofile=64 "$QSP_BIN/qscp" -P "$PORT" -r "$H:$TMP/up" down ||
	fail "download with few descriptors"
diff -r small down || fail "the download changed them"
rm -rf small up down

# more than 2^33 bytes, nearly all of them holes
truncate -s 8589934700 sparse
printf begin | dd of=sparse conv=notrunc 2>/dev/null
printf middle | dd of=sparse conv=notrunc bs=1 seek=5000000000 2>/dev/null
printf 'end here' | dd of=sparse conv=notrunc bs=1 seek=8589934592 2>/dev/null
if [ "$(stat -c %b sparse)" -lt 2048 ]; then
	copy sparse "$H:$TMP/sparse.up" || fail "upload of 2^33 bytes"
	copy "$H:$TMP/sparse.up" sparse.down || fail "download of 2^33 bytes"
	for f in sparse.up sparse.down; do
		expect "size of $f" 8589934700 "$(stat -c %s "$f")"
		[ "$(stat -c %b "$f")" -lt 2048 ] || fail "$f has lost its holes"
		for at in 0 5000000000 8589934592; do
			expect "$f at $at" "$(tail -c +$((at + 1)) sparse | head -c 8 | od -c)" \
			    "$(tail -c +$((at + 1)) "$f" | head -c 8 | od -c)"
		done
	done
else
	say "no sparse files here: 2^33 bytes are not tried"
fi
# zeros become holes on the way down, and the size stays
head -c 3000000 /dev/zero >zeros
copy zeros "$H:$TMP/zeros.up"
copy "$H:$TMP/zeros.up" zeros.down
cmp zeros zeros.down || fail "zeros"
# they overwrite what was there
head -c 3000000 /dev/urandom >zeros.down
copy "$H:$TMP/zeros.up" zeros.down
cmp zeros zeros.down || fail "zeros over something else"
say "ok"
