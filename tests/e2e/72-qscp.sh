#!/bin/sh
# SPDX-License-Identifier: ISC
# shellcheck disable=SC1091,SC2016,SC2119 # lib.sh is checked by itself; a name with a $; defaults
# qscp: what it copies and how it names it, its options, its exit status.
. "${QSP_SRC:?}/tests/e2e/lib.sh"

. "$QSP_SRC/tests/e2e/copying.sh"
mkdir here there

did() { copy "$@" 2>"$TMP/err" >"$TMP/out" || fail "qscp $* : $(cat "$TMP/err")"; }
# ends STATUS ARGUMENT...: the words are in $TMP/err
ends() {
	wanted=$1
	shift
	rc=$(status_of copy "$@")
	expect "qscp $*" "$wanted" "$rc"
}
says() { grep -q -e "$1" "$TMP/err" || fail "no '$1' in: $(cat "$TMP/err")"; }

# --- one file, each way, and names
head -c 5000000 /dev/urandom >here/big
: >here/empty
echo text >here/one
did here/big "$H:$TMP/there/big"
cmp here/big there/big || fail "upload"
did "$H:$TMP/there/big" back
cmp here/big back || fail "download"
did here/big "$H:$TMP/there" # into a folder
did here/empty "$H:$TMP/there/"
[ -f there/empty ] || fail "an empty file"
did "$H:$TMP/there/empty" got
expect "an empty file back" 0 "$(stat -c %s got)"
did here/one "scp://$H:$PORT/$TMP/there/uri"
did "qsp://$H:$PORT/$TMP/there/uri" uri.back
expect "a URI" text "$(cat uri.back)"
cp here/one a:b
did ./a:b "$H:$TMP/there"
[ -f there/a:b ] || fail "a name with a colon"
did "$H:$TMP/there/a:b" ./c:d
[ -f c:d ] || fail "a local name with a colon"
# no shell over there: what it would read stays as it is
odd='a $(touch pwned) `id` ; "q" '"'s"
cp here/one "here/$odd"
did "here/$odd" "$H:$TMP/there/"
[ -f "there/$odd" ] || fail "an odd name"
did "$H:$TMP/there/$odd" odd.back
expect "an odd name back" text "$(cat odd.back)"
for p in pwned there/pwned "$HOME/pwned"; do
	[ ! -e "$p" ] || fail "a shell has read a name"
done
mkfifo here/fifo
ends 1 here/fifo "$H:$TMP/there"
says 'here/fifo: not a regular file'

# --- several; one is missing
rm -f there/one there/big
ends 1 here/one here/missing here/big "$H:$TMP/there"
says 'qscp: here/missing: No such file or directory'
[ -f there/one ] || fail "the one before the missing one"
cmp here/big there/big || fail "the one behind the missing one"
rm -rf into
mkdir into
ends 1 "$H:$TMP/there/one" "$H:$TMP/there/missing" "$H:$TMP/there/big" into
says "127.0.0.1:$TMP/there/missing: No such file or directory"
cmp here/big into/big || fail "downloaded behind the missing one"
ends 1 here/one here/big "$H:$TMP/there/none"
says 'none: No such file or directory'
ends 1 here/one here/empty "$H:$TMP/there/big"
says 'big: Not a directory'
ends 1 here/one "$H:$TMP/no/such/folder/x"
says 'x: No such file or directory'
ends 1 here "$H:$TMP/there"
says 'here: is a directory, which -r copies'

# --- patterns of names over there; a literal name wins
mkdir -p there/glob/sub
for f in a.txt b.txt .hidden.txt c.dat 'z*.txt'; do echo "$f" >"there/glob/$f"; done
echo deep >there/glob/sub/a.txt
rm -rf into
mkdir into
did "$H:$TMP/there/glob/*.txt" into
expect "a pattern" 'a.txt b.txt z*.txt' "$(cd into && echo *)"
[ ! -e into/.hidden.txt ] || fail "a hidden name fits *"
rm -f into/*
did "$H:$TMP/there/glob/z*.txt" into
expect "a literal name" 'z*.txt' "$(ls into)"
rm -f into/*
did "$H:$TMP/there/gl?b/[ab].txt" "$H:$TMP/there/*/su[a-b]/a.txt" into
expect "more patterns" deep "$(cat into/a.txt)"
ends 1 "$H:$TMP/there/glob/*.none" into
says 'none: No such file or directory'

# --- trees, links, modes, times
mkdir -p tree/a/b tree/closed
echo 1 >tree/a/1
echo 2 >tree/a/b/2
ln -s a/1 tree/link
ln -s a tree/folder-link
ln -s nowhere tree/dangling
chmod 555 tree/closed
chmod 4751 tree/a/1
chmod 400 tree/a/b/2
touch -d '2001-02-03 04:05:06 UTC' tree/a/1 tree/a
ends 1 -r tree "$H:$TMP/there/"
says 'tree/dangling: No such file or directory'
[ -f there/tree/link ] || fail "a link is followed"
[ ! -L there/tree/link ] || fail "a link is copied as one"
expect "a link to a folder is followed" 1 "$(cat there/tree/folder-link/1)"
expect "mode without -p" 751 "$(stat -c %a there/tree/a/1)"
expect "mode of a folder" 555 "$(stat -c %a there/tree/closed)"
rm -f tree/dangling there/tree/dangling
chmod 755 there/tree/closed
rm -rf there/tree tree/folder-link
did -rp tree "$H:$TMP/there/new"
expect "-p: mode, less the set-id bits, as scp" 751 "$(stat -c %a there/new/a/1)"
expect "-p: time" "$(stat -c %Y tree/a/1)" "$(stat -c %Y there/new/a/1)"
expect "-p: time of a folder" "$(stat -c %Y tree/a)" "$(stat -c %Y there/new/a)"
did -rp "$H:$TMP/there/new" new
expect "-p back: mode" 751 "$(stat -c %a new/a/1)"
chmod 4755 there/new/a/1 # a file that would belong to somebody else here
did -p "$H:$TMP/there/new/a/1" setid
expect "-p of a set-id file" 755 "$(stat -c %a setid)"
chmod 751 there/new/a/1
expect "-p back: time" "$(stat -c %Y tree/a/1)" "$(stat -c %Y new/a/1)"
expect "-p back: time of a folder" "$(stat -c %Y tree/a)" "$(stat -c %Y new/a)"
diff -r tree new || fail "a tree back"
(umask 077 && did -r "$H:$TMP/there/new" masked)
expect "the umask" 700 "$(stat -c %a masked/a/1)"
did -r "$H:$TMP/there/new/." dots
[ -f dots/a/1 ] || fail "folder/."
did -r "$H:$TMP/there/new" dots # into one that is there
[ -f dots/new/a/1 ] || fail "into a folder"
ends 1 -r tree "$H:$TMP/there/big"
says 'big: is there, and is not a directory'
ln -s . tree/loop
ends 1 -r tree "$H:$TMP/there/loop"
says 'Too many levels of symbolic links'
chmod -R u+w there/loop && rm -rf there/loop tree/loop
# the file that is there is written into: its links stay, as with scp
echo old >there/target
ln -s target there/sym
ln there/target there/hard
did here/one "$H:$TMP/there/sym"
[ -L there/sym ] || fail "a link was replaced"
expect "through a link" text "$(cat there/hard)"

# --- the source itself, by another way: a server on this host, a link, a shared home
cp here/big self
touch -d '2001-02-03 04:05:06 UTC' self
ln self self.hard
for words in "self $H:$TMP" "self $H:$TMP/self" "$H:$TMP/self ." "$H:$TMP/self self.hard" \
    "-3 $H:$TMP/self $USER_NAME@localhost:$TMP/self" "-a self $H:$TMP/self"; do
	# shellcheck disable=SC2086 # words
	did $words
	cmp here/big self || fail "lost: qscp $words"
done
# what only looks like it is written whole
head -c 5000000 /dev/zero >other
touch -r self other
did self "$H:$TMP/other"
cmp self other || fail "over a file of the same size and time"
head -c 5000000 /dev/zero >other
touch -r self other
did "$H:$TMP/self" other
cmp self other || fail "over a file of the same size and time, here"
# a file that shrinks while it is copied
cp here/big shrinks
"$QSP_BIN/qscp" -P "$PORT" -l 2000 shrinks "$H:$TMP/shrunk" 2>"$TMP/err" &
c=$!
wait_for test -s shrunk
: >shrinks
rc=0
wait $c || rc=$?
expect "a file that shrinks" 1 "$rc"
says 'shrinks: ended before its size was reached'

# --- from one host to another, through here
rm -rf third
did -3 -rp "$H:$TMP/there/new" "scp://$USER_NAME@localhost:$PORT/$TMP/third"
diff -r tree third || fail "-3"
expect "-3 -p" "$(stat -c %Y tree/a/1)" "$(stat -c %Y third/a/1)"
did "$H:$TMP/there/big" "$USER_NAME@localhost:$TMP/there/big3"
cmp here/big there/big3 || fail "two hosts without -3"
did here/one also # here to here
expect "local" text "$(cat also)"

# --- going on
head -c 3000000 here/big >part
did -v --resume "$H:$TMP/there/big" part
says 'part goes on where it stopped'
cmp here/big part || fail "resumed download"
head -c 3000000 here/big >there/part
did -v -a here/big "$H:$TMP/there/part"
says 'part goes on where it stopped'
cmp here/big there/part || fail "resumed upload"
head -c 3000000 /dev/urandom >part
did -v --resume "$H:$TMP/there/big" part
says 'part is not a part of the source'
cmp here/big part || fail "another file was spliced"
{ head -c 1500000 here/big; echo x; tail -c +1500003 here/big; } >there/part
truncate -s 3000000 there/part
printf Y | dd of=there/part bs=1 seek=2999999 conv=notrunc 2>/dev/null
did -a here/big "$H:$TMP/there/part"
cmp here/big there/part || fail "a file that differs at its end was spliced"
cat here/big here/big >part
did -a "$H:$TMP/there/big" part
cmp here/big part || fail "a longer file"
did -a "$H:$TMP/there/big" part
cmp here/big part || fail "a whole file"

# many at a time: whole, in part, another file, not there
mkdir tree/many
for i in $(seq 60); do head -c $((i * 20000)) here/big >"tree/many/$i"; done
for to in there/many again; do
	mkdir "$to"
	for i in $(seq 60); do
		case $((i % 4)) in
		0) cp "tree/many/$i" "$to/$i" ;;
		1) head -c $((i * 10000)) here/big >"$to/$i" ;;
		2) head -c $((i * 20000)) /dev/zero >"$to/$i" ;;
		esac
	done
done
did -a -r tree/many "$H:$TMP/there"
diff -r tree/many there/many || fail "going on with many"
did -a -r "$H:$TMP/tree/many/." again
diff -r tree/many again || fail "going on with many, here"

# --- limits, verbosity, options of qssh
head -c 250000 /dev/zero >here/slow
began=$(date +%s%N)
did -l 4000 here/slow "$H:$TMP/there/slow" # 500 kB/s
took=$((($(date +%s%N) - began) / 1000000))
[ "$took" -ge 250 ] || fail "-l: 250 kB at 4000 kbit/s took $took ms"
cmp here/slow there/slow || fail "-l"
compress=
! qssh -C -G host >/dev/null 2>&1 || compress=-C
# shellcheck disable=SC2086 # or nothing
did -q -B $compress -4 -i "$KEY" -F "$HOME/.qssh/config" -o ConnectTimeout=60 here/one "$H:$TMP/there/opt"
did -S "$QSP_BIN/qssh" here/one "$H:$TMP/there/prog"
did -v here/one "$H:$TMP/there/verbose"
says '^debug1: '
[ ! -s "$TMP/out" ] || fail "words on stdout: $(cat "$TMP/out")"
expect usage 1 "$(status_of qscp)"
expect "an unknown option" 1 "$(status_of qscp -Z a b)"

# --- no connection is 255, a file that is not there is 1
rc=$(status_of qscp -P 1 here/one "$H:$TMP/x")
expect "connection refused" 255 "$rc"
rc=$(status_of qscp -o PreferredAuthentications=none -P "$PORT" here/one "$H:$TMP/x")
expect "no login" 255 "$rc"
rc=$(status_of qscp -S /no/such/program here/one "$H:$TMP/x")
expect "no program" 255 "$rc"
stop_server

# --- with OpenSSH's server
for path in /usr/lib/openssh/sftp-server /usr/libexec/openssh/sftp-server /usr/libexec/sftp-server; do
	[ -x "$path" ] || continue
	start_server "Subsystem sftp $path"
	rm -rf there/new new
	did -rp tree "$H:$TMP/there/new"
	did -rp "$H:$TMP/there/new" new
	diff -r tree new || fail "with $path"
	did here/big "$H:$TMP/there/big2"
	did "$H:$TMP/there/big2" back2
	cmp here/big back2 || fail "with $path"
	did here/one "$H:~/qsp-e2e.$$"
	did "$H:~/qsp-e2e.$$" homed
	home=$(getent passwd "$USER_NAME" | cut -d: -f6)
	rm -f "$home/qsp-e2e.$$"
	expect "~" text "$(cat homed)"
	stop_server
	break
done
say "ok"
