#!/bin/sh
# SPDX-License-Identifier: ISC
# Bridge lines: qsshd prints them, qssh, qscp and jumps take them, and nobody who has none gets an
# answer. Rotation of the secret in them: the old one counts for a time, then only for who knows
# the host key.
# shellcheck disable=SC1091,SC2016 # lib.sh is checked by itself; some text is for other shells
. "${QSP_SRC:?}/tests/e2e/lib.sh"

err_has() { grep -q -e "$1" "$TMP/err" || fail "no '$1' in: $(cat "$TMP/err")"; }
by() {
	line=$1
	shift
	status_of qssh -F none -i "$KEY" -o BatchMode=yes -o "UserKnownHostsFile=$KNOWN_HOSTS" \
	    -o GlobalKnownHostsFile=none -o "ConnectTimeout=${PATIENCE:-60}" -l "$USER_NAME" "$line" "$@"
}
# where nobody will answer
in_vain() { PATIENCE=1 by "$@"; }
print_bridge() { qsshd -f "$SERVER_CONFIG" -B "$@" 2>"$TMP/err"; }
listening() { [ "$(grep -c '^Server listening on ' "$SERVER_LOG")" = "$1" ]; }

make_user_key
SERVER_CONFIG=$TMP/qsshd_config
SERVER_LOG=$TMP/qsshd.log
write_config 'FirstContact no' 'SecretOverlap 3d'
echo "HostKey $TMP/host_key_1024" >>"$SERVER_CONFIG"
expect "before the first start" 1 "$(status_of qsshd -f "$SERVER_CONFIG" -B h:1)"
err_has 'the first start of the server makes it'
run_server

# --- the server's lines: one for each key, with the name and port that are asked for
expect "lines" 2 "$(print_bridge "127.0.0.1:$PORT" | wc -l)"
bridge=$(print_bridge "127.0.0.1:$PORT" | head -n 1)
print=$(sed -n 's/^Host key mlkem768x25519 \(SHA3:.*\)/\1/p' "$SERVER_LOG")
id=$(printf '%s=' "${print#SHA3:}" | base64 -d | od -An -v -tx1 | tr -d ' \n')
secret=$(sed -n 's/^current [^ ]* //p' "$TMP/host_key.secret")
expect "line" "qsp://127.0.0.1:$PORT?id=$id&k=$secret" "$bridge"
! grep -q "$secret" "$SERVER_LOG" || fail "the secret is in the log"
expect "an address of IPv6" "qsp://[::1]:22?id=$id&k=$secret" "$(print_bridge '[::1]:22' | head -n 1)"
expect "no port" 1 "$(status_of qsshd -f "$SERVER_CONFIG" -B example.org)"
err_has 'the configuration says port 0'
expect "default port" "qsp://example.org:22?id=$id&k=$secret" \
    "$(print_bridge example.org -p 22 | head -n 1)"
expect "port of an address" "qsp://example.org:2222?id=$id&k=$secret" \
    "$(print_bridge example.org -o 'ListenAddress 127.0.0.1:2222' | head -n 1)"
expect "no name" 1 "$(status_of qsshd -f "$SERVER_CONFIG" -B 'a b:1')"
err_has 'no name of a host'

# --- qssh takes one; without, there is no answer; the other key's line too
expect "stranger" 255 "$(in_vain "$USER_NAME@127.0.0.1" -p "$PORT" true)"
err_has 'does not answer'
expect "bridge" 0 "$(by "$bridge" true)"
expect "user in the line" 0 "$(by "qsp://$USER_NAME@${bridge#qsp://}" true)"
rm "$KNOWN_HOSTS"
expect "the other key" 0 "$(by "$(print_bridge "127.0.0.1:$PORT" | tail -n 1)" -o Kem=mlkem1024x25519 true)"
grep -q mlkem1024x25519 "$KNOWN_HOSTS" || fail "the other key was not kept"
rm "$KNOWN_HOSTS"

# --- ps shows no secret
mkfifo "$TMP/in"
qssh -F none -i "$KEY" -o BatchMode=yes -o "UserKnownHostsFile=$KNOWN_HOSTS" -l "$USER_NAME" \
    "$bridge" cat <"$TMP/in" >"$TMP/cat" &
client=$!
pids="$pids $client"
exec 9>"$TMP/in"
echo here >&9
wait_for test -s "$TMP/cat"
tr '\0' ' ' <"/proc/$client/cmdline" >"$TMP/cmdline"
grep -q "qsp://127" "$TMP/cmdline" || fail "not the command line: $(cat "$TMP/cmdline")"
! grep -q "$secret" "$TMP/cmdline" || fail "ps shows the secret"
exec 9>&-
wait "$client" || fail "cat"

# --- qscp and a jump
rm "$KNOWN_HOSTS"
echo text >"$TMP/file"
copy() {
	status_of qscp -i "$KEY" -F none -o BatchMode=yes -o "UserKnownHostsFile=$KNOWN_HOSTS" "$@"
}
expect "qscp" 0 "$(copy "$TMP/file" "qsp://$USER_NAME@127.0.0.1:$PORT/$TMP/copy%20d?id=$id&k=$secret")"
cmp "$TMP/file" "$TMP/copy d" || fail "the copy"
expect "qscp, back" 0 "$(copy "qsp://127.0.0.1:$PORT/$TMP/file?id=$id&k=$secret" "$TMP/back")"
cmp "$TMP/file" "$TMP/back" || fail "the copy back"
expect "qscp, malformed" 1 "$(copy "$TMP/file" "qsp://127.0.0.1:$PORT/x?id=$id")"
err_has 'bridge line: no k'
rm "$KNOWN_HOSTS"
cat >"$TMP/config" <<-END
	Host *
	IdentityFile $KEY
	BatchMode yes
	UserKnownHostsFile $KNOWN_HOSTS
	User $USER_NAME
END
expect "jump" 0 "$(status_of qssh -F "$TMP/config" -J "$bridge" "$bridge" true)"

# --- malformed lines: what is wrong is named, the secret is not
malformed() {
	expect "malformed: $1" 255 "$(by "$1" true)"
	err_has "malformed bridge line .*: $2"
	! grep -q "$secret" "$TMP/err" || fail "the secret is on the screen"
}
malformed "qsp://127.0.0.1:$PORT?k=$secret" 'no id'
malformed "qsp://127.0.0.1:$PORT?id=$id" 'no k'
malformed "qsp://127.0.0.1:$PORT?id=$id&k=${secret}0" 'k is not 64 hexadecimal digits'
malformed "qsp://127.0.0.1:99999?id=$id&k=$secret" 'the port is not'
malformed "qsp://?id=$id&k=$secret" 'no host'
malformed "qsp://h?id=$id&k=$secret&" 'an & at the end'

# --- rotation: the server takes the old line and the new one, and tells clients of the new secret
known_secret() { sed -n 's/.* k=\([0-9a-f]*\).*/\1/p' "$KNOWN_HOSTS" | head -n 1; }
day=$(date -u +%F)
expect "rotate" 0 "$(status_of qsshd -f "$SERVER_CONFIG" -R)"
err_has "a new obfuscation secret is in $TMP/host_key.secret"
grep -q "^previous $day " "$TMP/host_key.secret" || day=$(date -u +%F) # it was midnight
err_has "counts until $(date -u -d "$day 3 days" +%F)"
expect "mode" 600 "$(stat -c %a "$TMP/host_key.secret")"
expect "lines of the file" "previous $day $secret" "$(head -n 1 "$TMP/host_key.secret")"
new=$(print_bridge "127.0.0.1:$PORT" | head -n 1)
[ "$new" != "$bridge" ] || fail "the bridge line is the old one"
rm "$KNOWN_HOSTS"
expect "new, too early" 255 "$(in_vain "$new" true)"
err_has 'the secret in the bridge line is no longer valid'
kill -HUP "$SERVER"
wait_for listening 2
expect "new" 0 "$(by "$new" true)"
rm "$KNOWN_HOSTS"
expect "old, within the overlap" 0 "$(by "$bridge" true)"
expect "learned" "${new##*k=}" "$(known_secret)"

# --- past the overlap: strangers need the new line, those who know the host do not
sed -i "s/^previous [^ ]*/previous $(date -u -d '3 days ago' +%F)/" "$TMP/host_key.secret"
kill -HUP "$SERVER"
wait_for listening 3
sed -i "s/ k=[0-9a-f]*/ k=$secret/" "$KNOWN_HOSTS"
expect "known host, old secret" 0 "$(by "$USER_NAME@127.0.0.1" -p "$PORT" -o StrictHostKeyChecking=yes true)"
expect "learned again" "${new##*k=}" "$(known_secret)"
rm "$KNOWN_HOSTS"
expect "old, past the overlap" 255 "$(in_vain "$bridge" true)"
expect "new, still" 0 "$(by "$new" true)"

# --- a file that is wrong is left alone
echo 'current 2026-11-21 00' >>"$TMP/host_key.secret"
sum=$(cksum <"$TMP/host_key.secret")
expect "rotate a wrong file" 1 "$(status_of qsshd -f "$SERVER_CONFIG" -R)"
err_has 'host_key.secret line 3: not 32 bytes of hex'
expect "left alone" "$sum" "$(cksum <"$TMP/host_key.secret")"
