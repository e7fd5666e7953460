#!/bin/sh
# SPDX-License-Identifier: ISC
# Logins by way of PAM, with a module of the scenarios' own, in an /etc that only this scenario sees.
# shellcheck disable=SC1091,SC2016 # lib.sh is checked by itself; the server's shell expands
if [ -z "${QSP_E2E_MOUNTS:-}" ] && [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	QSP_E2E_MOUNTS=1 exec unshare -m --propagation private sh "$0"
fi
. "${QSP_SRC:?}/tests/e2e/lib.sh"
. "${QSP_SRC:?}/tests/e2e/login.sh"
need_login_etc
need_pam_module

# --- right: the greeting, both questions in turn, and a session that PAM opened and closes
pam_is password=tree code=42
say_answers tree 42
start_pam_server
make_user_key
chmod 644 "$TMP/authorized_keys"
expect "two questions" "hello two words" \
    "$(person keyboard-interactive 'echo hello $E2E_PAM' 2>"$TMP/err")"
grep -q '^Welcome to the machine\.$' "$TMP/err" || fail "the greeting: $(cat "$TMP/err")"
expect "what was asked" "($EVE@127.0.0.1) Password: |($EVE@127.0.0.1) Code: |" "$(asked)"
wait_log "^Accepted keyboard-interactive/pam for $EVE from 127\\.0\\.0\\.1 port "
wait_for seen "close $EVE 127.0.0.1 "
expect "the modules' calls" "$(printf '%s %s 127.0.0.1 %s\n' 'Password: ' "$EVE" right 'Code: ' "$EVE" right \
    account "$EVE" '' cred "$EVE" establish open "$EVE" 1 close "$EVE" '')" "$(head -n 6 "$TMP/seen")"
wait_for seen "cred $EVE 127.0.0.1 delete"
# the session's process began as root: nothing of this may reach it under its own name
case $(person keyboard-interactive 'echo $LD_PRELOAD' 2>/dev/null) in */from/pam*) ;; *) fail "the environment" ;; esac

# --- wrong
: >"$TMP/seen"
say_answers wrong
expect "wrong, twice" 255 "$(status_of person keyboard-interactive \
    -o NumberOfPasswordPrompts=2 true)"
expect "asked twice" 2 "$(grep -c '^Password:.*wrong$' "$TMP/seen")"
grep -q "$EVE@127.0.0.1: Permission denied (publickey,password,keyboard-interactive)" "$TMP/err" ||
	fail "$(cat "$TMP/err")"
wait_log "^Failed keyboard-interactive/pam for $EVE from"
wait_log "^PAM: Authentication failure.* for $EVE\$"
say_answers tree 41
expect "the second wrong" 255 "$(status_of person keyboard-interactive \
    -o NumberOfPasswordPrompts=1 true)"

# --- nobody is asked in BatchMode
: >"$TMP/questions"
expect "BatchMode" 255 "$(status_of person keyboard-interactive,password -o BatchMode=yes true)"
expect "no question" '' "$(asked)"

# --- one who is not there, and one who may not, see the same; the modules never see a right password
say_answers tree 42
: >"$TMP/seen"
for who in no-such-user "$EVE"; do
	if [ "$who" = "$EVE" ]; then
		stop_server
		start_pam_server "DenyUsers $EVE"
	fi
	for method in keyboard-interactive password; do
		: >"$TMP/questions"
		expect "$who" 255 "$(LOGIN=$who status_of person "$method" \
		    -o NumberOfPasswordPrompts=1 true)"
		sed -e "s/$who/WHO/g" -e "/Permanently added/d" "$TMP/err" >"$TMP/said.$method.$who"
		expect "one question" 1 "$(wc -l <"$TMP/questions")"
		expect "$who: what the modules saw" "Password:  $who 127.0.0.1 wrong" "$(tail -n 1 "$TMP/seen")"
	done
done
for method in keyboard-interactive password; do
	cmp "$TMP/said.$method.no-such-user" "$TMP/said.$method.$EVE" || fail "they look different"
done
wait_log "^Failed password for $EVE from"
stop_server

# --- a password of the other method answers one question, and no other
start_pam_server
pam_is password=tree
expect "password" 0 "$(status_of person password true)"
wait_log "^Accepted password for $EVE from"
pam_is password=tree code=tree
expect "password, for two" 255 "$(status_of person password \
    -o NumberOfPasswordPrompts=1 true)"
pam_is password=tree many
expect "more than can be asked" 255 "$(status_of person keyboard-interactive \
    -o NumberOfPasswordPrompts=1 true)"
long=$(printf '%02000d' 7)
say_answers "$long"
pam_is "password=$long"
expect "an answer that is too long" 255 "$(status_of person keyboard-interactive \
    -o NumberOfPasswordPrompts=1 true)"

stop_server
say_answers tree
pam_is password=tree
for method in PasswordAuthentication KbdInteractiveAuthentication; do
	start_pam_server "$method no"
	case $method in
	Password*) off=password on=keyboard-interactive ;;
	*) off=keyboard-interactive on=password ;;
	esac
	expect "$method no" 255 "$(status_of person "$off" -o NumberOfPasswordPrompts=1 true)"
	expect "$method no, the other" 0 "$(status_of person "$on" true)"
	stop_server
done
start_pam_server

# --- refused without a question: not tried again
printf 'auth required /no/such/module.so\n' >"/etc/pam.d/$SERVICE"
expect "no module" 255 "$(status_of person keyboard-interactive true)"
wait_log '^PAM: Module is unknown'
expect "tried once" 1 "$(grep -c '^PAM: Module is unknown' "$SERVER_LOG")"

# --- the account: a key does not help either
say_answers tree
pam_is password=tree account=expired
for method in keyboard-interactive password publickey; do
	say_answers tree
	expect "expired, $method" 255 "$(status_of person "$method" \
	    -o NumberOfPasswordPrompts=1 true)"
	grep -q "^Received disconnect from .*:60: User account has expired\$" "$TMP/err" ||
		fail "what is said of it: $(cat "$TMP/err")"
done
wait_log "^PAM: User account has expired for $EVE\$"
wait_log "^Failed publickey for $EVE from"
say_answers tree
pam_is password=tree account=new
for method in password publickey; do
	expect "must change it, $method" 255 "$(status_of person "$method" \
	    -o NumberOfPasswordPrompts=1 true)"
done
expect "changes it" 0 "$(status_of person keyboard-interactive true)"
wait_for seen "changed $EVE 127.0.0.1 tree"
stop_server
start_pam_server 'KbdInteractiveAuthentication no'
expect "cannot change it" 255 "$(status_of person publickey,password true)"
grep -q ':60: Authentication token is no longer valid' "$TMP/err" || fail "$(cat "$TMP/err")"

# --- no session where PAM opens none
pam_is password=tree session=no
expect "no session" 255 "$(status_of person publickey true)"
wait_log '^PAM opened no session in process'

# --- by key: account and session; they end however the session did
pam_is password=tree
: >"$TMP/seen"
person publickey 'echo $$ >'"$TMP/eve/shell; exec sleep 1000" >/dev/null 2>&1 </dev/null &
client=$!
pids="$pids $client"
wait_for test -s "$TMP/eve/shell"
seen "account $EVE 127.0.0.1 " || fail "$(cat "$TMP/seen")"
seen "open $EVE 127.0.0.1 1" || fail "$(cat "$TMP/seen")"
kill -KILL "$(children "$SERVER" qsshd-net)"
wait_for seen "close $EVE 127.0.0.1 "
stop_server
no_process_stays() { [ -z "$(ours)" ]; }
wait_for no_process_stays

# --- what the auth modules have learned their session modules find; a login without a session leaves nobody
pam_is password=tree remember
say_answers tree
start_pam_server "AuthenticationMethods publickey,password keyboard-interactive publickey"
for how in keyboard-interactive publickey,password; do
	: >"$TMP/seen"
	[ "$how" = keyboard-interactive ] || {
		stop_server
		start_pam_server "AuthenticationMethods publickey,password"
	}
	expect "$how" hello "$(person "$how" 'echo hello' 2>"$TMP/err")"
	seen "remembered $EVE 127.0.0.1 tree" || fail "$how: $(cat "$TMP/seen")"
	wait_for seen "close $EVE 127.0.0.1 "
	wait_for seen "cred $EVE 127.0.0.1 delete"
	seen "descriptor $EVE 127.0.0.1 kept" || fail "what a module had opened was closed"
done
waits() { [ -n "$(children "$(children "$SERVER" qsshd-auth)" qsshd-pam)" ]; }
waits_not() { ! waits; }
wait_for waits_not
: >"$TMP/seen"
person publickey,password -N >/dev/null 2>&1 </dev/null &
client=$!
pids="$pids $client"
wait_for waits
kill -TERM "$(children "$client" qssh)" 2>/dev/null || kill -TERM "$client"
wait "$client" 2>/dev/null || :
wait_for waits_not
! seen "open $EVE 127.0.0.1 1" || fail "a session that nobody asked for"
stop_server

# --- a session that was killed is followed by another, of the same login
start_pam_server
: >"$TMP/seen"
person publickey -M -f -N -o "ControlPath=$TMP/ctl" || fail "master"
shared() { person publickey -o "ControlPath=$TMP/ctl" -o BatchMode=yes "$@"; }
expect "the first" 0 "$(status_of shared 'kill -KILL $PPID; sleep 1000' | sed s/255/0/)"
wait_for seen "close $EVE 127.0.0.1 "
wait_for shared 'test "$E2E_PAM"'
expect "sessions" 2 "$(grep -c '^open ' "$TMP/seen")"
expect "accounts" 1 "$(grep -c '^account ' "$TMP/seen")"
shared -O exit 2>/dev/null
stop_server

# --- the process that the log names is that of the modules: it ends the session, and closes it
start_pam_server
: >"$TMP/seen"
rm "$TMP/eve/shell"
person publickey 'echo $$ >'"$TMP/eve/shell; exec sleep 1000" >/dev/null 2>&1 </dev/null &
client=$!
pids="$pids $client"
wait_for test -s "$TMP/eve/shell"
kill -TERM "$(sed -n "s/^Starting session for $EVE from .*: process //p" "$SERVER_LOG" | tail -n 1)"
wait_for seen "close $EVE 127.0.0.1 "
wait_for gone "$(cat "$TMP/eve/shell")"
stop_server

# --- the modules of the system: the words of nologin, groups, limits
if [ -e /lib/x86_64-linux-gnu/security/pam_group.so ] || [ -e /lib/security/pam_group.so ]; then
	printf '%s;*;%s;Al0000-2400;games\n' "$SERVICE" "$EVE" >/etc/security/group.conf
	printf '%s hard nofile 77\n' "$EVE" >/etc/security/limits.d/e2e.conf
	cat >"/etc/pam.d/$SERVICE" <<-END
		auth required pam_group.so
		auth required pam_unix.so nodelay
		account required pam_nologin.so
		account required pam_unix.so
		session required pam_limits.so
	END
	has_password oak
	say_answers oak
	start_pam_server
	expect "groups and limits" "$EVE games 77" "$(person keyboard-interactive 'echo $(id -Gn) $(ulimit -Hn)' 2>"$TMP/err")"
	say_answers elm
	expect "wrong, by pam_unix" 255 "$(status_of person keyboard-interactive -o NumberOfPasswordPrompts=1 true)"
	say_answers oak
	echo 'closed for the winter' >/etc/nologin
	expect "nologin" 255 "$(status_of person keyboard-interactive -o NumberOfPasswordPrompts=1 true)"
	grep -q 'closed for the winter' "$TMP/err" || fail "nologin's words: $(cat "$TMP/err")"
	expect "nologin, by key" 255 "$(status_of person publickey true)"
	grep -q 'closed for the winter' "$TMP/err" || fail "nologin's words: $(cat "$TMP/err")"
	wait_log "^PAM: closed for the winter.* for $EVE\$"
	stop_server
fi
say "ok"
