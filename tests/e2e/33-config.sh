#!/bin/sh
# SPDX-License-Identifier: ISC
# Files and options of qssh: who wins, what is printed, what is refused.
# shellcheck disable=SC1091,SC2016 # lib.sh is checked by itself; some text is for other shells
. "${QSP_SRC:?}/tests/e2e/lib.sh"

conf=$HOME/.qssh/config
# value KEYWORD [ARG]...: what -G prints for it
value() {
	keyword=$1
	shift
	qssh -G "$@" | sed -n "s/^$keyword //p"
}

mkdir "$HOME/.qssh/conf.d"
printf 'Host inc*\n\tPort 5\n' >"$HOME/.qssh/conf.d/a.conf"
cat >"$conf" <<'END'
# general things stand at the end
Include conf.d/*.conf
Host alias
	HostName real.example
	User first
	Port 1022
Match originalhost alias user first
	ConnectTimeout 7
Match host real.example
	SetEnv A=1
Host *.example !bad.example
	User ex
Host *
	User last
	IdentityFile ~/%h-%r
	ServerAliveInterval=1m
	IgnoreUnknown UseKeychain,Foo*
	UseKeychain yes
	ForwardAgent no
END
expect host real.example "$(value hostname alias)"
expect user first "$(value user alias)"
expect "first wins" 1022 "$(value port alias)"
expect "option wins" 9 "$(value port -p 9 alias)"
expect "-o wins" 8 "$(value port -o Port=8 alias)"
expect match 7 "$(value connecttimeout alias)"
expect setenv A=1 "$(value setenv alias)"
expect include 5 "$(value port include)"
expect negated last "$(value user bad.example)"
expect pattern ex "$(value user good.example)"
expect "user@" me "$(value user me@good.example)"
expect "-l" me "$(value user -l me good.example)"
expect "ssh://" '22 u h.example' \
    "$(qssh -G ssh://u@h.example:22 | awk '/^(port|user|hostname) / { v[$1] = $2 }
	END { print v["port"], v["user"], v["hostname"] }')"
expect "seconds" 60 "$(value serveraliveinterval alias)"
expect "-F none" 8022 "$(value port -F none alias)"
expect "-v" debug2 "$(value loglevel -vv alias)"

# said twice: the last counts where an alias may hold the first, as with ssh, and -o stands behind it
expect "-A -a" no "$(value forwardagent -F none -A -a alias)"
expect "-o -A" yes "$(value forwardagent -F none -o ForwardAgent=no -A alias)"
expect "-a -o" no "$(value forwardagent -F none -a -o ForwardAgent=yes alias)"
expect "-4 -6" inet6 "$(value addressfamily -F none -4 -6 alias)"
expect "-t -T" no "$(value requesttty -F none -t -T alias)"
expect "-T -t" yes "$(value requesttty -F none -T -t alias)"
expect "-t -t" force "$(value requesttty -F none -t -t alias)"
expect "-ttt" force "$(value requesttty -F none -ttt alias)"
expect "-M -M" ask "$(value controlmaster -F none -M -M alias)"
expect "-e -e" none "$(value escapechar -F none -e a -e none alias)"
expect "-b -b" ::1 "$(value bindaddress -F none -b 127.0.0.1 -b ::1 alias)"
expect "-S -S" /b "$(value controlpath -F none -S /a -S /b alias)"
expect "-q -v" debug1 "$(value loglevel -F none -q -v alias)"
expect "-o LogLevel -v" debug1 "$(value loglevel -F none -o LogLevel=error -v alias)"
expect "-v -q" quiet "$(value loglevel -F none -v -q alias)"
expect "-p -p" 3 "$(value port -F none -p 3 -p 4 alias)"
expect "-l -l" a "$(value user -F none -l a -l b c@alias)"
expect "quotes" 'a "b" \c\\d' "$(value user -F none -l 'a "b" \c\\d' alias)"
expect "options behind the host" 12 "$(value port alias -p 12)"
expect "command" 'a  b' "$(value remotecommand alias 'a  b')"
expect "-- ends options" '-p 1' "$(value remotecommand -- alias -p 1)"

# as programs call it: scp -S, sftp -S, git, rsync
expect "as sftp does" 0 "$(status_of qssh -G -x -oForwardAgent=no -oPermitLocalCommand=no \
    -oClearAllForwardings=yes -l user -s -- host sftp)"

refused() {
	expect "${1:-the file}" 255 "$(status_of qssh -G "$@" host)"
	grep -q -e "$message" "$TMP/err" || fail "$*: $(cat "$TMP/err")"
}
message='ForwardX11: an OpenSSH option that this version of qssh does not have'
refused -o ForwardX11=yes
message='Bad configuration option: Nonsense'
refused -F none -o Nonsense=1
message='Port: unsupported value "x"'
refused -p x
message='bad destination: host/path'
expect "a path" 255 "$(status_of qssh -G ssh://host/path)"
grep -q "$message" "$TMP/err" || fail "a path: $(cat "$TMP/err")"
expect "an empty path" host "$(value hostname ssh://host/)"
expect "no questions" 0 "$(value numberofpasswordprompts -o NumberOfPasswordPrompts=0 host)"
expect "no command" '' "$(value remotecommand host '')"
expect "-C" "compression yes" "$(qssh -F none -G -C host | grep '^compression')"
expect "ResumeTimeout" "resumetimeout 90" "$(qssh -F none -G -o ResumeTimeout=1m30s host | grep '^resumet')"
for o in --qkd --qkd-only --policy=high -X -Y; do
	message="^qssh: ${o%%[ =]*}.*this version does not have it"
	# shellcheck disable=SC2086 # an option and its value
	refused $o
done

printf 'Host x\n\tTunnel yes\n' >"$TMP/bad"
chmod 600 "$TMP/bad"
message="^$TMP/bad line 2: Tunnel: an OpenSSH option"
refused -F "$TMP/bad"
printf 'Port\n' >"$TMP/bad"
message="^$TMP/bad line 1: Port: missing argument"
refused -F "$TMP/bad"
# who else may write a file that is found by itself, or included, is asked; of one that is named, it is not
printf 'Port 77\n' >"$TMP/bad"
chmod 666 "$TMP/bad"
expect "-F of a file for all" 77 "$(value port -F "$TMP/bad" host)"
expect "-F of a pipe" 78 "$(echo Port 78 | value port -F /dev/stdin host)"
printf 'Include %s\n' "$TMP/bad" >"$TMP/around"
message="Bad owner or permissions on $TMP/bad"
refused -F "$TMP/around"
mv "$conf" "$TMP/kept"
cp "$TMP/bad" "$conf"
chmod 666 "$conf"
message="Bad owner or permissions on $conf"
refused
mv "$TMP/kept" "$conf"
message="Can't open user config file"
refused -F "$TMP/none"

qssh -V 2>&1 >/dev/null | grep -q '^QSP_.*OpenSSL' || fail "-V"
qssh -Q kem | grep -qx mlkem1024x25519 || fail "-Q kem"
qssh -Q sig | grep -qx ml-dsa-65 || fail "-Q sig"
qssh -Q aead | grep -qx chacha20-poly1305 || fail "-Q aead"
qssh -Q key | grep -qx mlkem768x25519 || fail "-Q key"
expect "-Q nonsense" 255 "$(status_of qssh -Q nonsense)"

# and it counts for a call
make_user_key
start_server
cat >"$conf" <<END
Host here
	HostName 127.0.0.1
	Port $PORT
	User $USER_NAME
	IdentityFile ~/.qssh/id_kyber768
	StrictHostKeyChecking accept-new
	SendEnv QSP_E2E_*
Host cmd
	HostName 127.0.0.1
	Port $PORT
	User $USER_NAME
	RemoteCommand echo %h %p %n %%
	HostKeyAlias here
	StrictHostKeyChecking accept-new
END
expect "by alias" ok "$(qssh -o BatchMode=yes here echo ok 2>/dev/null)"
expect "RemoteCommand" "127.0.0.1 $PORT cmd %" "$(qssh -o BatchMode=yes cmd 2>/dev/null)"
qssh -o BatchMode=yes -E "$TMP/diagnostics" -v here true 2>"$TMP/err"
expect "-E leaves stderr alone" '' "$(cat "$TMP/err")"
grep -q '^debug1: ' "$TMP/diagnostics" || fail "-E wrote nothing"
