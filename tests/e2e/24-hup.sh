#!/bin/sh
# SPDX-License-Identifier: ISC
# shellcheck disable=SC2119 # make_user_key has its defaults
# SIGHUP: a new configuration for new logins, old logins go on, the port stays; one that is wrong changes
# nothing. Obfuscation secrets rotate the same way [P4.6].
. "${QSP_SRC:?}/tests/e2e/lib.sh"

make_user_key
start_server 'MaxSessions 5'
client true || fail "login"

standing() { grep -q "^$1\$" "$TMP/long"; }
mkfifo "$TMP/in"
client cat <"$TMP/in" >"$TMP/long" 2>"$TMP/err" &
long=$!
pids="$pids $long"
exec 9>"$TMP/in"
echo one >&9
wait_for standing one
old_net=$(children "$SERVER" qsshd-net)

listening() { [ "$(grep -c '^Server listening on ' "$SERVER_LOG")" = "$1" ]; }

# --- a wrong file: said, and nothing changes
cp "$SERVER_CONFIG" "$TMP/good"
echo 'Nonsense 1' >>"$SERVER_CONFIG"
kill -HUP "$SERVER"
wait_log 'unknown keyword Nonsense'
client true || fail "login after a wrong configuration"
expect "qsshd-net" "$old_net" "$(children "$SERVER" qsshd-net)"

# --- a host key that cannot be used: the same
sed "s|^HostKey .*|HostKey $TMP/open_key|" "$TMP/good" >"$SERVER_CONFIG"
cp "$TMP/host_key" "$TMP/open_key"
chmod 644 "$TMP/open_key"
kill -HUP "$SERVER"
wait_log 'too open'
wait_log 'the old one stays'
client true || fail "login after a bad host key"

# --- a right one: the old login goes on, new ones meet the new rules
sed 's/^MaxSessions .*/MaxSessions 0/' "$TMP/good" >"$SERVER_CONFIG"
kill -HUP "$SERVER"
wait_for listening 2
rc=$(status_of client true)
expect "login under MaxSessions 0" 255 "$rc"
echo two >&9
wait_for standing two
alive "$old_net" || fail "the old qsshd-net left its login"
exec 9>&-
wait "$long" || fail "the old login ended badly"
wait_for gone "$old_net"

# --- rotation: the client knows the previous secret, and gets the current one
known_secret() { sed -n 's/.* k=\([0-9a-f]*\).*/\1/p' "$KNOWN_HOSTS" | head -n 1; }
first=$(known_secret)
[ -n "$first" ] || fail "no secret in known_hosts"
new=$(od -An -tx1 -N32 /dev/urandom | tr -d ' \n')
{
	sed 's/^current/previous/' "$TMP/host_key.secret"
	echo "current 2030-01-01 $new"
} >"$TMP/secret"
chmod 600 "$TMP/secret"
mv "$TMP/secret" "$TMP/host_key.secret"
cp "$TMP/good" "$SERVER_CONFIG"
kill -HUP "$SERVER"
wait_for listening 3
client true || fail "login with the previous secret"
expect "secret after the rotation" "$new" "$(known_secret)"

# --- retired: still good for who knows the host key
sed 's/^previous/retired/' "$TMP/host_key.secret" >"$TMP/secret"
chmod 600 "$TMP/secret"
mv "$TMP/secret" "$TMP/host_key.secret"
kill -HUP "$SERVER"
wait_for listening 4
sed -i "s/ k=$new/ k=$first/" "$KNOWN_HOSTS"
client true || fail "login with a retired secret"

# --- a reload is told once nobody lives by the old configuration, however slow he is; one that is asked for
# meanwhile comes behind it
sed 's/^LogLevel .*/LogLevel DEBUG/' "$TMP/good" >"$SERVER_CONFIG"
kill -HUP "$SERVER"
wait_for listening 5
another_net() {
	new_net=$(children "$SERVER" qsshd-net | grep -vx -e "$1")
	[ "$(printf '%s\n' "$new_net" | wc -w)" = 1 ]
}
wait_for another_net "$old_net"
old_net=$new_net
kill -STOP "$old_net"
kill -HUP "$SERVER"
wait_for another_net "$old_net"
kill -HUP "$SERVER"
filtered() { grep -q '^Seccomp:[[:space:]]*2$' "/proc/$new_net/status"; }
wait_for filtered # the last that it does before it says that it listens
kill -CONT "$old_net"
wait_for listening 7
awk '/listens no more$/ && n == 5 { before = 1 } /^Server listening/ { n++ } END { exit !before }' "$SERVER_LOG" ||
	fail "told before the old one had stopped"
say "ok"
