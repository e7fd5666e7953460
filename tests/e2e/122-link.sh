#!/bin/sh
# SPDX-License-Identifier: ISC
# A link: one connection in stealth, in which sessions and copies come and go, and the wire shows
# nothing of it; it comes back by itself, and ends when it is told to.
# shellcheck disable=SC1091,SC2119 # lib.sh is checked by itself; defaults
. "${QSP_SRC:?}/tests/e2e/lib.sh"
. "$QSP_SRC/tests/e2e/recording.sh"

make_user_key
start_server
client true || fail "exec of true"
write_client_config "HostKeyAlias recorded"
start_recorder
H=127.0.0.1
to() { "$QSP_BIN/qssh" -p "$(cat "$TMP/recorder")" "$@"; }
connections() { tail -n 1 "$TMP/wire" | cut -d ' ' -f 2; }
slots() { grep -c "^[0-9]* 0 < [1-9]" "$TMP/wire"; }
cells() { [ "$(grep -c "^[0-9]* $1 $2 [1-9]" "$TMP/wire")" -ge "$3" ]; }
up() { to -O check $H; }

# nothing to run in it; and what cannot be made is not tried again and again
expect "a command" 255 "$(status_of to --link $H true)"
expect "nobody there" 255 "$(status_of qssh --link -p 1 $H)"

expect "link" 0 "$(status_of to --link -v -E "$TMP/link.log" --budget=900 $H)"
wait_for up
pid=$(up 2>&1 | sed -n 's/.*pid=\([0-9]*\).*/\1/p')
pids="$pids $pid"
expect "twice" 0 "$(status_of to --link $H)"
grep -q 'up already' "$TMP/err" || fail "twice: $(cat "$TMP/err")"
wait_for cells 0 '<' 200
# what is written down of a host is written at the beginning, not when the link is first used
learned() { grep -q '^recorded .*k=' "$KNOWN_HOSTS"; }
wait_for learned

# sessions, one after another and together; a terminal; a copy; statuses
head -c 20000 /dev/urandom >"$TMP/in"
in_it() {
	expect "session" hello "$(to $H 'echo hello')"
	expect "status" 7 "$(status_of to $H 'exit 7')"
	expect "stealth" stealthy "$(to --stealth $H 'echo stealthy')"
	rm -f "$TMP/copy"
	"$QSP_BIN/qscp" -q -P "$(cat "$TMP/recorder")" "$TMP/in" "$H:$TMP/copy" || fail "qscp"
	cmp "$TMP/in" "$TMP/copy" || fail "copy"
	expect "connections so far" 0 "$(connections)"
}

# before and after the mark the wire is the same: slots of one cell, as many in a second
cat >"$TMP/judge.py" <<'END'
import sys
rows = [r.split() for r in open(sys.argv[1])]
begin, mark = int(sys.argv[2]), int(sys.argv[3])
for way in "<>":
    paces = []
    for part in rows[begin:mark], rows[mark:]:
        part = [(int(r[0]), int(r[3])) for r in part if r[2] == way]
        odd = [n for _, n in part if n % 768]
        assert not odd, f"{way}: {odd}"
        paces.append((part[-1][0] - part[0][0]) / (sum(n for _, n in part[1:]) / 768) / 1e6)
    # the budget's class from the first on: what follows the use would begin at 25
    if not (0.8 < paces[0] / paces[1] < 1.25 and 5 < paces[0] < 12.5):
        sys.exit(f"{way}: {paces} ms a cell")
END
# A machine that had no time for slots has a pace of its own; what sessions do to it they do each time.
begin=60
for attempt in 1 2 3 4 5; do
	mark=$(wc -l <"$TMP/wire")
	in_it
	wait_for cells 0 '<' $(($(slots) + 200))
	rc=$(status_of python3 "$TMP/judge.py" "$TMP/wire" "$begin" "$mark")
	! grep -q Error "$TMP/err" || fail "$(tail -n 1 "$TMP/err")"
	[ "$rc" != 0 ] || break
	say "attempt $attempt: $(cat "$TMP/err")"
	begin=$(wc -l <"$TMP/wire")
	wait_for cells 0 '<' $(($(slots) + 200))
done
expect "the same pace" '' "$(cat "$TMP/err")"

# one that is not in stealth does not stand in for one that is
to -fNM -S "$TMP/plain" $H || fail "a plain master"
expect "not by a plain one" stealthy "$(to -S "$TMP/plain" --stealth $H 'echo stealthy' 2>"$TMP/err")"
grep -q 'not in stealth' "$TMP/err" || fail "$(cat "$TMP/err")"
# nor one that is not padded; but it can be ended, whatever it lacks
expect "not by an unpadded one" padded \
    "$(to -S "$TMP/plain" --padding=burst $H 'echo padded' 2>"$TMP/err")"
grep -q 'is not padded' "$TMP/err" || fail "$(cat "$TMP/err")"
to -S "$TMP/plain" --padding=max -O exit $H 2>"$TMP/err" || fail "-O exit: $(cat "$TMP/err")"
to -fNM --padding=burst -S "$TMP/padded" $H || fail "a padded master"
expect "by a padded one" padded "$(to -S "$TMP/padded" --padding=burst $H 'echo padded' 2>"$TMP/err")"
[ ! -s "$TMP/err" ] || fail "$(cat "$TMP/err")"
expect "not by a less padded one" padded \
    "$(to -S "$TMP/padded" --padding=max $H 'echo padded' 2>"$TMP/err")"
grep -q 'is padded less' "$TMP/err" || fail "$(cat "$TMP/err")"
to -S "$TMP/padded" -O exit $H 2>/dev/null || fail "-O exit"
# nor one whose pace follows the use for one whose pace does not
to -fNM --stealth=adaptive -S "$TMP/adaptive" $H || fail "an adaptive master"
expect "not by an adaptive one" held "$(to -S "$TMP/adaptive" --stealth $H 'echo held' 2>"$TMP/err")"
grep -q 'pace follows the use' "$TMP/err" || fail "$(cat "$TMP/err")"
expect "by an adaptive one" shared \
    "$(to -S "$TMP/adaptive" --stealth=adaptive $H 'echo shared' 2>"$TMP/err")"
[ ! -s "$TMP/err" ] || fail "$(cat "$TMP/err")"
to -S "$TMP/adaptive" -O exit $H 2>/dev/null || fail "-O exit"

# the server goes, and comes back at the same place: so does the link, by itself
stop_server
sed -i "s/^Port .*/Port $SERVER_PORT/" "$SERVER_CONFIG"
run_server
wait_log 'Accepted publickey'
wait_for up
expect "pid" "$pid" "$(up 2>&1 | sed -n 's/.*pid=\([0-9]*\).*/\1/p')"
expect "again" again "$(to $H 'echo again')"
expect "logins" 1 "$(grep -c 'Accepted publickey' "$SERVER_LOG")"

# told to end it ends, and does not come back
to -O exit $H 2>/dev/null || fail "-O exit"
wait_for gone "$pid"
expect "its end" 255 "$(status_of to -O check $H)"

# one that began with a bridge line, whose secret nobody sees any more, comes back too
print=$(qssh-keygen -l -f "$TMP/host_key" | grep -o 'SHA3:[^ ]*')
id=$(printf '%s=' "${print#SHA3:}" | base64 -d | od -An -v -tx1 | tr -d ' \n')
secret=$(sed -n 's/^current [^ ]* //p' "$TMP/host_key.secret")
: >"$SERVER_LOG"
"$QSP_BIN/qssh" --link "qsp://$H:$(cat "$TMP/recorder")?id=$id&k=$secret" || fail "a link by a bridge line"
wait_for up
stop_server
run_server
wait_log 'Accepted publickey'
wait_for up
to -O exit $H 2>/dev/null || fail "-O exit"
say "ok"
