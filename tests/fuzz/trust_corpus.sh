#!/bin/sh
# SPDX-License-Identifier: ISC
# Makes the corpora of the fuzz targets known_hosts, authorized, pem and bridge anew, from fresh
# keys: QSP_BIN=build/bin tests/fuzz/trust_corpus.sh
set -eu
: "${QSP_BIN:?where qssh-keygen is}"
cd "$(dirname "$0")/corpus"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

for type in kyber768 kyber1024 dilithium3 dilithium5; do
	"$QSP_BIN/qssh-keygen" -q -t "$type" -N '' -C c -f "$tmp/$type"
	"$QSP_BIN/qssh-keygen" -q -t "$type" -N pass -C c -f "$tmp/$type.enc"
done
key() { cut -d' ' -f1,2 "$tmp/$1.pub"; }
k=$(key kyber768)
b=$(key kyber1024)
d=$(key dilithium3)
hex=00112233445566778899aabbccddeeff
secret=$hex$hex

rm -rf pem known_hosts authorized bridge
mkdir pem known_hosts authorized bridge

for type in kyber768 kyber1024 dilithium3 dilithium5; do
	cp "$tmp/$type" "pem/$type"
done
for type in kyber768 dilithium3; do
	{ printf '+'; cat "$tmp/$type.enc"; } >"pem/$type-pass"
	cp "$tmp/$type.enc" "pem/$type-encrypted"
done
head -n 3 "$tmp/kyber768" >pem/half
cat "$tmp/dilithium3" "$tmp/kyber768" >pem/three
sed 's/$/\r/' "$tmp/dilithium3" >pem/crlf
: >pem/empty
printf -- '-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n' >pem/nothing

file() { # NAME NAME-LOOKED-FOR LINE...
	out=known_hosts/$1
	printf '%s\n' "$2" >"$out"
	shift 2
	printf '%s\n' "$@" >>"$out"
}
file plain h "h $k a comment" "g $b"
file secret h "h,i $k k=$secret x=1 c"
file port '[h]:22' "[h]:22 $k" "h $b"
file pattern a.example "*.example,!b.example $k" "a.* $b k=$secret"
file revoked h "@revoked * $k" "h $k k=$secret" "h $b"
file hashed h "|2|AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=|AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8= $k"
file broken h 'h' 'h kyber768' '@x h kyber768 AAAA' "h kyber768 AAAA" "h $d k=zz" '' '#'
printf 'h\nh %s' "$k" >known_hosts/no-newline
: >known_hosts/empty

line() { printf '%s\n' "$2" >"authorized/$1"; }
line plain "$k me@home"
line signature "$d"
line honoured "restrict,pty,command=\"echo \\\"a, b\\\"\" $k c"
line refused "from=\"10.0.0.0/8,!10.1.1.1\",expiry-time=\"20300101\" $k"
line lists "permitopen=\"a:1\",permitopen=\"b:2\",permitlisten=\"3\",environment=\"A=b\" $k"
line unknown "from-the-future=\"x\",no-pty $k"
line open-quote "command=\"x $k"
line comma "no-pty, $k"
printf '# c\n\n%s\nfrom="x" %s\nno-pty %s' "$d" "$k" "$k" >authorized/several
: >authorized/empty

bridge() { printf '%s' "$2" >"bridge/$1"; }
bridge plain "qsp://example.org:443?id=$secret&k=$secret"
bridge v6 "qsp://[2001:db8::1%eth0]:1?k=$secret&id=$secret"
bridge v6-no-colon "qsp://[0%%]?id=$secret&k=$secret"
bridge default "  QSP://H/?id=$secret&k=$secret
"
bridge port "qsp://h:65536?id=$secret&k=$secret"
bridge twice "qsp://h?id=$secret&id=$secret"
bridge short "qsp://h?id=00&k=$secret"
bridge empty ''
