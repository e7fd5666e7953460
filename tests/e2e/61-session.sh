#!/bin/sh
# SPDX-License-Identifier: ISC
# shellcheck disable=SC2119,SC2016,SC2034,SC2088 # defaults of make_user_key; the server expands; lib.sh uses
# What a session is made of: forced commands, environment, terminals, rc files, greetings, /etc/nologin, a
# home that is not there. As root with a user and an /etc of the scenario's own; else what needs neither.
if [ -z "${QSP_E2E_MOUNTS:-}" ] && [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	QSP_E2E_MOUNTS=1 exec unshare -m --propagation private sh "$0"
fi
. "${QSP_SRC:?}/tests/e2e/lib.sh"

make_user_key
with() {
	[ -z "${SERVER:-}" ] || stop_server
	start_server "$@"
}
# out WHAT WANTED ARGUMENTS...: the output of a command over the connection
out() {
	what=$1 wanted=$2
	shift 2
	expect "$what" "$wanted" "$(client "$@" 2>/dev/null </dev/null | tr -d '\r')"
}

# --- forced commands
with 'ForceCommand echo "forced: $SSH_ORIGINAL_COMMAND" # all of it'
out "ForceCommand" 'forced: echo "mine  own"' 'echo "mine  own"'
out "ForceCommand for a shell" 'forced: ' -T
printf 'Match User %s\nForceCommand exit 7\n' "$USER_NAME" >"$TMP/block"
with
stop_server
cat "$TMP/block" >>"$SERVER_CONFIG"
run_server
rc=$(status_of client true)
expect "ForceCommand in a block" 7 "$rc"
sed 's/^/command="echo of the key" /' "$TMP/authorized_keys" >"$TMP/keys"
with 'ForceCommand echo of the server' "AuthorizedKeysFile $TMP/keys"
out "the server's before the key's" 'of the server' true
with 'ForceCommand none' "AuthorizedKeysFile $TMP/keys"
out "ForceCommand none" 'of the key' true

# --- environment
sed 's/^/environment="KEY_A=k",environment="KEY_B=x y" /' "$TMP/authorized_keys" >"$TMP/keys"
show='echo "$KEY_A/$KEY_B/$SET_A/$SET_B/$LC_X"'
with "AuthorizedKeysFile $TMP/keys" 'SetEnv SET_A=1 "SET_B=two words"' 'SetEnv SET_A=3'
out "SetEnv, and no user's environment" '//1/two words/' "$show"
with "AuthorizedKeysFile $TMP/keys" 'PermitUserEnvironment yes' 'SetEnv KEY_A=server'
out "PermitUserEnvironment, SetEnv wins" 'server/x y///' "$show"
with "AuthorizedKeysFile $TMP/keys" 'PermitUserEnvironment KEY_*,!KEY_A'
out "PermitUserEnvironment with names" '/x y///' "$show"

# --- terminals
with 'PermitTTY no'
out "PermitTTY no" 'not a tty' -tt tty
with
case $(client -tt tty 2>/dev/null </dev/null | tr -d '\r') in
/dev/pts/*) ;;
*) fail "PermitTTY yes: no terminal" ;;
esac

[ -n "${QSP_E2E_MOUNTS:-}" ] || { say "ok (without root and mount namespaces)"; exit 0; }

# --- a user and an /etc of our own
chmod 755 "$TMP"
uid=4711
mkdir -m 755 "$TMP/uhome"
{ cat /etc/passwd; echo "qsptest:x:$uid:$uid::$TMP/uhome:/bin/sh"; echo "qspgone:x:$uid:$uid::$TMP/gone:/bin/sh"; } \
    >"$TMP/passwd"
echo 'words of the day' >"$TMP/motd"
mount --bind "$TMP/passwd" /etc/passwd || skip "cannot bind over /etc/passwd"
if [ -e /etc/motd ]; then
	mount --bind "$TMP/motd" /etc/motd || skip "cannot bind over /etc/motd"
fi
mkdir "$TMP/uhome/.qssh"
chown -R $uid "$TMP/uhome"
chmod 644 "$TMP/authorized_keys"
USER_NAME=qsptest

printf 'FROM_FILE=f\n# comment\nbroken\n=x\nSET_A=user\n' >"$TMP/uhome/.qssh/environment"
with 'PermitUserEnvironment yes' 'SetEnv SET_A=server'
out "~/.qssh/environment" 'f/server' 'echo "$FROM_FILE/$SET_A"'
with
out "no ~/.qssh/environment" '/' 'echo "$FROM_FILE/$SET_A"'
out "who one is" "$uid" 'id -u'

# greetings: for a shell on a terminal alone
greeted() { client -tt 2>/dev/null <"$TMP/exit" | tr -d '\r' | grep -c "$1" || :; }
echo 'exit' >"$TMP/exit"
if [ -e /etc/motd ]; then
	expect "motd" 1 "$(greeted 'words of the day')"
	expect "no motd with a command" 0 "$(client -tt true 2>/dev/null </dev/null | grep -c 'words of' || :)"
	touch "$TMP/uhome/.hushlogin"
	expect "no motd with .hushlogin" 0 "$(greeted 'words of the day')"
	rm "$TMP/uhome/.hushlogin"
	with 'PrintMotd no'
	expect "PrintMotd no" 0 "$(greeted 'words of the day')"
fi

# rc: before everything, with the environment, not for a key or a server that forbids it
echo 'echo "rc of $USER"; read x || echo "no input"' >"$TMP/uhome/.qssh/rc"
with
expect "~/.qssh/rc" 'rc of qsptest no input mine ' "$(client echo mine 2>/dev/null </dev/null | tr '\n' ' ')"
with 'PermitUserRC no'
out "PermitUserRC no" 'mine' 'echo mine'
sed 's/^/no-user-rc /' "$TMP/authorized_keys" >"$TMP/keys"
chmod 644 "$TMP/keys"
with "AuthorizedKeysFile $TMP/keys"
out "no-user-rc" 'mine' 'echo mine'
# who may have files alone has no rc either, whatever he asks for: it would be a shell
echo "id -u >$TMP/uhome/escaped" >"$TMP/uhome/.qssh/rc"
sed 's/^/command="internal-sftp" /' "$TMP/authorized_keys" >"$TMP/keys"
for only in 'ForceCommand internal-sftp' 'ForceCommand internal-sftp -R' "AuthorizedKeysFile $TMP/keys"; do
	with "$only"
	for ask in true ''; do
		# shellcheck disable=SC2086 # nothing, or a word
		expect "$only" 0 "$(status_of client -T $ask)"
		[ ! -e "$TMP/uhome/escaped" ] || fail "$only runs a command of the user's"
	done
done
rm "$TMP/uhome/.qssh/rc"
with

# a home that is not there
USER_NAME=qspgone
rc=$(status_of client pwd)
expect "no home" 0 "$rc"
expect "where one begins then" / "$(cat "$TMP/out")"
grep -qx "Could not chdir to home directory $TMP/gone: No such file or directory" "$TMP/err" ||
	fail "no word about the home"
wait_log "User qspgone: home directory $TMP/gone: No such file or directory"

# /etc/nologin: nobody but root
USER_NAME=qsptest
mkdir "$TMP/etc"
cp -a /etc/. "$TMP/etc/"
mount --bind "$TMP/etc" /etc || skip "cannot bind over /etc"
echo 'closed for today' >/etc/nologin
rc=$(status_of client 'echo mine')
expect "nologin" 254 "$rc"
expect "nologin's words" 'closed for today' "$(cat "$TMP/err")"
expect "no command" '' "$(cat "$TMP/out")"
wait_log 'User qsptest not allowed because /etc/nologin exists'
USER_NAME=root
out "nologin and root" 'mine' 'echo mine'
rm /etc/nologin
say "ok"
