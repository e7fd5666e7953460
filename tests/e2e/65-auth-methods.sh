#!/bin/sh
# SPDX-License-Identifier: ISC
# AuthenticationMethods: several ways in a row, without PAM; and keyboard-interactive without it.
# shellcheck disable=SC1091 # lib.sh is checked by itself
if [ -z "${QSP_E2E_MOUNTS:-}" ] && [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	QSP_E2E_MOUNTS=1 exec unshare -m --propagation private sh "$0"
fi
. "${QSP_SRC:?}/tests/e2e/lib.sh"
. "${QSP_SRC:?}/tests/e2e/login.sh"
need_login_etc
has_password oak
make_user_key
chmod 644 "$TMP/authorized_keys"
qssh-keygen -q -t kyber768 -N '' -f "$TMP/stranger" </dev/null >/dev/null || fail "qssh-keygen"

# with LINE...: a server that takes all methods, but for what these lines say
with() {
	[ -z "${SERVER:-}" ] || stop_server
	start_server "$@" 'PasswordAuthentication yes' 'KbdInteractiveAuthentication yes'
	say_answers oak
}
ALL=publickey,keyboard-interactive,password
in_by() { expect "in by $1" 0 "$(status_of person "$@" true)"; }
refused() {
	methods=$1
	shift
	expect "refused by $methods" 255 "$(status_of person "$methods" -o NumberOfPasswordPrompts=1 "$@" true)"
}
denied_with() { grep -q "Permission denied ($1)\\.\$" "$TMP/err" || fail "not ($1): $(cat "$TMP/err")"; }

# --- any: one of whatever kind
with
in_by keyboard-interactive
wait_log "^Accepted keyboard-interactive for $EVE from"
expect "its question" "($EVE@127.0.0.1) Password: |" "$(asked)"
in_by password
in_by publickey
say_answers elm
refused keyboard-interactive
wait_log "^Failed keyboard-interactive for $EVE from"
LOGIN=no-such-user refused keyboard-interactive
wait_log "^Failed keyboard-interactive for invalid user no-such-user from"

# --- a method that is off is off, however right the answer
for method in PasswordAuthentication KbdInteractiveAuthentication PubkeyAuthentication; do
	with "$method no"
	for methods in password keyboard-interactive publickey; do
		case $method:$methods in
		Pass*:pass* | Kbd*:key* | Pub*:pub*) refused "$methods" ;;
		*) in_by "$methods" ;;
		esac
	done
done

with 'AuthenticationMethods publickey,password' 'PasswordAuthentication no'
refused publickey
wait_log "^User $EVE cannot log in: each list of AuthenticationMethods has a method that is not"

# --- a key, then a password
with 'AuthenticationMethods publickey,password'
in_by "$ALL"
wait_log "^Partial publickey for $EVE from .*: mlkem768x25519 SHA3:"
wait_log "^Accepted password for $EVE from"
expect "its question" "$EVE@127.0.0.1's password: |" "$(asked)"
refused password # however right
denied_with publickey
refused publickey -o BatchMode=yes
wait_log '^Starting session'
[ "$(grep -c '^Starting session' "$SERVER_LOG")" = 1 ] || fail "a session after half of a login"
KEY=$TMP/stranger refused "$ALL"
say_answers elm
refused "$ALL"
denied_with password
# what the key's options say holds for the session
say_answers oak
sed -i 's/^/restrict,command="echo forced" /' "$TMP/authorized_keys"
expect "forced" forced "$(person "$ALL" -tt tty 2>/dev/null | tr -d '\r')"
sed -i 's/^restrict,command="echo forced" //' "$TMP/authorized_keys"

# --- the other way round: a key that was refused at first is wanted later
with 'AuthenticationMethods password,publickey'
in_by "$ALL"
wait_log "^Failed publickey for $EVE from"
wait_log "^Partial password for $EVE from"
wait_log "^Accepted publickey for $EVE from"

# --- two keys, which have to be two
make_user_key kyber1024
chmod 644 "$TMP/authorized_keys"
with 'AuthenticationMethods publickey,publickey'
cp "$KEY" "$TMP/again"
refused publickey -i "$TMP/again"
in_by publickey -i "$HOME/.qssh/id_kyber1024"
sed -i 's/^mlkem768.*/command="echo first" &/; s/^mlkem1024.*/restrict &/' "$TMP/authorized_keys"
both() { person publickey -i "$HOME/.qssh/id_kyber1024" "$@" 2>/dev/null; }
expect "the options of both" first "$(both -tt tty | tr -d '\r')"
sed -i 's/^restrict /command="echo second" /' "$TMP/authorized_keys"
refused publickey -i "$HOME/.qssh/id_kyber1024"
sed -i 's/^command="[^"]*" //' "$TMP/authorized_keys"

# --- one list of several; and for some only
with 'AuthenticationMethods publickey keyboard-interactive,password'
in_by publickey
in_by keyboard-interactive,password
refused keyboard-interactive
denied_with password
stop_server
SERVER=
printf 'Match User %s\nAuthenticationMethods publickey,password\n' "$EVE" >"$TMP/match"
with "Include $TMP/match"
refused publickey
in_by "$ALL"
LOGIN=$USER_NAME in_by publickey
# what a stranger is shown does not depend on who it is
for who in no-such-user "$EVE"; do
	KEY=$TMP/stranger LOGIN=$who refused publickey
	sed "s/$who/WHO/g" "$TMP/err" >"$TMP/said.$who"
done
cmp "$TMP/said.no-such-user" "$TMP/said.$EVE" || fail "they look different"
denied_with publickey,password,keyboard-interactive

# --- tries are counted, whatever the method
with 'MaxAuthTries 2'
say_answers elm
expect "too many" 255 "$(status_of person "$ALL" -o PubkeyAuthentication=no true)"
expect "two questions" 2 "$(wc -l <"$TMP/questions")"
wait_log "^maximum authentication attempts exceeded for $EVE from"
say "ok"
