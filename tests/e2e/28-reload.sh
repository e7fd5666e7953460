#!/bin/sh
# SPDX-License-Identifier: ISC
# shellcheck disable=SC2119,SC2034 # make_user_key has its defaults; lib.sh uses variables
# Reloads at bad moments and of files that have moved, and a qsshd-net that no longer listens to qsshd.
. "${QSP_SRC:?}/tests/e2e/lib.sh"

make_user_key

# --- a link to the configuration that leads elsewhere now
SERVER_LOG=$TMP/qsshd.log
mkdir "$TMP/one" "$TMP/two"
SERVER_CONFIG=$TMP/one/conf
write_config "PidFile $TMP/pid.one"
SERVER_CONFIG=$TMP/two/conf
write_config "PidFile $TMP/pid.two"
ln -s "$TMP/one" "$TMP/now"
SERVER_CONFIG=$TMP/now/conf
run_server
[ -s "$TMP/pid.one" ] || fail "no pid file"
ln -sfn "$TMP/two" "$TMP/now"
kill -HUP "$SERVER"
wait_for test -s "$TMP/pid.two"
[ ! -e "$TMP/pid.one" ] || fail "the pid file of before stays"

# --- a reload while another is on its way is one more
i=0
while [ $i -lt 12 ]; do
	i=$((i + 1))
	sed "s|^PidFile.*|PidFile $TMP/pid.first.$i|" "$TMP/one/conf" >"$TMP/two/conf.new"
	mv "$TMP/two/conf.new" "$TMP/two/conf"
	kill -HUP "$SERVER"
	sed "s|^PidFile.*|PidFile $TMP/pid.last.$i|" "$TMP/one/conf" >"$TMP/two/conf.new"
	mv "$TMP/two/conf.new" "$TMP/two/conf"
	kill -HUP "$SERVER"
	wait_for test -s "$TMP/pid.last.$i"
done

# --- a session's process, as the log names it, can be ended
client "echo \$\$ >$TMP/shell; exec sleep 1000" >"$TMP/out" 2>"$TMP/err" </dev/null &
login=$!
pids="$pids $login"
wait_for test -s "$TMP/shell"
kill -TERM "$(sed -n "s/^Starting session for $USER_NAME from .*: process //p" "$SERVER_LOG" | tail -n 1)"
wait_for gone "$(cat "$TMP/shell")"
wait "$login" && fail "its client knows nothing of that"
rm "$TMP/shell"

# --- a session that waits for its client ends by a reload
client "echo \$\$ >$TMP/shell; exec sleep 1000" >"$TMP/out" 2>"$TMP/err" </dev/null &
login=$!
pids="$pids $login"
wait_for test -s "$TMP/shell"
kill -KILL "$(children "$login" qssh)"
wait "$login" 2>/dev/null || :
wait_log "^Detached user $USER_NAME "
alive "$(cat "$TMP/shell")" || fail "it does not wait"
kill -HUP "$SERVER"
wait_for gone "$(cat "$TMP/shell")"
wait_log "^Detached session of user $USER_NAME ended: the configuration was reloaded"

# --- a file that has gone: said, and nothing changes
rm "$TMP/two/conf"
kill -HUP "$SERVER"
wait_log "now/conf: No such file"
wait_log 'the old one stays'
client true || fail "login after a reload without a file"
stop_server

# --- the same for the default file, which need not be there at the start
as_user=
[ "$(id -u)" != 0 ] || as_user='setpriv --reuid 1 --regid 1 --clear-groups'
sed -e "s|$TMP/pid.one|none|" -e "s|$TMP/host_key|$HOME/.qssh/host_key|" "$TMP/one/conf" \
	>"$HOME/.qssh/qsshd_config"
[ "$(id -u)" != 0 ] || { chmod 755 "$TMP" && chown -hR 1 "$HOME"; }
# shellcheck disable=SC2086 # nothing, or a program and its arguments
$as_user env QSP_E2E="$TMP" "$QSP_BIN/qsshd" -D -E "$HOME/log" </dev/null &
SERVER=$!
pids="$pids $SERVER"
SERVER_LOG=$HOME/log
wait_for test -s "$SERVER_LOG"
wait_log '^Server listening on '
rm "$HOME/.qssh/qsshd_config"
kill -HUP "$SERVER"
wait_log 'the old one stays'
[ ! -e "$HOME/.qssh/qsshd.pid" ] || fail "it went on with the defaults"
stop_server

# --- a qsshd-net that is stuck: qsshd ends it and starts another, and stays at work itself
start_server 'Workers 64' 'Shaping none'
net=$(children "$SERVER" qsshd-net)
kill -STOP "$net"
# another one, which has all its links: each of them was told to qsshd-net, too
new_auth() {
	auth=$(children "$SERVER" qsshd-auth)
	[ -n "$auth" ] && [ "$auth" != "$1" ] && [ "$(find "/proc/$auth/fd" -type l | wc -l)" -gt 64 ]
}
auth=
while alive "$net"; do
	wait_for new_auth "$auth"
	kill -KILL "$auth"
done
wait_log "process $net does not obey"
wait_log "qsshd-net ended with signal 9"
wait_for client true
stop_server
say "ok"
