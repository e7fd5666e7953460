#!/bin/sh
# SPDX-License-Identifier: ISC
#
# [P4.7] What shares a connection survives with it: sessions by way of a master, forwards both ways;
# copies of files; stealth, which is asked for anew.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${QSP_SRC:?}/tests/e2e/lib.sh"
# shellcheck source=cutter.sh
. "$QSP_SRC/tests/e2e/cutter.sh"
# shellcheck source=forward.sh
. "$QSP_SRC/tests/e2e/forward.sh"

make_user_key
start_server 'Shaping stealth'
start_cutter 3
client true || fail "no login"
head -c 3000000 /dev/urandom >"$TMP/data"

# a master with two sessions and two forwards, cut while all of them carry something
serve "$TMP/far.sock" echo
CLIENT_OPTIONS="-M -N -S $TMP/sock -L $TMP/near.sock:$TMP/far.sock -R $TMP/back.sock:$TMP/far.sock" \
    client </dev/null 2>"$TMP/master.err" &
master=$!
pids="$pids $master"
wait_for test -S "$TMP/sock"
wait_for test -S "$TMP/near.sock"
wait_for test -S "$TMP/back.sock"
mkfifo "$TMP/in"
CLIENT_OPTIONS="-S $TMP/sock" client cat <"$TMP/in" >"$TMP/said" &
quiet=$!
exec 8>"$TMP/in"
echo one >&8
wait_for grep -qx one "$TMP/said"
net every 700000
net cut
resumed 1
echo two >&8
CLIENT_OPTIONS="-S $TMP/sock" client cat <"$TMP/data" >"$TMP/copy" || fail "a shared session: $?"
cmp "$TMP/data" "$TMP/copy" || fail 'a shared session: not the same bytes'
for where in near back; do
	expect "by way of $where" "hello $where" "$(peer talk "$TMP/$where.sock" "hello $where")"
done
exec 8>&-
wait "$quiet" || fail "a quiet session: $?"
expect 'what it said' 'one two' "$(tr '\n' ' ' <"$TMP/said" | sed 's/ $//')"
resumed 4
CLIENT_OPTIONS="-S $TMP/sock -O exit" client 2>/dev/null || fail '-O exit'
wait "$master" || :

# files, there and back
copy() {
	"$QSP_BIN/qscp" -q -F none -P "$PORT" -i "$KEY" -o BatchMode=yes \
	    -o "UserKnownHostsFile=$KNOWN_HOSTS" "$@" || fail "qscp: $?"
}
copy "$TMP/data" "$USER_NAME@127.0.0.1:$TMP/there"
copy "$USER_NAME@127.0.0.1:$TMP/there" "$TMP/here"
cmp "$TMP/data" "$TMP/here" || fail 'qscp: not the same bytes'

# by way of a hop that dies: another one is started
cat >"$TMP/hop" <<END
#!/bin/sh
exec '$QSP_BIN/qssh' -F none -p $SERVER_PORT -i '$KEY' -o BatchMode=yes -o HostKeyAlias=hop \\
    -o StrictHostKeyChecking=accept-new -o 'UserKnownHostsFile=$KNOWN_HOSTS' \\
    -W 127.0.0.1:$SERVER_PORT 127.0.0.1
END
chmod +x "$TMP/hop"
rm -f "$TMP/in"
mkfifo "$TMP/in"
before=$(log_count 'Resumed user')
CLIENT_OPTIONS="-o ProxyCommand=$TMP/hop" client cat <"$TMP/in" >"$TMP/said.hop" &
far=$!
pids="$pids $far"
exec 8>"$TMP/in"
echo one >&8
wait_for grep -qx one "$TMP/said.hop"
kill -KILL "$(children "$(children "$far" qssh)" qssh)"
resumed $((before + 1))
echo two >&8
wait_for grep -qx two "$TMP/said.hop"
exec 8>&-
wait "$far" || fail "by way of a hop: $?"

# whoever asks for stealth has it after a cut too, and never less
net every 0
before=$(log_count 'Resumed user')
rm -f "$TMP/in"
mkfifo "$TMP/in"
CLIENT_OPTIONS='-v -o Stealth=yes' client cat <"$TMP/in" >"$TMP/said.stealth" 2>"$TMP/err" &
hidden=$!
pids="$pids $hidden"
exec 8>"$TMP/in"
echo one >&8
wait_for grep -qx one "$TMP/said.stealth"
net cut
resumed $((before + 1))
echo two >&8
wait_for grep -qx two "$TMP/said.stealth"
shaped() { [ "$(grep -c 'Shaping: stealth' "$TMP/err")" -ge "$1" ]; }
wait_for shaped 2
kill -KILL "$(children "$hidden" qssh)" 2>/dev/null || :
exec 8>&-

say ok
