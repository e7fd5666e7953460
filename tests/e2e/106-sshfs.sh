#!/bin/sh
# SPDX-License-Identifier: ISC
# sshfs over qssh, in a mount namespace of its own: files are read, written, renamed, listed and removed.
# shellcheck disable=SC1091 # both are checked by themselves
. "${QSP_SRC:?}/tests/e2e/lib.sh"
. "$QSP_SRC/tests/e2e/tools.sh"

command -v sshfs >/dev/null || skip "no sshfs"
{ [ -r /dev/fuse ] && [ -w /dev/fuse ]; } || skip "no access to /dev/fuse"
unshare -m true 2>/dev/null || skip "mount namespaces are not permitted here"
use_tools
make_tree "$TMP/far"
# some versions of sshfs show no link that leads upwards
ln -sfn er "$TMP/far/deep/to-big"
mkdir "$TMP/near"

cat >"$TMP/inside" <<'END'
set -eu
sshfs -o ssh_command=qssh "there:$TMP/far" "$TMP/near" || exit 77
end() { cd / && fusermount3 -u "$TMP/near" 2>/dev/null || fusermount -u "$TMP/near" || :; }
trap end EXIT
diff -r --no-dereference "$TMP/far" "$TMP/near"
cd "$TMP/near"
dd if=big of=copy bs=64k 2>/dev/null
cmp copy "$TMP/far/big"
echo appended >>copy
tail -c 9 copy | grep -qx appended
mv copy deep/moved
[ -e "$TMP/far/deep/moved" ]
mkdir made
rmdir made
ln -s deep/moved pointer
cmp pointer "$TMP/far/deep/moved"
chmod 640 deep/moved
[ "$(stat -c %a "$TMP/far/deep/moved")" = 640 ]
touch -d '2021-01-01 UTC' deep/moved
[ "$(stat -c %Y "$TMP/far/deep/moved")" = 1609459200 ]
truncate -s 100 deep/moved
[ "$(stat -c %s "$TMP/far/deep/moved")" = 100 ]
rm deep/moved pointer
[ ! -e "$TMP/far/deep/moved" ]
df . >/dev/null
for i in 1 2 3 4 5 6 7 8 9 10; do
	echo $i >"f$i"
done
cat f? f10 | wc -l | grep -qx 10
cd /
END
export TMP
rc=0
unshare -m --propagation private sh -x "$TMP/inside" >"$TMP/inside.log" 2>&1 || rc=$?
[ $rc -ne 77 ] || skip "sshfs does not mount here: $(tail -n 2 "$TMP/inside.log")"
expect "what was done in the mount" 0 $rc
