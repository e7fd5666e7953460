#!/bin/sh
# SPDX-License-Identifier: ISC
# A full disk on either side, in a mount namespace of its own: it is said, the status is 1, nothing hangs; and
# an interrupted download leaves a beginning without gaps, from which one can go on.
# shellcheck disable=SC1091,SC2119 # lib.sh is checked by itself; make_user_key has its defaults
if [ -z "${QSP_E2E_MOUNTS:-}" ] && [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	QSP_E2E_MOUNTS=1 exec unshare -m --propagation private sh "$0"
fi
. "${QSP_SRC:?}/tests/e2e/lib.sh"

. "$QSP_SRC/tests/e2e/copying.sh"
head -c 20000000 /dev/urandom >big
echo small >small

# --- interrupted
"$QSP_BIN/qscp" -P "$PORT" -l 4000 "$H:$TMP/big" part 2>"$TMP/err" &
c=$!
has_some() { [ -s "$1" ]; }
wait_for has_some part
kill -TERM $c
rc=0
wait $c || rc=$?
expect "an interrupted copy" 143 $rc
n=$(stat -c %s part)
[ "$n" -lt 20000000 ] || fail "it was not interrupted"
cmp -n "$n" big part || fail "the beginning has gaps"
copy -a "$H:$TMP/big" part
cmp big part || fail "going on after an interruption"
rm part

# --- the connection goes away
"$QSP_BIN/qscp" -P "$PORT" -l 4000 big "$H:$TMP/cut" 2>"$TMP/err" &
c=$!
wait_for has_some cut
# shellcheck disable=SC2046 # numbers
kill -KILL $(children "$c" qssh)
rc=0
wait $c || rc=$?
expect "a connection that breaks" 255 "$rc"
grep -q 'qscp: 127.0.0.1: Connection closed' "$TMP/err" || fail "$(cat "$TMP/err")"

# --- full
[ -n "${QSP_E2E_MOUNTS:-}" ] || {
	say "no root or no mount namespaces: no disk was filled"
	exit 0
}
mkdir full
mount -t tmpfs -o size=5m none full || skip "cannot mount a small file system"
stop_server # it was in the namespace before the mount
run_server
full() {
	expect "$1" 1 "$2"
	grep -q "$3: No space left on device" "$TMP/err" || fail "$1: $(cat "$TMP/err")"
}
full "upload" "$(status_of copy big "$H:$TMP/full/big")" 'full/big'
rm -f full/big
full "download" "$(status_of copy "$H:$TMP/big" full/big)" 'full/big'
rm -f full/big
# the others are copied
mkdir many
cp big many/1
cp small many/2
full "several" "$(status_of copy -r "$H:$TMP/many/1" "$H:$TMP/many/2" full)" 'full/1'
rm -f full/1
expect "one that fits" 0 "$(status_of copy "$H:$TMP/many/2" full)"
umount full
# over the limit of a file's size: of the server, then here
command -v prlimit >/dev/null || skip "no prlimit"
for p in $(ours); do
	prlimit --pid "$p" --fsize=1000000: 2>/dev/null || : # it may be gone
done
expect "upload of a file that is too large" 1 "$(status_of copy big "$H:$TMP/limited")"
grep -q 'limited: File too large' "$TMP/err" || fail "$(cat "$TMP/err")"
rc=$(status_of prlimit --fsize=1000000: "$QSP_BIN/qscp" -P "$PORT" "$H:$TMP/big" limited)
expect "download of a file that is too large" 1 "$rc"
grep -q 'limited: File too large' "$TMP/err" || fail "$(cat "$TMP/err")"
say "ok"
