#!/bin/sh
# SPDX-License-Identifier: ISC
# qssh-keyscan: lines that qssh takes for known_hosts, host ids, bridge lines, and what it says of
# hosts that show no key.
# shellcheck disable=SC1091 # lib.sh is checked by itself
. "${QSP_SRC:?}/tests/e2e/lib.sh"

err_has() { grep -q -e "$1" "$TMP/err" || fail "no '$1' in: $(cat "$TMP/err")"; }
err_lacks() { ! grep -q -e "$1" "$TMP/err" || fail "'$1' in: $(cat "$TMP/err")"; }
out_has() { grep -q -e "$1" "$TMP/out" || fail "no '$1' in: $(cut -c 1-120 "$TMP/out")"; }
entries() { grep -vc '^#' "$TMP/out" || :; }

make_user_key
start_server
wait_for test -s "$TMP/host_key.secret"
qssh-keygen -y -f "$TMP/host_key" >"$TMP/host_key.pub"
print=$(qssh-keygen -l -f "$TMP/host_key.pub" | grep -o 'SHA3:[^ ]*')
id=$(printf '%s=' "${print#SHA3:}" | base64 -d | od -An -v -tx1 | tr -d ' \n')
secret=$(sed -n 's/^current [^ ]* //p' "$TMP/host_key.secret")

# as a stranger: the key, the id, no secret; and a word of warning
expect "scan" 0 "$(status_of qssh-keyscan -p "$PORT" 127.0.0.1)"
err_has 'not authenticated'
err_lacks 'secret'
out_has "^# 127\\.0\\.0\\.1 port $PORT: $print, id $id\$"
expect "entries" 1 "$(entries)"
expect "the key" "[127.0.0.1]:$PORT $(cut -d ' ' -f 1-2 "$TMP/host_key.pub")" \
    "$(grep -v '^#' "$TMP/out")"
expect "no bridge line" 0 "$(status_of qssh-keyscan -b -p "$PORT" 127.0.0.1)"
expect "no bridge line" '' "$(cat "$TMP/out")"
err_has 'no bridge line: its obfuscation secret is not known'

# the line is good for a login that asks nothing
expect "scan" 0 "$(status_of qssh-keyscan -q -p "$PORT" 127.0.0.1)"
cp "$TMP/out" "$KNOWN_HOSTS"
expect "lines" 1 "$(wc -l <"$KNOWN_HOSTS")"
expect "login" 0 "$(status_of client -o StrictHostKeyChecking=yes true)"
grep -q " k=$secret" "$KNOWN_HOSTS" || fail "the secret was not learned"

# with the secret that came with it: a bridge line, class S, and a word of warning
expect "scan" 0 "$(status_of qssh-keyscan -v -p "$PORT" 127.0.0.1)"
err_has 'class S'
err_has 'keep it from strangers'
bridge="qsp://127.0.0.1:$PORT?id=$id&k=$secret"
out_has "^# $bridge\$"
out_has "^\\[127.*k=$secret\$"
expect "bridge line" "$bridge" "$(qssh-keyscan -b -p "$PORT" 127.0.0.1 2>/dev/null)"
expect "secrets of no file" 0 "$(status_of qssh-keyscan -v -K none -p "$PORT" 127.0.0.1)"
err_has 'class N'

# hashed; several names; from a file
expect "hashed" 0 "$(status_of qssh-keyscan -qH -K none -p "$PORT" 127.0.0.1)"
out_has '^|2|'
! grep -q '127\.0\.0\.1' "$TMP/out" || fail "the name is there in clear"
cp "$TMP/out" "$KNOWN_HOSTS"
expect "login, hashed" 0 "$(status_of client -o StrictHostKeyChecking=yes true)"
printf '# the farm\n\n127.0.0.1:%s one.example,two.example\n%s bridge.example\n' "$PORT" "$bridge" \
	>"$TMP/list"
expect "list" 0 "$(status_of qssh-keyscan -q -f "$TMP/list")"
out_has "^\\[one\\.example\\]:$PORT mlkem768x25519 "
out_has "^\\[two\\.example\\]:$PORT mlkem768x25519 "
out_has "^\\[bridge\\.example\\]:$PORT mlkem768x25519 .*k=$secret\$"
expect "entries" 3 "$(entries)"
qssh-keyscan -q -f - <"$TMP/list" >"$TMP/out2" 2>/dev/null
expect "from standard input" "$(sort "$TMP/out" | cksum)" "$(sort "$TMP/out2" | cksum)"

# hosts that show nothing, beside one that does: each is named
expect "mixed" 0 "$(status_of qssh-keyscan -T 5 -t kyber768,kyber1024 -p "$PORT" 127.0.0.1 \
    127.0.0.1:1 'no such host')"
expect "entries" 1 "$(entries)"
err_has '127\.0\.0\.1 port 1: connection refused'
err_has "127\\.0\\.0\\.1 port $PORT: no answer .*mlkem1024x25519"
expect "all wrong" 1 "$(status_of qssh-keyscan -T 1 -K none 127.0.0.1:1)"
expect "no such name" 1 "$(status_of qssh-keyscan nosuchhost.invalid)"
err_has 'nosuchhost\.invalid port 8022: could not resolve hostname'
other=$(printf '%s' "$id" | tr 0-9a-f 1-9a-f0)
expect "other id" 1 "$(status_of qssh-keyscan "qsp://127.0.0.1:$PORT?id=$other&k=$secret")"
err_has 'not the one that the bridge line names'
expect "nothing printed" 0 "$(entries)"
expect "malformed bridge line" 1 "$(status_of qssh-keyscan "qsp://127.0.0.1:$PORT?id=$id")"
err_has 'malformed bridge line'
expect "usage" 1 "$(status_of qssh-keyscan)"
err_has '^usage:'
expect "type" 1 "$(status_of qssh-keyscan -t dilithium3 127.0.0.1)"
err_has 'kyber768 and kyber1024'
expect "port" 1 "$(status_of qssh-keyscan -p 0 127.0.0.1)"
err_has "Bad port '0'"

# the other record format, and a server that answers no strangers
stop_server
start_server 'Wire frame'
expect "cells" 1 "$(status_of qssh-keyscan -T 1 -K none -p "$PORT" 127.0.0.1)"
expect "frames" 0 "$(status_of qssh-keyscan -K none -O wire=frame -p "$PORT" 127.0.0.1)"
stop_server
start_server 'FirstContact no'
expect "strangers" 1 "$(status_of qssh-keyscan -T 1 -K none -p "$PORT" 127.0.0.1)"
err_has 'does not answer strangers'
expect "by its bridge line" 0 "$(status_of qssh-keyscan "qsp://127.0.0.1:$PORT?id=$id&k=$secret")"
