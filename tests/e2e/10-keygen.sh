#!/bin/sh
# SPDX-License-Identifier: ISC
# qssh-keygen as a person meets it: files and modes, openssl(1) reads the keys, nothing is
# overwritten unasked, passphrases, fingerprints, known_hosts, a full disk.
# shellcheck disable=SC1091 # checked by itself
. "${QSP_SRC:?}/tests/e2e/lib.sh"

# Runs with output in $TMP/out and $TMP/err and expects an exit status: run STATUS CMD...
run() {
	want=$1
	shift
	got=$(status_of "$@")
	[ "$got" = "$want" ] || {
		cat "$TMP/out" "$TMP/err" >&2
		fail "exit $got, not $want: $*"
	}
}

# The same with lines of standard input: run_with INPUT STATUS CMD...
run_with() {
	input=$1 want=$2
	shift 2
	got=0
	printf '%b' "$input" | "$@" >"$TMP/out" 2>"$TMP/err" || got=$?
	[ "$got" = "$want" ] || {
		cat "$TMP/out" "$TMP/err" >&2
		fail "exit $got, not $want: $*"
	}
}

out_has() { grep -q -e "$1" "$TMP/out" || fail "no '$1' on standard output: $(cat "$TMP/out")"; }
err_has() { grep -q -e "$1" "$TMP/err" || fail "no '$1' on standard error: $(cat "$TMP/err")"; }
mode() { expect "mode of $1" "$2" "$(stat -c %a "$1")"; }
same() { cmp -s "$1" "$2" || fail "$1 and $2 differ"; }

openssl() {
	if [ -n "${QSP_OPENSSL_PREFIX:-}" ]; then
		LD_LIBRARY_PATH=$QSP_OPENSSL_PREFIX/lib "$QSP_OPENSSL_PREFIX/bin/openssl" "$@"
	else
		command openssl "$@"
	fi
}

# Block N of a PEM file.
block() { awk -v n="$2" '/^-----BEGIN/ { i++ } i == n' "$1"; }

# openssl_reads FILE BLOCK NAME [PASSPHRASE]
openssl_reads() {
	block "$1" "$2" >"$TMP/block.pem"
	openssl pkey -in "$TMP/block.pem" -noout -text -passin "pass:${4:-}" >"$TMP/pkey" 2>&1 ||
		fail "openssl does not read block $2 of $1: $(cat "$TMP/pkey")"
	grep -qi "^$3 Private-Key" "$TMP/pkey" || fail "block $2 of $1 is no $3 key"
}

# --- by default: ~/.qssh/id_kyber768 -------------------------------------------------------
rmdir "$HOME/.qssh"
run_with '\n\n\n' 0 qssh-keygen
out_has '^Generating public/private kyber768 key pair\.$'
out_has "^Created directory '$HOME/.qssh'\.$"
out_has "^Your identification has been saved in $KEY$"
out_has "^Your public key has been saved in $KEY.pub$"
out_has "^SHA3:[A-Za-z0-9+/]\{43\} $USER_NAME@$(uname -n)$"
out_has '^+---\[KYBER768\]----+$'
mode "$HOME/.qssh" 700
mode "$KEY" 600
mode "$KEY.pub" 644
expect 'public key' "mlkem768x25519 $USER_NAME@$(uname -n)" "$(cut -d' ' -f1,3 "$KEY.pub")"
expect 'lines of the public key' 1 "$(wc -l <"$KEY.pub")"
expect 'blocks' 2 "$(grep -c '^-----BEGIN PRIVATE KEY-----$' "$KEY")"

# --- every type, plain and encrypted, is openssl's -----------------------------------------
for spec in kyber768:X25519:ML-KEM-768 kyber1024:X25519:ML-KEM-1024 dilithium3:ML-DSA-65 \
    dilithium5:ML-DSA-87; do
	type=${spec%%:*}
	for pass in '' 'a pass phrase'; do
		f=$TMP/$type${pass:+-encrypted}
		run 0 qssh-keygen -q -t "$type" -N "$pass" -C "$type key" -f "$f"
		expect 'output of -q' '' "$(cat "$TMP/out" "$TMP/err")"
		i=0
		rest=${spec#*:}:
		while [ -n "$rest" ]; do
			i=$((i + 1))
			openssl_reads "$f" $i "${rest%%:*}" "$pass"
			rest=${rest#*:}
		done
		expect "blocks of $f" $i "$(grep -c '^-----BEGIN' "$f")"
		if [ -n "$pass" ]; then
			expect 'encrypted blocks' $i "$(grep -c '^-----BEGIN ENCRYPTED' "$f")"
			if openssl pkey -in "$f" -noout -passin pass:wrong 2>/dev/null; then
				fail "openssl reads $f with a wrong passphrase"
			fi
		fi
	done
done
# and what openssl wrote is ours: another encryption, and the form with the expanded key in it
{
	openssl genpkey -algorithm X25519
	openssl genpkey -algorithm ML-KEM-768
} >"$TMP/foreign" 2>/dev/null
chmod 600 "$TMP/foreign"
run 0 qssh-keygen -y -f "$TMP/foreign"
out_has '^mlkem768x25519 '
openssl pkcs8 -topk8 -v2 aes-128-cbc -in "$TMP/dilithium3" -passout pass:x -out "$TMP/foreign"
run 0 qssh-keygen -y -P x -f "$TMP/foreign"
expect 'public key of a foreign file' "$(cut -d' ' -f1,2 "$TMP/dilithium3.pub")" "$(cat "$TMP/out")"

# names: canonical ones too, reserved ones not yet, unknown ones not at all
run 0 qssh-keygen -q -t ml-dsa-65 -N '' -f "$TMP/canonical"
for type in sphincs mceliece slh-dsa-sha2-128f; do
	run 1 qssh-keygen -t $type -N '' -f "$TMP/not"
	err_has "this version cannot make keys of type $type"
done
run 1 qssh-keygen -t rsa -N '' -f "$TMP/not"
err_has 'unknown key type rsa: use kyber768'
[ ! -e "$TMP/not" ] || fail 'a key of an unknown type'

# --- nothing is overwritten unasked --------------------------------------------------------
cp "$KEY" "$TMP/before"
run_with 'y\n' 1 qssh-keygen -N '' -f "$KEY"
err_has "$KEY already exists and was left as it is"
same "$KEY" "$TMP/before"
cp "$KEY.pub" "$TMP/only.pub"
run 1 qssh-keygen -N '' -f "$TMP/only"
err_has "$TMP/only.pub already exists"
[ ! -e "$TMP/only" ] || fail 'the private key was written all the same'
if command -v script >/dev/null 2>&1; then
	# on a terminal it asks: no, then yes
	cp "$KEY" "$TMP/old" && cp "$KEY.pub" "$TMP/old.pub"
	ask() {
		printf '%s\n' "$1" | script -qefc "qssh-keygen -N '' -f $TMP/old" "$TMP/typescript" \
		    >"$TMP/out" 2>&1
	}
	if ask n; then fail 'a no overwrote'; fi
	grep -q 'Overwrite (y/n)?' "$TMP/out" || fail "did not ask: $(cat "$TMP/out")"
	same "$TMP/old" "$KEY"
	ask y || fail "a yes did not: $(cat "$TMP/out")"
	if cmp -s "$TMP/old" "$KEY"; then fail 'a yes did nothing'; fi
	mode "$TMP/old" 600
else
	say 'not tried: the question on a terminal (no script(1) here)'
fi

# --- passphrases ---------------------------------------------------------------------------
E=$TMP/dilithium3-encrypted
run 0 qssh-keygen -y -P 'a pass phrase' -f "$E"
same "$TMP/out" "$E.pub"
run_with 'a pass phrase\n' 0 qssh-keygen -y -f "$E"
same "$TMP/out" "$E.pub"
err_has "^Enter passphrase for \"$E\": $"
run 1 qssh-keygen -y -P wrong -f "$E"
err_has "cannot load key \"$E\": incorrect passphrase supplied to decrypt private key"
run 1 qssh-keygen -y -f "$E"
err_has 'incorrect passphrase'

run 0 qssh-keygen -p -P 'a pass phrase' -N 'another' -f "$E"
out_has "^Key has comment 'dilithium3 key'$"
out_has '^Your identification has been saved with the new passphrase\.$'
mode "$E" 600
run 1 qssh-keygen -y -P 'a pass phrase' -f "$E"
run_with 'another\nthird\nthird\n' 0 qssh-keygen -p -f "$E"
run 0 qssh-keygen -y -P third -f "$E"
same "$TMP/out" "$E.pub"
cp "$E" "$TMP/before"
run_with 'third\none\ntwo\none\ntwo\none\ntwo\n' 1 qssh-keygen -p -f "$E"
err_has '^Passphrases do not match\.  Try again\.$'
same "$E" "$TMP/before"
run 1 qssh-keygen -p -P wrong -N x -f "$E"
same "$E" "$TMP/before"
run 0 qssh-keygen -p -P third -N '' -f "$E"
run 0 qssh-keygen -y -f "$E"
same "$TMP/out" "$E.pub"

# --- files that are not what they should be ------------------------------------------------
run 1 qssh-keygen -y -f "$TMP/none"
err_has "cannot load key: $TMP/none: No such file or directory"
run 1 qssh-keygen -y -f "$TMP"
err_has 'is a folder'
chmod 644 "$E"
run 1 qssh-keygen -y -f "$E"
err_has 'UNPROTECTED PRIVATE KEY FILE'
err_has "Permissions 0644 for '$E' are too open"
chmod 600 "$E"
head -c 100 "$E" >"$TMP/cut"
chmod 600 "$TMP/cut"
run 1 qssh-keygen -y -f "$TMP/cut"
err_has 'not a private key of QSP, or damaged'
if [ "$(id -u)" != 0 ]; then
	chmod 000 "$E"
	run 1 qssh-keygen -y -f "$E"
	err_has 'Permission denied'
	run 1 qssh-keygen -N '' -f "$E"
	err_has 'already exists'
	chmod 600 "$E"
fi
run 1 qssh-keygen -N '' -f "$TMP/no/such/folder"
err_has "cannot save the key: $TMP/no/such/folder: No such file or directory"

# --- fingerprints --------------------------------------------------------------------------
run 0 qssh-keygen -l -f "$TMP/kyber1024.pub"
out_has '^1024 SHA3:[A-Za-z0-9+/]\{43\} kyber1024 key (KYBER1024)$'
fingerprint=$(cut -d' ' -f2 "$TMP/out")
run 0 qssh-keygen -l -f "$TMP/kyber1024-encrypted"
out_has '^1024 SHA3:.* kyber1024 key (KYBER1024)$'
run 0 qssh-keygen -lv -f "$TMP/dilithium3"
out_has '^65 SHA3:.* dilithium3 key (DILITHIUM3)$'
expect 'lines of -lv' 12 "$(wc -l <"$TMP/out")"
mv "$TMP/kyber1024.pub" "$TMP/aside.pub"
run 0 qssh-keygen -l -f "$TMP/kyber1024"
out_has "^1024 $fingerprint no comment (KYBER1024)$"
{
	printf '# keys\nno-pty,command="a b" '
	cat "$TMP/aside.pub" "$TMP/dilithium5.pub"
} >"$TMP/keys"
run 0 qssh-keygen -l -f "$TMP/keys"
expect 'keys of a list' '1024 87' "$(cut -d' ' -f1 "$TMP/out" | paste -sd' ')"
got=$(qssh-keygen -l -f - <"$TMP/keys" | wc -l)
expect 'keys of standard input' 2 "$got"
run 1 qssh-keygen -l -f "$0"
err_has 'is not a public key file'

# --- known_hosts ---------------------------------------------------------------------------
k=$(cut -d' ' -f1,2 "$KEY.pub")
secret=00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
write_hosts() {
	printf '%s\n' "# hosts" "alpha,beta $k k=$secret seen" "[alpha]:2222 $k" \
	    "*.gamma $k" "nonsense here" "@revoked alpha $k" >"$KNOWN_HOSTS"
	chmod 600 "$KNOWN_HOSTS"
}
write_hosts
run 0 qssh-keygen -F Alpha
out_has '^# Host alpha found: line 2$'
out_has "^alpha,beta $k k=$secret seen$"
out_has '^# Host alpha found: line 6 REVOKED$'
err_has "^$KNOWN_HOSTS:5: invalid line: "
run 0 qssh-keygen -F '[alpha]:2222'
out_has 'found: line 3$'
run 0 qssh-keygen -l -F x.gamma
out_has '^768 SHA3:.* x\.gamma (KYBER768)$'
run 1 qssh-keygen -F delta
expect 'output for an unknown host' '' "$(cat "$TMP/out")"

cp "$KNOWN_HOSTS" "$TMP/before"
run 0 qssh-keygen -R delta
err_has "^Host delta not found in $KNOWN_HOSTS$"
same "$KNOWN_HOSTS" "$TMP/before"
run 0 qssh-keygen -R alpha
out_has '^# Host alpha found: line 2$'
out_has "^$KNOWN_HOSTS updated\.$"
out_has "^Original contents retained as $KNOWN_HOSTS.old$"
same "$KNOWN_HOSTS.old" "$TMP/before"
mode "$KNOWN_HOSTS" 600
mode "$KNOWN_HOSTS.old" 600
sed 2d "$TMP/before" >"$TMP/after"
same "$KNOWN_HOSTS" "$TMP/after"

write_hosts
run 0 qssh-keygen -H
err_has "^$KNOWN_HOSTS:4: a pattern cannot be hashed"
err_has "^WARNING: $KNOWN_HOSTS.old contains unhashed entries$"
if grep -q beta "$KNOWN_HOSTS"; then fail 'a name is left in the clear'; fi
expect 'hashed lines' 3 "$(grep -c '^|2|' "$KNOWN_HOSTS")"
grep -q '^nonsense here$' "$KNOWN_HOSTS" || fail 'a malformed line was lost'
run 0 qssh-keygen -F beta
out_has "found: line 3$"
out_has "k=$secret seen$"
run 0 qssh-keygen -R beta
run 1 qssh-keygen -F beta
run 0 qssh-keygen -F alpha
rm "$KNOWN_HOSTS"
run 1 qssh-keygen -R alpha
err_has 'No such file'

# --- the command line ----------------------------------------------------------------------
run 1 qssh-keygen --help
err_has '^usage: qssh-keygen'
run 1 qssh-keygen -l -y -f "$KEY"
err_has 'more than one of'
run 1 qssh-keygen -y -f "$KEY" more
err_has 'too many arguments: more'
run 1 qssh-keygen -f
err_has '^usage:'
run 1 qssh-keygen -q -N '' -C 'two
lines' -f "$TMP/not"
err_has 'a comment is one line'
run 1 qssh-keygen
err_has 'no file name was given'

# --- a full disk ---------------------------------------------------------------------------
mkdir "$TMP/full"
if [ "$(id -u)" = 0 ] && mount -t tmpfs -o size=16k,mode=700 tmpfs "$TMP/full" 2>/dev/null; then
	# out of sight at once, and gone with the last process that stands in it
	cd "$TMP/full" || exit 1
	umount -l "$TMP/full"
	run 0 qssh-keygen -q -t dilithium3 -N one -f ./key
	cp key "$TMP/before"
	cat /dev/zero >zero 2>/dev/null || :
	run 1 qssh-keygen -p -P one -N two -f ./key
	err_has 'cannot save the key: ./key: No space left on device; the old file and'
	same key "$TMP/before"
	run 1 qssh-keygen -N '' -f ./fresh
	err_has 'cannot save the key: ./fresh: No space left on device'
	expect 'what is left' 'key key.pub zero' "$(echo ./* | sed 's|\./||g')"
	cd / || exit 1
else
	say 'not tried: a full disk (needs root and a tmpfs)'
fi
