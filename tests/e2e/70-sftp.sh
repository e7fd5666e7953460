#!/bin/sh
# SPDX-License-Identifier: ISC
# shellcheck disable=SC1091,SC2119 # lib.sh is checked by itself; make_user_key has its defaults
# OpenSSH's sftp and scp over qssh, with the built-in server and with OpenSSH's: all of its commands
# do what they do over ssh.
. "${QSP_SRC:?}/tests/e2e/lib.sh"
command -v sftp >/dev/null || skip "OpenSSH's sftp is not installed"

make_user_key
write_client_config

# batch LINE...: an sftp session; its output is in $TMP/out
batch() {
	printf '%s\n' "$@" >"$TMP/batch"
	rc=0
	sftp -q -S "$QSP_BIN/qssh" -P "$PORT" -b "$TMP/batch" "$USER_NAME@127.0.0.1" \
	    >"$TMP/out" 2>"$TMP/err" || rc=$?
	return $rc
}
did() { batch "$@" || fail "sftp: $* : $(cat "$TMP/err")"; }
refused() {
	! batch "$@" || fail "sftp should refuse: $*"
	cat "$TMP/err" "$TMP/out" >"$TMP/said"
}
says() { grep -q -e "$1" "$TMP/out" "$TMP/err" || fail "no '$1' in: $(cat "$TMP/out" "$TMP/err")"; }

mkdir "$TMP/here" "$TMP/there"
head -c 3000000 /dev/urandom >"$TMP/here/big"
: >"$TMP/here/empty"
echo 'a line' >"$TMP/here/name with spaces"
mkdir -p "$TMP/here/tree/deep/er"
echo 1 >"$TMP/here/tree/one"
echo 2 >"$TMP/here/tree/deep/two"
chmod 750 "$TMP/here/tree/deep"
touch -d '2020-02-03 04:05:06 UTC' "$TMP/here/tree/one"
chmod 640 "$TMP/here/tree/one"

everything() {
	rm -rf "$TMP/there" "$TMP/back"
	mkdir "$TMP/there" "$TMP/back"
	T=$TMP/there
	did "put $TMP/here/big $T/big" "put $TMP/here/empty $T/empty" "get $T/big $TMP/back/big"
	cmp "$TMP/here/big" "$T/big" || fail "$1: put"
	cmp "$TMP/here/big" "$TMP/back/big" || fail "$1: get"
	expect "$1: an empty file" 0 "$(stat -c %s "$T/empty")"
	did "put -rp $TMP/here/tree $T" "get -rp $T/tree $TMP/back"
	diff -r "$TMP/here/tree" "$T/tree" || fail "$1: put -r"
	diff -r "$TMP/here/tree" "$TMP/back/tree" || fail "$1: get -r"
	expect "$1: times" "$(stat -c %Y "$TMP/here/tree/one")" "$(stat -c %Y "$TMP/back/tree/one")"
	expect "$1: modes" 640 "$(stat -c %a "$T/tree/one")"
	did "put \"$TMP/here/name with spaces\" \"$T/name with spaces\""
	expect "$1: spaces" 'a line' "$(cat "$T/name with spaces")"

	# going on where it stopped
	head -c 1000000 "$TMP/here/big" >"$TMP/back/part"
	did "reget $T/big $TMP/back/part"
	cmp "$TMP/here/big" "$TMP/back/part" || fail "$1: reget"
	head -c 1000000 "$TMP/here/big" >"$T/part"
	did "reput $TMP/here/big $T/part"
	cmp "$TMP/here/big" "$T/part" || fail "$1: reput"

	# names, links, modes, times, folders
	did "rename $T/part $T/new" "symlink $T/big $T/sym" "ln $T/big $T/hard" "chmod 600 $T/new" \
	    "mkdir $T/dir" "mkdir $T/gone" "rmdir $T/gone" "rm $T/empty" "ls -l $T" "pwd" "df $T"
	says "rw-------.* $USER_NAME .* 3000000 .*new"
	says '^l.*sym'
	for gone in part empty gone; do
		[ ! -e "$T/$gone" ] || fail "$1: $gone is still there"
	done
	[ -d "$T/dir" ] || fail "$1: mkdir"
	expect "$1: symlink" "$T/big" "$(readlink "$T/sym")"
	expect "$1: hard link" 2 "$(stat -c %h "$T/big")"
	expect "$1: chmod" 600 "$(stat -c %a "$T/new")"
	did "cd $T" 'rename new big' 'ls -1 *big*'
	expect "$1: a name that is taken, with posix-rename" big "$(grep -x big "$TMP/out")"
	refused "rename -l $T/big $T/sym"
	[ -e "$T/big" ] || fail "$1: a rename without posix-rename took another's name"
	refused "get $T/no-such $TMP/back/x"
	says 'not found'
	refused "rmdir $T/tree"
	refused "mkdir $T/dir"
	refused "ls $T/no-such"

	# more names than one reply holds
	mkdir "$T/many"
	(cd "$T/many" && seq -f 'file-%04g' 1000 | xargs touch)
	did "ls -1 $T/many"
	expect "$1: 1000 names" 1000 "$(grep -c 'file-' "$TMP/out")"

	# scp too
	rm -f "$T/scp" "$TMP/back/scp"
	scp -q -S "$QSP_BIN/qssh" -P "$PORT" "$TMP/here/big" "$USER_NAME@127.0.0.1:$T/scp" ||
		fail "$1: scp to it"
	scp -q -s -S "$QSP_BIN/qssh" -P "$PORT" "$USER_NAME@127.0.0.1:$T/scp" "$TMP/back/scp" ||
		fail "$1: scp from it"
	cmp "$TMP/here/big" "$TMP/back/scp" || fail "$1: scp changed it"
}

# --- the built-in one, without a word of configuration
start_server
everything internal-sftp
stop_server

# --- its options
mkdir "$TMP/there/start"
start_server "Subsystem sftp internal-sftp -R -d $TMP/there/start"
refused "put $TMP/here/empty $TMP/there/x"
says 'ermission denied'
refused "rm $TMP/there/big"
did pwd
says "$TMP/there/start"
stop_server
start_server 'Subsystem sftp internal-sftp -u 077 -P remove,symlink'
did "put $TMP/here/empty $TMP/there/masked"
expect umask 600 "$(stat -c %a "$TMP/there/masked")"
refused "rm $TMP/there/masked"
refused "symlink a $TMP/there/linked"
stop_server
start_server 'Subsystem sftp internal-sftp -p realpath,stat,lstat,opendir,readdir,close'
did "ls $TMP/there"
refused "get $TMP/there/big $TMP/back/x"
stop_server

# --- forced by the key
cp "$TMP/authorized_keys" "$TMP/plain"
sed 's/^/command="internal-sftp -R" /' "$TMP/plain" >"$TMP/authorized_keys"
start_server
did "ls $TMP/there"
refused "rm $TMP/there/big"
stop_server
cp "$TMP/plain" "$TMP/authorized_keys"

# --- forced by the configuration
start_server 'ForceCommand internal-sftp -R'
did "ls $TMP/there"
refused "rm $TMP/there/big"
stop_server

# --- OpenSSH's
for path in /usr/lib/openssh/sftp-server /usr/libexec/openssh/sftp-server /usr/libexec/sftp-server; do
	[ -x "$path" ] || continue
	start_server "Subsystem sftp $path"
	everything "$path"
	stop_server
	break
done
say "ok"
