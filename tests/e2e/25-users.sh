#!/bin/sh
# SPDX-License-Identifier: ISC
# shellcheck disable=SC2119 # make_user_key has its defaults
# Who may log in: Allow and Deny lists, root, StrictModes, the options of authorized_keys. Without
# root, what a server without root does. Nothing on the system is changed.
. "${QSP_SRC:?}/tests/e2e/lib.sh"

make_user_key

allowed() {
	rc=$(status_of client true)
	expect "$1" 0 "$rc"
}
refused() {
	rc=$(status_of client true)
	expect "$1" 255 "$rc"
}
# with CONFIG LINES...: a server of that configuration; the trials follow
with() {
	[ -z "${SERVER:-}" ] || stop_server
	start_server "$@"
}

with
allowed "plain"
wait_log "^Accepted publickey for $USER_NAME from 127.0.0.1 port [0-9]*: mlkem768x25519 SHA3:"

# --- lists
with "AllowUsers $USER_NAME"
allowed "AllowUsers me"
with "AllowUsers $USER_NAME@127.0.0.0/8"
allowed "AllowUsers me@127.0.0.0/8"
with 'AllowUsers somebody' 'AllowUsers *@10.0.0.0/8'
refused "AllowUsers others"
wait_log "User $USER_NAME from 127.0.0.1 not allowed because not listed in AllowUsers"
with "DenyUsers $USER_NAME" "AllowUsers $USER_NAME"
refused "DenyUsers before AllowUsers"
with "AllowGroups $(id -gn)"
allowed "AllowGroups mine"
with 'AllowGroups no-such-group'
refused "AllowGroups another"
with "DenyGroups $(id -gn)"
refused "DenyGroups mine"

# --- an unknown user looks like a known one
USER_NAME=no-such-user-here
refused "unknown user"
wait_log '^Invalid user no-such-user-here from 127.0.0.1 port'
wait_log '^Failed publickey for invalid user no-such-user-here from 127.0.0.1 port'
USER_NAME=$(id -un)

# --- StrictModes: the file and the folders to the home
mkdir "$TMP/strict"
cp "$TMP/authorized_keys" "$TMP/strict/authorized_keys"
with 'StrictModes yes' "AuthorizedKeysFile $TMP/strict/authorized_keys"
chmod 666 "$TMP/strict/authorized_keys"
refused "StrictModes and a file for all to write"
wait_log '^Authentication refused for '
with 'StrictModes no' "AuthorizedKeysFile $TMP/strict/authorized_keys"
allowed "no StrictModes"
with "AuthorizedKeysFile $TMP/nothing $TMP/authorized_keys"
allowed "the second file"
with 'AuthorizedKeysFile none'
refused "no file"
with 'PubkeyAuthentication no'
refused "no public keys"

# --- options of a key
options() {
	sed "s|^|$1 |" "$TMP/authorized_keys" >"$TMP/keys"
	with "AuthorizedKeysFile $TMP/keys"
}
# shellcheck disable=SC2016 # the server's shell expands it
options 'command="echo forced \\"$SSH_ORIGINAL_COMMAND\\""'
expect "forced command" 'forced "echo mine"' "$(client echo mine 2>/dev/null | sed 's/forced \(.*\)/forced "\1"/')"
options 'no-pty'
expect "no-pty" 'not a tty' "$(client -tt tty 2>/dev/null </dev/null || :)"
options 'restrict'
allowed "restrict"
options 'tunnel="1"'
refused "an option that is not honoured"
wait_log 'the option tunnel is not supported by this version of qsshd'

if [ "$(id -u)" != 0 ]; then
	# without root only the server's own user is there
	USER_NAME=root
	with
	refused "root at a server without root"
	wait_log 'not allowed because this server runs without root'
	say "ok (without root)"
	exit 0
fi

# --- root
with 'PermitRootLogin no'
refused "PermitRootLogin no"
wait_log '^ROOT LOGIN REFUSED FROM 127.0.0.1 port'
with 'PermitRootLogin prohibit-password'
allowed "PermitRootLogin prohibit-password"
with 'PermitRootLogin forced-commands-only'
refused "PermitRootLogin forced-commands-only without a command"
sed 's|^|command="true" |' "$TMP/authorized_keys" >"$TMP/keys"
with 'PermitRootLogin forced-commands-only' "AuthorizedKeysFile $TMP/keys"
allowed "PermitRootLogin forced-commands-only with a command"

# --- another user: the file is read, and the session run, with that user's rights
other=
for u in nobody daemon games man; do
	shell=$(getent passwd "$u" | cut -d: -f7)
	case $shell in '' | */nologin | */false) continue ;; esac
	other=$u
done
if [ -z "$other" ]; then
	# no account here can log in: at least its shell is what refuses it
	USER_NAME=nobody
	sed 's/^/command="id -u" /' "$TMP/authorized_keys" >"$TMP/keys"
	chmod 644 "$TMP/keys"
	chmod 755 "$TMP"
	with "AuthorizedKeysFile $TMP/keys"
	rc=$(status_of client true)
	case $rc in 1 | 255) ;; *) fail "nologin: $rc" ;; esac
else
	USER_NAME=$other
	with
	refused "keys that the user cannot read" # 0600 of root
	chmod 755 "$TMP"
	chmod 644 "$TMP/authorized_keys"
	with
	expect "the other user" "$(id -u "$other")" "$(client id -u 2>/dev/null)"
fi
say "ok"
