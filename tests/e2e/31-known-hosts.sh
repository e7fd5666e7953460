#!/bin/sh
# SPDX-License-Identifier: ISC
# Which host is it? The question, its answers, what is remembered, keys that changed.
# shellcheck disable=SC1091 # lib.sh is checked by itself; some text is for other shells
. "${QSP_SRC:?}/tests/e2e/lib.sh"

command -v tmux >/dev/null || skip "no tmux"

make_user_key
new_host_key() {
	rm -f "$TMP/host_key" "$TMP/host_key.pub"
	qssh-keygen -q -t kyber768 -N '' -f "$TMP/host_key" </dev/null >/dev/null
}
new_host_key
start_server

# strict MODE [OPTION]...: one login under StrictHostKeyChecking=MODE without a terminal
strict() {
	mode=$1
	shift
	# setsid: no terminal to ask on
	setsid -w "$QSP_BIN/qssh" -F none -p "$PORT" -i "$KEY" -o "StrictHostKeyChecking=$mode" \
	    -o "UserKnownHostsFile=$KNOWN_HOSTS" -o "GlobalKnownHostsFile=${GLOBAL:-none}" \
	    -l "$USER_NAME" "$@" 127.0.0.1 true
}
err_has() { grep -q -e "$1" "$TMP/err" || fail "no '$1' in: $(cat "$TMP/err")"; }
err_lacks() { ! grep -q -e "$1" "$TMP/err" || fail "'$1' in: $(cat "$TMP/err")"; }

# nobody to ask: refused
expect "ask, no terminal" 255 "$(status_of strict ask)"
err_has '^Host key verification failed\.$'
expect "BatchMode" 255 "$(status_of strict ask -o BatchMode=yes)"
err_has '^Host key verification failed\.$'
expect "yes" 255 "$(status_of strict yes)"
err_has 'No MLKEM768X25519 host key is known for \[127\.0\.0\.1\]:'
[ ! -e "$KNOWN_HOSTS" ] || fail "a refused key was kept"

# accept-new: kept, with the secret of the server; then class S, without a word
expect "accept-new" 0 "$(status_of strict accept-new)"
err_has "^Warning: Permanently added '\\[127\\.0\\.0\\.1\\]:$PORT' (MLKEM768X25519) to the list"
grep -q "^\\[127.0.0.1\\]:$PORT mlkem768x25519 [^ ]* k=[0-9a-f]\\{64\\}" "$KNOWN_HOSTS" ||
	fail "no entry with a secret: $(cut -c 1-60 "$KNOWN_HOSTS")"
expect "mode" 600 "$(stat -c %a "$KNOWN_HOSTS")"
expect "known" 0 "$(status_of strict yes -v)"
err_has 'layout K, class S'
expect "quiet when known" 0 "$(status_of strict yes)"
expect "no word" '' "$(cat "$TMP/err")"

# names of their own: HostKeyAlias, hashed
cp "$KNOWN_HOSTS" "$TMP/kept"
# what cannot be read is left as it is: too large, or no file at all
yes '# a line' | head -c 8400000 >"$KNOWN_HOSTS"
size=$(stat -c %s "$KNOWN_HOSTS")
expect "too large a file" 0 "$(status_of strict accept-new)"
err_has '^Failed to add the host to the list of known hosts'
expect "its size" "$size" "$(stat -c %s "$KNOWN_HOSTS")"
rm "$KNOWN_HOSTS"
expect "hashed" 0 "$(status_of strict accept-new -o HashKnownHosts=yes)"
grep -q '^|2|' "$KNOWN_HOSTS" || fail "the name is not hashed"
! grep -q '127\.0\.0\.1' "$KNOWN_HOSTS" || fail "the name is there in clear"
expect "hashed, again" 0 "$(status_of strict yes -v)"
err_has 'layout K, class S'
expect "alias unknown" 255 "$(status_of strict yes -o HostKeyAlias=other)"

# qssh-keygen -R and what qssh learns meanwhile: one after the other, by a lock on the folder
if command -v flock >/dev/null; then
	cp "$TMP/kept" "$KNOWN_HOSTS"
	sed 's/^[^ ]* /victim /' "$TMP/kept" >>"$KNOWN_HOSTS"
	exec 8<"$HOME/.qssh"
	flock 8
	qssh-keygen -R victim >"$TMP/removed" 2>&1 8<&- &
	remover=$!
	# shellcheck disable=SC2317 # by wait_for
	waits_for_lock() { readlink "/proc/$remover/fd/"* 2>/dev/null | grep -qxF "$HOME/.qssh"; }
	wait_for waits_for_lock
	sed 's/^[^ ]* /meanwhile /' "$TMP/kept" >>"$KNOWN_HOSTS"
	exec 8<&-
	wait "$remover" || fail "qssh-keygen -R: $(cat "$TMP/removed")"
	grep -q '^meanwhile ' "$KNOWN_HOSTS" || fail "what was learned meanwhile was lost"
	! grep -q '^victim ' "$KNOWN_HOSTS" || fail "-R removed nothing"
	rm "$KNOWN_HOSTS"
	expect "alias unknown" 255 "$(status_of strict yes -o HostKeyAlias=other)"
	expect "accept-new" 0 "$(status_of strict accept-new)"
fi

# the question, on a terminal
. "$QSP_SRC/tests/e2e/asked.sh"
ask="$QSP_BIN/qssh -F none -p $PORT -i $KEY -o UserKnownHostsFile=$KNOWN_HOSTS \
-o GlobalKnownHostsFile=none -o ConnectTimeout=5 -l $USER_NAME 127.0.0.1 true"
rm "$KNOWN_HOSTS"
print=$(qssh-keygen -l -f "$TMP/host_key.pub" | grep -o 'SHA3:[^ ]*')

on_terminal "$ask"
wait_for screen_has 'yes/no/\[fingerprint\]'
screen_has "authenticity of host '\\[127.0.0.1\\]:$PORT" || fail "$(screen)"
screen_has "key fingerprint is $print" || fail "no fingerprint: $(screen)"
tm send-keys -t e2e maybe Enter
wait_for screen_has "Please type 'yes', 'no' or the fingerprint"
tm send-keys -t e2e no Enter
wait_for has_rc
expect "answered no" 255 "$(cat "$TMP/rc")"
[ ! -e "$KNOWN_HOSTS" ] || fail "a refused key was kept"
# Enter alone is no, as with ssh
on_terminal "$ask"
wait_for screen_has 'yes/no/\[fingerprint\]'
tm send-keys -t e2e Enter
wait_for has_rc
expect "answered nothing" 255 "$(cat "$TMP/rc")"
# a program that answers something else is not asked for ever
printf '#!/bin/sh\necho asked >>%s/askings\necho password\n' "$TMP" >"$TMP/askpass"
chmod 755 "$TMP/askpass"
export SSH_ASKPASS="$TMP/askpass" SSH_ASKPASS_REQUIRE=force
expect "askpass" 255 "$(status_of strict ask)"
unset SSH_ASKPASS SSH_ASKPASS_REQUIRE
expect "askings" 10 "$(wc -l <"$TMP/askings" | tr -d ' ')"
[ ! -e "$KNOWN_HOSTS" ] || fail "a refused key was kept"
on_terminal "$ask"
wait_for screen_has 'yes/no/\[fingerprint\]'
tm send-keys -t e2e " $print " Enter
wait_for has_rc
expect "answered with the fingerprint" 0 "$(cat "$TMP/rc")"
[ -s "$KNOWN_HOSTS" ] || fail "the accepted key was not kept"

# a bridge line: its id stands for the question, its secret for the first contact
rm "$KNOWN_HOSTS"
id=$(printf '%s=' "${print#SHA3:}" | base64 -d | od -An -v -tx1 | tr -d ' \n')
secret=$(sed -n 's/^current [^ ]* //p' "$TMP/host_key.secret")
bridge() {
	setsid -w "$QSP_BIN/qssh" -v -F none -i "$KEY" -o "UserKnownHostsFile=$KNOWN_HOSTS" \
	    -o GlobalKnownHostsFile=none -o "ConnectTimeout=${PATIENCE:-60}" -l "$USER_NAME" "$1" true
}
expect "bridge" 0 "$(status_of bridge "qsp://127.0.0.1:$PORT?id=$id&k=$secret")"
err_has 'layout T, class S'
grep -q ' k=' "$KNOWN_HOSTS" || fail "the host of a bridge line was not kept"
expect "bridge, known" 0 "$(status_of bridge "qsp://127.0.0.1:$PORT?id=$id&k=$secret")"
err_has 'layout K, class S'
rm "$KNOWN_HOSTS"
other=$(printf '%s' "$id" | tr 0-9a-f 1-9a-f0)
expect "bridge, other id" 255 "$(status_of bridge "qsp://127.0.0.1:$PORT?id=$other&k=$secret")"
err_has 'not the one that the bridge line names'
expect "bridge, other secret" 255 "$(PATIENCE=1 status_of bridge "qsp://127.0.0.1:$PORT?id=$id&k=$other")"
err_has 'secret in the bridge line is no longer valid'
expect "bridge, malformed" 255 "$(status_of bridge "qsp://127.0.0.1:$PORT?id=$id")"
[ ! -e "$KNOWN_HOSTS" ] || fail "a refused key was kept"

# a server that does not answer strangers
stop_server
sed -i "s/^Port 0/Port $PORT/; 1i FirstContact no" "$SERVER_CONFIG"
run_server
expect "no strangers" 255 "$(status_of strict accept-new -o ConnectTimeout=1)"
err_has 'it does not answer strangers: ask for its bridge line'
expect "but by a bridge" 0 "$(status_of bridge "qsp://127.0.0.1:$PORT?id=$id&k=$secret")"
expect "and from then on" 0 "$(status_of strict yes)"
sed -i '/^FirstContact no/d' "$SERVER_CONFIG"

# the server's key changes: it cannot answer a client that knows the old one
stop_server
new_host_key
run_server
expect "changed, batch" 255 "$(status_of strict yes -o BatchMode=yes -o ConnectTimeout=1)"
err_has 'does not answer the handshake'
err_has 'its clock or this one is off by more than 10 minutes'
err_has 'its host key or its obfuscation secret has changed'
err_lacks 'IDENTIFICATION HAS CHANGED'

# on request it is looked at as a stranger would, and then named for what it is; the time is for each of
# two attempts, of which the first is in vain
expect "changed, FirstContact" 255 \
    "$(status_of strict ask -o FirstContact=yes -o ConnectTimeout=5)"
err_has 'WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!'
err_has "Offending key in $KNOWN_HOSTS:1"
err_has "qssh-keygen -f '$KNOWN_HOSTS' -R '\\[127.0.0.1\\]:$PORT'"
err_has 'Host key verification failed'
on_terminal "$ask"
wait_for screen_has 'first-contact handshake'
tm send-keys -t e2e yes Enter
wait_for has_rc
expect "changed, asked" 255 "$(cat "$TMP/rc")"
screen_has 'IDENTIFICATION HAS CHANGED' || fail "$(screen)"
expect "changed, no" 0 "$(status_of strict no -o FirstContact=yes -o ConnectTimeout=5)"
err_has 'IDENTIFICATION HAS CHANGED'
err_has 'Password authentication is disabled'

# the line that was given makes it a stranger again
qssh-keygen -f "$KNOWN_HOSTS" -R "[127.0.0.1]:$PORT" >/dev/null 2>&1 || fail "qssh-keygen -R"
expect "after -R" 0 "$(status_of strict accept-new)"

# revoked
{
	printf '@revoked * '
	cut -d ' ' -f 1-2 "$TMP/host_key.pub"
} >"$TMP/revoked"
rm "$KNOWN_HOSTS"
expect "revoked" 255 "$(GLOBAL="$TMP/revoked" status_of strict no)"
err_has 'REVOKED HOST KEY DETECTED'
[ ! -e "$KNOWN_HOSTS" ] || fail "a revoked key was kept"
tm kill-server 2>/dev/null || :
