#!/bin/sh
# SPDX-License-Identifier: ISC
# rsync -e qssh, both ways: trees of thousands of files, deletes, deltas, going on, a dry run, and its status.
# shellcheck disable=SC1091 # both are checked by themselves
. "${QSP_SRC:?}/tests/e2e/lib.sh"
. "$QSP_SRC/tests/e2e/tools.sh"

command -v rsync >/dev/null || skip "no rsync"
use_tools
make_tree "$TMP/tree"
# 3,000 files in 100 folders
awk -v top="$TMP/tree/many" 'BEGIN {
	for (d = 0; d < 100; d++) {
		system("mkdir -p " top "/" d)
		for (f = 0; f < 30; f++) {
			name = top "/" d "/" f
			print d * 30 + f, "line" > name
			close(name)
		}
	}
}'
ln "$TMP/tree/many/1/1" "$TMP/tree/many/2/linked"
mkdir "$TMP/up" "$TMP/down"
sync() { rsync -e qssh "$@" || fail "rsync $*"; }
same() {
	listing "$TMP/tree" >"$TMP/wanted"
	listing "$1" >"$TMP/got"
	diff "$TMP/wanted" "$TMP/got" || fail "$2: lists differ"
	diff -r --no-dereference "$TMP/tree" "$1" || fail "$2: contents differ"
}

sync -aH "$TMP/tree/" "there:$TMP/up/"
same "$TMP/up" "up"
expect "hard links" 2 "$(stat -c %h "$TMP/up/many/2/linked")"
sync -aHz "there:$TMP/tree/" "$TMP/down/"
same "$TMP/down" "down"

# nothing to do is nothing done
expect "a second run" "" "$(rsync -e qssh -aHi "$TMP/tree/" "there:$TMP/up/")"

# changes, deletes, a delta; first as it would be
rm -r "$TMP/tree/many/7"
echo more >>"$TMP/tree/big"
mkdir "$TMP/tree/new"
echo new >"$TMP/tree/new/file"
rsync -e qssh -aHin --delete "$TMP/tree/" "there:$TMP/up/" >"$TMP/plan" || fail "rsync -n"
grep -q '^\*deleting  *many/7/3$' "$TMP/plan" || fail "the plan deletes nothing: $(cat "$TMP/plan")"
[ -e "$TMP/up/many/7/3" ] || fail "a dry run was wet"
rsync -e qssh -aH --delete --no-whole-file --stats "$TMP/tree/" "there:$TMP/up/" >"$TMP/stats" ||
	fail "rsync --delete to it"
same "$TMP/up" "up again"
sent=$(sed -n 's/^Literal data: \([0-9,.]*\) bytes$/\1/p' "$TMP/stats" | tr -d ',.')
[ "$sent" -lt 100000 ] || fail "a delta of 5 bytes sent $sent"
sync -aH --delete "there:$TMP/tree/" "$TMP/down/"
same "$TMP/down" "down again"

# one that was interrupted goes on
head -c 2000000 "$TMP/tree/big" >"$TMP/up/big"
sync -aH --append-verify --partial "$TMP/tree/big" "there:$TMP/up/big"
cmp "$TMP/tree/big" "$TMP/up/big" || fail "--append-verify"

# its own exit codes come through
rc=0
rsync -e qssh -a "there:$TMP/none" "$TMP/down/" 2>"$TMP/err" || rc=$?
expect "status for a source that is missing" 23 $rc
rc=0
rsync -e "qssh -p 1" -a "$USER_NAME@127.0.0.1:$TMP/tree" "$TMP/down/" 2>"$TMP/err" || rc=$?
case $rc in
12 | 255) ;; # with ssh, too, rsync says either, as it sees first that the pipe or that the process has ended
*) fail "status without a connection: $rc" ;;
esac
