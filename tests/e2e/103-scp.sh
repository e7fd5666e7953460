#!/bin/sh
# SPDX-License-Identifier: ISC
# OpenSSH's scp over qssh: trees both ways by both of its protocols, from host to host, and its status.
# shellcheck disable=SC1091 # both are checked by themselves
. "${QSP_SRC:?}/tests/e2e/lib.sh"
. "$QSP_SRC/tests/e2e/tools.sh"

command -v scp >/dev/null || skip "no scp"
use_tools
make_tree "$TMP/tree"
# scp follows links, and says so of one that leads nowhere
rm "$TMP/tree/deep/er/dangling"

for protocol in -s -O; do
	rm -rf "$TMP/up" "$TMP/down"
	scp $protocol -q -rp -S qssh "$TMP/tree" "there:$TMP/up" || fail "scp $protocol -rp to it"
	diff -r "$TMP/tree" "$TMP/up" || fail "scp $protocol changed what it sent"
	scp $protocol -q -rp -S qssh "there:$TMP/tree" "$TMP/down" || fail "scp $protocol -rp from it"
	diff -r "$TMP/tree" "$TMP/down" || fail "scp $protocol changed what it fetched"
	expect "$protocol: a file's time" "$(stat -c '%a %Y' "$TMP/tree/big")" "$(stat -c '%a %Y' "$TMP/up/big")"
	expect "$protocol: a script's mode" 755 "$(stat -c %a "$TMP/down/deep/er/still/script")"

	# what is not there is told, what is there copied
	mkdir "$TMP/some"
	rc=0
	scp $protocol -q -S qssh "there:$TMP/none" "there:$TMP/tree/big" "$TMP/some" 2>"$TMP/err" || rc=$?
	expect "$protocol: status with one missing" 1 $rc
	cmp "$TMP/tree/big" "$TMP/some/big" || fail "$protocol: the one that is there"
	rm -r "$TMP/some"
done

# from host to host through here
scp -q -3 -S qssh "there:$TMP/tree/big" "there:$TMP/third" </dev/null || fail "scp -3"
cmp "$TMP/tree/big" "$TMP/third" || fail "scp -3 changed it"

# slowly, so that it is many writes; and a port where nobody listens
scp -q -l 80000 -S qssh "$TMP/tree/big" "there:$TMP/slow" || fail "scp -l"
cmp "$TMP/tree/big" "$TMP/slow" || fail "scp -l changed it"
rc=0
scp -q -S qssh -P 1 "$TMP/tree/big" "$USER_NAME@127.0.0.1:$TMP/no" 2>"$TMP/err" || rc=$?
[ $rc -ne 0 ] || fail "scp to nowhere says it has copied"
