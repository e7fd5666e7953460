#!/bin/sh
# SPDX-License-Identifier: ISC
# ChrootDirectory: the built-in sftp server inside, nothing of the outside, and folders that others could
# change refused. In a mount namespace of its own, with a small file system as the place.
# shellcheck disable=SC1091,SC2119 # lib.sh is checked by itself; make_user_key has its defaults
if [ -z "${QSP_E2E_MOUNTS:-}" ] && [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	QSP_E2E_MOUNTS=1 exec unshare -m --propagation private sh "$0"
fi
. "${QSP_SRC:?}/tests/e2e/lib.sh"
[ -n "${QSP_E2E_MOUNTS:-}" ] || skip "needs root and mount namespaces"
command -v sftp >/dev/null || skip "OpenSSH's sftp is not installed"
mount -t tmpfs -o mode=755,size=16m none /mnt || skip "cannot mount on /mnt"

make_user_key
mkdir -p "/mnt/jail/$USER_NAME/files"
echo inside >"/mnt/jail/$USER_NAME/files/x"

run_sftp() {
	printf '%s\n' "$@" >"$TMP/batch"
	sftp -q -S "$QSP_BIN/qssh" -P "$PORT" -F none -i "$KEY" -o BatchMode=yes \
	    -o StrictHostKeyChecking=accept-new -o "UserKnownHostsFile=$KNOWN_HOSTS" \
	    -o ConnectTimeout=60 -b "$TMP/batch" "$USER_NAME@127.0.0.1" >"$TMP/out" 2>"$TMP/err"
}

start_server 'ChrootDirectory /mnt/jail/%u'
run_sftp "get /files/x $TMP/x" 'cd /files' pwd 'ls -l' 'ls /' 'put -p '"$TMP/batch"' new' ||
	fail "sftp in the chroot: $(cat "$TMP/err")"
expect "the file inside" inside "$(cat "$TMP/x")"
grep -q 'Remote working directory: /files' "$TMP/out" || fail "pwd: $(cat "$TMP/out")"
[ -s "/mnt/jail/$USER_NAME/files/new" ] || fail "put"
! run_sftp 'ls /etc' || fail "the outside is seen"
! run_sftp "get /files/../../../../..$TMP/batch $TMP/y" || fail "the outside is reached"
# there is no shell in there
expect "a command" 127 "$(status_of client true)"
stop_server

bad() {
	[ "$(status_of client true)" = 255 ] || fail "a session in $1"
	wait_log "no session for user $USER_NAME: .*$2"
	stop_server
}
start_server 'ChrootDirectory /mnt/jail/none'
bad "a folder that is not there" 'No such file'
chmod 777 /mnt/jail
start_server 'ChrootDirectory /mnt/jail/%u'
bad "a folder below one that all may write" '/mnt/jail: is writable for others than root'
chmod 755 /mnt/jail
chown 1 "/mnt/jail/$USER_NAME"
start_server 'ChrootDirectory /mnt/jail/%u'
bad "another's folder" 'does not belong to root'
start_server 'ChrootDirectory /mnt/%x'
bad "a path with an unknown token" 'unknown token'

# --- /etc/nologin is that of the system, which the session cannot see
cp -a /etc "$TMP/etc"
echo 'qsptest:x:4711:4711::/files:/bin/sh' >>"$TMP/etc/passwd"
echo 'closed for today' >"$TMP/etc/nologin"
mount --bind "$TMP/etc" /etc || skip "cannot bind over /etc"
chmod 755 "$TMP"
chmod 644 "$TMP/authorized_keys"
chown root "/mnt/jail/$USER_NAME"
mkdir -p /mnt/jail/qsptest/files
start_server 'ChrootDirectory /mnt/jail/%u' 'ForceCommand internal-sftp'
expect "root in spite of nologin" 0 "$(status_of client true)"
USER_NAME=qsptest
expect "nologin" 254 "$(status_of client true)"
expect "nologin's words" 'closed for today' "$(cat "$TMP/err")"
rm /etc/nologin
expect "without it" 0 "$(status_of client true)"
say "ok"
