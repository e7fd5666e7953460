#!/bin/sh
# SPDX-License-Identifier: ISC
# shellcheck disable=SC2119,SC2016,SC2034 # defaults of make_user_key; the server expands; lib.sh uses
# Match blocks: what -T says of them, what a login gets by them, and that nobody learns from them who
# exists. Then the options of a key that look at the login: from, expiry-time.
. "${QSP_SRC:?}/tests/e2e/lib.sh"

conf=$TMP/conf

# --- what is refused
refused() {
	printf '%b\n' "$1" >"$conf"
	rc=$(status_of qsshd -t -f "$conf")
	expect "status of: $1" 1 "$rc"
	grep -qF -- "$2" "$TMP/err" || {
		cat "$TMP/err" >&2
		fail "no '$2' for: $1"
	}
}
refused 'Match' 'Match needs a criterion'
refused 'Match User' 'Match User needs a pattern'
refused 'Match all User x' 'Match all stands alone'
refused 'Match Moon full' '"Moon" is not a criterion'
refused 'Match Address 10.0.0.1/8' 'not a list of addresses'
refused 'Match Address 10.0.0.0/8,' 'not a list of addresses'
refused 'Match LocalPort ssh' 'not a list of ports'
refused 'Match User x\nPort 22' "$conf line 2: Port cannot stand in a Match block"
refused 'Match User x\nMaxSessions many' "$conf line 2: MaxSessions: \"many\" is not a number"
refused 'Match User x\nX11Forwarding yes' 'X11Forwarding is not supported'
rc=$(status_of qsshd -t -f /dev/null -o 'Match all')
expect "Match as an option" 1 "$rc"
rc=$(status_of qsshd -t -f /dev/null -C user=x)
expect "-C without -T" 1 "$rc"
rc=$(status_of qsshd -T -f /dev/null -C moon=x)
expect "-C of nothing" 1 "$rc"

# --- what holds: got SPEC KEYWORD WANTED...
got() {
	spec=$1
	word=$2
	shift 2
	expect "$word for $spec" "$*" \
	    "$(qsshd -T -f "$conf" ${spec:+-C "$spec"} | sed -n "s/^$word //p" | tr '\n' ' ' | sed 's/ $//')"
}
mkdir "$TMP/conf.d"
cat >"$TMP/conf.d/inner.conf" <<-'END'
	MaxAuthTries 2
	Match User inner
	    MaxAuthTries 3
END
cat >"$conf" <<-END
	MaxSessions 3
	AllowUsers one two
	Subsystem a /bin/a
	Subsystem b /bin/b
	Match User alice,bob*,!bobby
	    MaxSessions 4
	    AllowUsers three
	match address 10.0.0.0/8,!10.1.0.0/16,fd00::/8
	    MaxSessions 5
	    Subsystem b /bin/special
	Match Host *.EXAMPLE.com LocalPort 99,100
	    MaxSessions 6
	Match LocalAddress=192.168.0.1 User=carol
	    MaxSessions 7
	Match Group $(id -gn)
	    MaxSessions 8
	Match Address 127.0.0.0/8
	    Include conf.d/*.conf
	    MaxAuthTries 4
	Match all
	    PermitRootLogin no
END
qsshd -t -f "$conf" || fail "-t"
full=host=h,addr=1.2.3.4,laddr=1.1.1.1,lport=1
got '' maxsessions 3
got '' permitrootlogin no
got "user=alice,$full" maxsessions 4
got "user=alice,$full" allowusers three
got "user=dave,$full" allowusers one two
got "user=bobo,$full" maxsessions 4
got "user=bobby,$full" maxsessions 3
got 'user=x,host=h,addr=10.2.0.1,laddr=1.1.1.1,lport=1' maxsessions 5
got 'user=x,host=h,addr=10.1.0.1,laddr=1.1.1.1,lport=1' maxsessions 3
got 'user=x,host=h,addr=fd12::1,laddr=1.1.1.1,lport=1' maxsessions 5
got 'user=x,host=h,addr=10.2.0.1,laddr=1.1.1.1,lport=1' subsystem b /bin/special a /bin/a sftp internal-sftp
got 'user=alice,host=h,addr=10.2.0.1,laddr=1.1.1.1,lport=1' maxsessions 4
got 'user=x,host=a.example.COM,addr=1.2.3.4,laddr=1.1.1.1,lport=100' maxsessions 6
got 'user=x,host=a.example.com,addr=1.2.3.4,laddr=1.1.1.1,lport=9' maxsessions 3
got 'user=carol,host=h,addr=1.2.3.4,laddr=192.168.0.1,lport=1' maxsessions 7
got 'user=carol,host=h,addr=1.2.3.4,laddr=192.168.0.2,lport=1' maxsessions 3
got "user=$USER_NAME,$full" maxsessions 8
got "user=no-such-user,$full" maxsessions 3
got "user=x,$full" maxauthtries 6
got 'user=x,host=h,addr=127.0.0.1,laddr=1.1.1.1,lport=1' maxauthtries 2
got 'user=inner,host=h,addr=127.0.0.1,laddr=1.1.1.1,lport=1' maxauthtries 2
rc=$(status_of qsshd -T -f "$conf" -C user=x)
expect "-C that says too little" 1 "$rc"
grep -q "'Match Address' in the configuration" "$TMP/err" || fail "-C: what is missing is not named"

# --- logins
make_user_key
allowed() {
	rc=$(status_of client true)
	expect "$1" 0 "$rc"
}
denied() {
	rc=$(status_of client true)
	expect "$1" 255 "$rc"
}
# with LINES...: they come last, as Match blocks must
with() {
	[ -z "${SERVER:-}" ] || stop_server
	start_server
	stop_server
	printf '%s\n' "$@" >>"$SERVER_CONFIG"
	run_server
}
with "Match User $USER_NAME" 'PubkeyAuthentication no'
denied "no keys for this user"
with 'Match User somebody' 'PubkeyAuthentication no'
allowed "no keys for another"
with 'Match Address 10.0.0.0/8' 'PubkeyAuthentication no' 'Match LocalAddress 127.0.0.1' \
    'AuthorizedKeysFile none'
denied "no keys from here"
with 'Match Address 127.0.0.0/8 Group no-such-group' 'MaxSessions 0'
allowed "another group"
with "Match Group !no-such-group,$(id -gn)" 'MaxSessions 0'
denied "no sessions for this group"
with "Match User $USER_NAME" 'AcceptEnv ONLY_*'
expect "AcceptEnv of a block" 'x ' "$(CLIENT_OPTIONS='-o SetEnv=ONLY_A=x' \
    client 'echo "$ONLY_A $LC_B"' 2>/dev/null)"
expect "AcceptEnv outside is over" ' ' "$(CLIENT_OPTIONS='-o SetEnv=LC_B=y' \
    client 'echo "$ONLY_A $LC_B"' 2>/dev/null)"

# What a stranger is offered is the same for all, though a block would tell them apart.
with "Match User $USER_NAME" 'PasswordAuthentication yes' 'Match Group no-such-group' \
    'PubkeyAuthentication no'
: >"$TMP/none"
offers() {
	rc=$(status_of "$QSP_BIN/qssh" -F none -p "$PORT" -o BatchMode=yes -o PreferredAuthentications=none \
	    -o StrictHostKeyChecking=accept-new -o "UserKnownHostsFile=$KNOWN_HOSTS" -l "$1" 127.0.0.1 true)
	expect "a login as $1 by nothing" 255 "$rc"
	sed -n 's/.*Permission denied (\(.*\))\.$/\1/p' "$TMP/err"
}
expect "offer to a user" 'publickey,password' "$(offers "$USER_NAME")"
expect "offer to nobody" 'publickey,password' "$(offers no-such-user-here)"

# A user's own MaxAuthTries: the second key is right, and comes too late.
make_user_key kyber768 "$TMP/other"
sed -i '$d' "$TMP/authorized_keys"
with "Match User $USER_NAME" 'MaxAuthTries 1'
right=$KEY
KEY=$TMP/other
CLIENT_OPTIONS="-i $right"
denied "the right key after the last try"
CLIENT_OPTIONS=
KEY=$right
wait_log "maximum authentication attempts exceeded for $USER_NAME from 127.0.0.1 port"
allowed "the right key at once"

# --- options of a key
options() {
	sed "s|^|$1 |" "$TMP/authorized_keys" >"$TMP/keys"
	with
	sed -i "s|^AuthorizedKeysFile.*|AuthorizedKeysFile $TMP/keys|" "$SERVER_CONFIG"
	stop_server
	run_server
}
options 'from="10.0.0.0/8,127.0.0.1"'
allowed "from here"
options 'from="*,!127.0.0.0/8"'
denied "from elsewhere"
wait_log "Authentication tried for $USER_NAME with correct key but not from a permitted host (host=127.0.0.1, ip=127.0.0.1, required=\\*,!127.0.0.0/8)"
options 'expiry-time="20991231Z",environment="A=b",permitopen="h:1",no-user-rc'
allowed "not expired"
options 'expiry-time="20200101"'
denied "expired"
wait_log "Authentication tried for $USER_NAME from 127.0.0.1 with an expired key"
options 'command=""'
expect "an empty forced command" '' "$(client echo mine 2>/dev/null)"
say "ok"
