#!/bin/sh
# SPDX-License-Identifier: ISC
#
# [P7.1] -C: fewer bytes on the wire, the same ones at the ends; over cuts, in copies and forwards;
# and where there is none.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${QSP_SRC:?}/tests/e2e/lib.sh"
# shellcheck source=cutter.sh
. "$QSP_SRC/tests/e2e/cutter.sh"
# shellcheck source=forward.sh
. "$QSP_SRC/tests/e2e/forward.sh"

make_user_key
start_server 'Shaping padding,stealth'
start_cutter 9
client true || fail "no login"
client_with '-C -v' true 2>"$TMP/err"
grep -q '^debug1: Compression: ' "$TMP/err" || skip "built without zstd: $(cat "$TMP/err")"

yes 'all work and no play makes jack a dull boy' | head -c 8000000 >"$TMP/text"
head -c 2000000 /dev/urandom >"$TMP/noise"

# carried N: at most so many bytes went to the server, and came from it, since the last time
carried() {
	net count
	both=$(sed -n 's/^carried //p' "$TMP/net.out" | tail -n 1)
	[ "${both% *}" -le "$1" ] && [ "${both#* }" -le "$1" ]
}

# both ways; the first round trip's worth may go as it is
carried 0 || :
client_with -C cat <"$TMP/text" >"$TMP/back" || fail "cat: $?"
cmp "$TMP/text" "$TMP/back" || fail 'not the same bytes'
carried 3500000 || fail "compressed: $both"
client_with '-C -o Compression=no' cat <"$TMP/noise" >"$TMP/back" || fail "noise: $?"
cmp "$TMP/noise" "$TMP/back" || fail 'noise: not the same bytes'
client_with '-o Compression=yes' "cat '$TMP/text' >&2" 2>"$TMP/back" </dev/null || fail "stderr: $?"
cmp "$TMP/text" "$TMP/back" || fail 'stderr: not the same bytes'
carried 5000000 || fail "stderr: $both"
client cat <"$TMP/text" >/dev/null || fail "plain: $?"
! carried 8000000 || fail "without -C: $both"

# the streams go on over cuts
net every 60000
client_with -C cat <"$TMP/text" >"$TMP/back" || fail "cuts: $?"
cmp "$TMP/text" "$TMP/back" || fail 'cuts: not the same bytes'
client_with -C cat <"$TMP/noise" >"$TMP/back" || fail "cuts in noise: $?"
cmp "$TMP/noise" "$TMP/back" || fail 'cuts in noise: not the same bytes'
resumed 10
net every 0

# copies, and forwards
carried 0 || :
"$QSP_BIN/qscp" -qC -F none -P "$PORT" -i "$KEY" -o BatchMode=yes \
    -o "UserKnownHostsFile=$KNOWN_HOSTS" "$TMP/text" "$USER_NAME@127.0.0.1:$TMP/copy" || fail 'qscp'
cmp "$TMP/text" "$TMP/copy" || fail 'qscp: not the same bytes'
carried 5000000 || fail "qscp: $both"
serve "$TMP/far.sock" count
forward "$TMP/f" -C -L "$TMP/near.sock:$TMP/far.sock"
expect 'forwarded' 8000000 "$(peer send "$TMP/near.sock" "$TMP/text")"
carried 3500000 || fail "forward: $both"
end_forward "$TMP/f"

# not where it would tell what is to be hidden, and not where the host does not want it
for how in --stealth --padding=burst; do
	client_with "-Cv $how" true 2>"$TMP/err" || fail "$how: $?"
	grep -q '^qssh: no compression: ' "$TMP/err" || fail "$how: $(cat "$TMP/err")"
done
stop_server
write_config 'Compression no'
run_server
client_with '-C -v' true 2>"$TMP/err" || fail "refused: $?"
grep -q '^debug1: Compression: refused by the host' "$TMP/err" || fail "$(cat "$TMP/err")"

say ok
