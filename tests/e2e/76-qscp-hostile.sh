#!/bin/sh
# SPDX-License-Identifier: ISC
# qscp against a server that lies: nothing is written outside the target, no control character reaches the
# terminal, each lie ends with a message.
# shellcheck disable=SC1091,SC2088 # lib.sh is checked by itself; a ~ is for the server
. "${QSP_SRC:?}/tests/e2e/lib.sh"
command -v python3 >/dev/null || skip "no python3 for the hostile server"

server=$QSP_SRC/tests/e2e/helpers/hostile-sftp.py
cat >"$TMP/transport" <<END
#!/bin/sh
exec python3 "$server"
END
chmod +x "$TMP/transport"
mkdir "$TMP/in"
mkdir "$TMP/in/target"
cd "$TMP/in" || exit 1

# lie HOW SOURCE STATUS WORDS: what qscp does with it
lie() {
	rm -rf target
	mkdir target
	rc=0
	HOSTILE=$1 timeout 120 "$QSP_BIN/qscp" -r -S "$TMP/transport" "host:$2" target \
	    </dev/null >"$TMP/out" 2>"$TMP/err" || rc=$?
	expect "$1: status" "$3" "$rc"
	[ -z "$4" ] || grep -q -e "$4" "$TMP/err" || fail "$1: no '$4' in: $(cat "$TMP/err")"
	! LC_ALL=C grep -q "$(printf '[\001-\010\013-\037]')" "$TMP/err" ||
		fail "$1: control characters reach the terminal"
	expect "$1: outside of the target" 'target' "$(ls -A)"
	expect "$1: beside it" 5 "$(find "$TMP" -mindepth 1 -maxdepth 1 | wc -l)"
}

lie none folder 0 ''
expect "honest" hello "$(cat target/folder/ok)"
lie slash folder 1 'a name that no file in a folder can have'
expect "slash" ok "$(ls target/folder)"
lie dots folder 0 ''
expect "dots" ok "$(ls target/folder)"
lie nul folder 1 'a name that no file in a folder can have'
lie escape folder 1 'x1b.*: not a regular file'
lie cut-list folder 255 'malformed list of names'
lie no-handle file 255 'does not fit the question'
lie long-handle file 255 'malformed reply'
lie more file 255 'does not fit the question'
lie nothing file 255 'does not fit the question'
lie wrong-id file 255 'answered what was not asked'
lie twice file 255 'answered what was not asked'
lie other-kind file 255 'does not fit the question'
lie huge file 255 'a packet of an impossible length'
lie die file 255 'Connection closed'
lie old file 255 'does not speak SFTP version 3'
lie chatter file 255 'startup file of the remote shell'
lie short file 1 'ended before its size was reached'
lie message file 1 'x1b.31mevil'
lie less file 0 ''
expect "less at a time" hello "$(cat target/file)"
# what a home is does not say what its files are called here
lie home '~/file' 0 ''
expect "a file of a home" file "$(ls -A target)"
lie home '~/*' 0 ''
expect "files of a home" ok "$(ls -A target)"
lie home '~' 1 'is a home without a name'
lie home '~evil' 1 'is a home without a name'
# a size of nothing, and then data: zeros that are holes here
lie grows file 0 ''
expect "what grows" 100000 "$(stat -c %s target/file)"
# a small file takes two round trips: the greeting and opening, the writing and closing
echo hello >"$TMP/in/target/small"
HOSTILE=late timeout 120 "$QSP_BIN/qscp" -S "$TMP/transport" target/small host: </dev/null 2>"$TMP/err" ||
	fail "more than two round trips, or: $(cat "$TMP/err")"
# nor are links
lie links folder 0 ''
expect "links" hello "$(cat target/folder/c)"
# nor what is gone on with
rm -rf target
mkdir -p target/folder
for f in a b c; do printf he >target/folder/$f; done
HOSTILE=again timeout 120 "$QSP_BIN/qscp" -a -r -S "$TMP/transport" host:folder target </dev/null 2>"$TMP/err" ||
	fail "files are gone on with one after the other, or: $(cat "$TMP/err")"
for f in a b c; do expect "what was gone on with" hello "$(cat target/folder/$f)"; done
# folders are not asked for one after the other, nor made
lie wide folder 0 ''
expect "folders" hello "$(cat target/folder/c.folder/ok)"
HOSTILE=wide timeout 120 "$QSP_BIN/qscp" -r -S "$TMP/transport" target/folder host: </dev/null 2>"$TMP/err" ||
	fail "folders are made one after the other, or: $(cat "$TMP/err")"
# patterns: names that the server tells are checked there too
lie slash '*' 1 'a name that no file in a folder can have'
say "ok"
