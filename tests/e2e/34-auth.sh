#!/bin/sh
# SPDX-License-Identifier: ISC
# Logging in: every type of key, several keys, passphrases, keys that are refused.
# shellcheck disable=SC1091,SC2016 # lib.sh is checked by itself; some text is for other shells
. "${QSP_SRC:?}/tests/e2e/lib.sh"

start_server
# login FILE...: with these keys and no others
login() {
	set -- "$@" --
	ids=
	while [ "$1" != -- ]; do
		ids="$ids -i $1"
		shift
	done
	# shellcheck disable=SC2086 # file names of ours, without spaces
	"$QSP_BIN/qssh" -F none -p "$PORT" $ids -o BatchMode=yes \
	    -o StrictHostKeyChecking=accept-new -o "UserKnownHostsFile=$KNOWN_HOSTS" \
	    -l "$USER_NAME" ${CLIENT_OPTIONS:-} 127.0.0.1 true
}
err_has() { grep -q -e "$1" "$TMP/err" || fail "no '$1' in: $(cat "$TMP/err")"; }

for t in kyber768 kyber1024 dilithium3; do
	make_user_key "$t"
	expect "$t" 0 "$(status_of login "$HOME/.qssh/id_$t")"
done
# by default names, tried in turn
expect "defaults" 0 "$(status_of login)"
mv "$HOME/.qssh/id_kyber768" "$TMP/moved"
mv "$HOME/.qssh/id_kyber768.pub" "$TMP/moved.pub"
expect "defaults without the first" 0 "$(status_of login)"

# without its public file
cp "$TMP/moved" "$TMP/alone"
chmod 600 "$TMP/alone"
expect "private file alone" 0 "$(status_of login "$TMP/alone")"

# a key that the server does not know; it is passed over for one that it does
qssh-keygen -q -t kyber768 -N '' -f "$TMP/stranger" </dev/null >/dev/null
qssh-keygen -q -t dilithium3 -N '' -f "$TMP/stranger2" </dev/null >/dev/null
expect "stranger" 255 "$(status_of login "$TMP/stranger")"
err_has "^$USER_NAME@127\\.0\\.0\\.1: Permission denied (.*publickey.*)\\.$"
expect "strange signature" 255 "$(status_of login "$TMP/stranger2")"
err_has 'Permission denied'
expect "several" 0 "$(status_of login "$TMP/stranger" "$TMP/stranger2" "$TMP/moved")"
expect "no user" 255 "$(CLIENT_OPTIONS='-o User=no-such-user' USER_NAME=no-such-user \
    status_of login "$TMP/moved")"
err_has 'no-such-user@127.0.0.1: Permission denied'

# a private key that others can read does not count
cp "$TMP/moved" "$TMP/open"
chmod 644 "$TMP/open"
expect "unprotected" 255 "$(status_of login "$TMP/open")"
err_has 'UNPROTECTED PRIVATE KEY FILE'
err_has "Permissions 0644 for '$TMP/open' are too open"
expect "missing" 255 "$(status_of login "$TMP/nowhere")"
err_has "Identity file $TMP/nowhere not accessible"
echo garbage >"$TMP/garbage"
chmod 600 "$TMP/garbage"
expect "garbage" 255 "$(status_of login "$TMP/garbage")"
err_has "Load key \"$TMP/garbage\""

# PubkeyAuthentication and PreferredAuthentications
expect "no keys wanted" 255 \
    "$(CLIENT_OPTIONS='-o PubkeyAuthentication=no' status_of login "$TMP/moved")"
expect "none alone" 255 \
    "$(CLIENT_OPTIONS='-o PreferredAuthentications=none' status_of login "$TMP/moved")"
err_has 'Permission denied'

# a passphrase: not to be had in BatchMode, asked on a terminal, for the key that is wanted alone
qssh-keygen -q -t kyber768 -N 'open sesame' -f "$TMP/locked" </dev/null >/dev/null
cat "$TMP/locked.pub" >>"$TMP/authorized_keys"
expect "locked, batch" 255 "$(status_of login "$TMP/locked")"
command -v tmux >/dev/null || exit 0
. "$QSP_SRC/tests/e2e/asked.sh"
ask="$QSP_BIN/qssh -F none -p $PORT -o UserKnownHostsFile=$KNOWN_HOSTS -l $USER_NAME \
-o PreferredAuthentications=publickey"
on_terminal "$ask -i $TMP/locked 127.0.0.1 true"
wait_for screen_has "Enter passphrase for key '$TMP/locked'"
answer 'wrong'
wait_for count 'Enter passphrase' 2
answer 'open sesame'
wait_for has_rc
expect "passphrase" 0 "$(cat "$TMP/rc")"
! screen_has sesame || fail "the passphrase was shown"
on_terminal "$ask -i $TMP/locked 127.0.0.1 true"
wait_for screen_has 'Enter passphrase'
for n in 2 3 4; do
	answer 'wrong'
	[ $n = 4 ] || wait_for count 'Enter passphrase' $n
done
wait_for has_rc
expect "three wrong passphrases" 255 "$(cat "$TMP/rc")"
screen_has 'Permission denied' || fail "$(screen)"
on_terminal "$ask -i $TMP/moved -i $TMP/locked 127.0.0.1 true"
wait_for has_rc
expect "not needed, not asked" 0 "$(cat "$TMP/rc")"
! screen_has 'Enter passphrase' || fail "a passphrase was asked for nothing"

# a password is asked for as often as it may be, and never shown
stop_server
start_server 'PasswordAuthentication yes'
rm -f "$KNOWN_HOSTS"
expect "after the restart" 0 "$(status_of login "$TMP/moved")"
ask="$QSP_BIN/qssh -F none -p $PORT -o UserKnownHostsFile=$KNOWN_HOSTS -l $USER_NAME \
-o PreferredAuthentications=password -o NumberOfPasswordPrompts=2"
on_terminal "$ask 127.0.0.1 true"
for n in 1 2; do
	wait_for count "^$USER_NAME@127\\.0\\.0\\.1's password:" $n
	answer 'certainly wrong'
done
wait_for has_rc
expect "wrong passwords" 255 "$(cat "$TMP/rc")"
screen_has 'Permission denied, please try again' || fail "$(screen)"
screen_has 'Permission denied (publickey,password' || fail "$(screen)"
! screen_has certainly || fail "the password was shown"
tm kill-server 2>/dev/null || :
