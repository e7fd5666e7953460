#!/bin/sh
# SPDX-License-Identifier: ISC
# What passes on the wire in stealth: whole cells at the class's pace and nothing else, whether anything
# is done or not, and after the end as before it [P8.9]; nobody waits for that end, and it holds nothing.
# shellcheck disable=SC1091,SC2034,SC2119 # lib.sh is checked by itself, and reads what is set here
. "${QSP_SRC:?}/tests/e2e/lib.sh"
. "$QSP_SRC/tests/e2e/recording.sh"

make_user_key
start_server
client true || fail "exec of true"

# Every connection from here on passes the recorder.
start_recorder
CLIENT_OPTIONS="-o HostKeyAlias=recorded"

# judge CONNECTION CLASS: what does not fit of a connection, behind the handshake
cat >"$TMP/judge.py" <<'END'
import sys
which, mean_ms, cells, least_s = sys.argv[2], float(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])
slot = 768 * cells
for way in "<>":
    rows = [r.split() for r in open(sys.argv[1])]
    rows = [(int(r[0]), int(r[3])) for r in rows if r[1] == which and r[2] == way]
    # the handshake and the login: to the first piece that is a slot, and 15 more pieces
    first = next(i for i, r in enumerate(rows) if r[1] == slot and i > 3) + 15
    rows = [r for r in rows[first:] if r[1]]
    odd = [r[1] for r in rows if r[1] % slot]
    assert not odd, f"{way}: pieces that are no slots: {odd}"
    alone = sum(r[1] == slot for r in rows) / len(rows)
    assert alone > 0.7, f"{way}: only {alone} of the pieces are single slots"
    span = (rows[-1][0] - rows[0][0]) / 1e9
    assert span >= least_s, f"{way}: seen for {span} s only"
    pace = span * 1000 / (sum(r[1] for r in rows[1:]) / slot)
    assert 0.8 * mean_ms < pace < 1.25 * mean_ms, f"{way}: a slot each {pace} ms, not {mean_ms}"
    gaps = sorted(b[0] - a[0] for a, b in zip(rows, rows[1:]) if b[1] == slot)
    wide = gaps[len(gaps) * 9 // 10] / gaps[len(gaps) // 10]
    assert wide > 1.3, f"{way}: gaps are too regular"
END
judge() { python3 "$TMP/judge.py" "$TMP/wire" "$@" 2>"$TMP/err" || fail "connection $1: $(tail -n 1 "$TMP/err")"; }
cells() { [ "$(grep -c "^[0-9]* $1 $2 [1-9]" "$TMP/wire")" -ge "$3" ]; }
over() { [ "$(grep -c "^[0-9]* $1 [<>] 0\$" "$TMP/wire")" -ge 1 ]; }

# idle, then typing, then output, at the same pace
client --stealth sh -c '"sleep 2; seq 1 300; read x; seq 1 100"' >"$TMP/out" <<END
x
END
expect "output" 400 "$(wc -l <"$TMP/out" | tr -d ' ')"
# a program that ends at once; and its end is not the wire's
expect "status" 9 "$(status_of client --stealth 'exit 9')"
# the first ones that linger do so for a minute on average: one of them is seen for a while
still() { ! over 0 || ! over 1; }
lingers() {
	for c in 0 1; do
		over $c || cells $c '<' 150 && return 0
	done
	return 1
}
still && wait_for lingers
judge 0 25 1 2

# many cells a slot
client --stealth --budget=4000 'sleep 1; head -c 100000 /dev/zero' >"$TMP/out" || fail "class 3"
expect "output" 100000 "$(wc -c <"$TMP/out" | tr -d ' ')"
judge 2 6.25 4 1

# none of which is so without stealth: the judge can tell
client 'sleep 1; seq 1 30; sleep 1; seq 1 30' >"$TMP/out" || fail "plain"
! python3 "$TMP/judge.py" "$TMP/wire" 3 25 1 1 2>"$TMP/err" || fail "the judge finds plain to be stealth"

# a spoiled cell, and the end that follows from it, show in nothing: slots go on in both directions;
# seldom the end is drawn so near that it is not seen
next=4
started() { [ -n "$(children "$1" qssh)" ] || [ "$(cat "/proc/$1/comm")" = qssh ]; }
# spoil SECONDS: of ResumeTimeout; much waits at the server all the time
spoil() {
	client --stealth -o ResumeTimeout="$1" 'yes' >"$TMP/out" 2>"$TMP/err" &
	spoilt=$!
	wait_for started "$spoilt"
	pids="$pids $spoilt $(children "$spoilt" qssh)"
	wait_for cells $next '<' 80 # by then it has what it takes to resume
	echo "flip $next" >&7
	first=$(grep -c "^[0-9]* $next > [1-9]" "$TMP/wire")
	went_on() { over $next || { cells $next '>' $((first + 60)) && cells $next '<' $((first + 60)); }; }
	wait_for went_on
	over $next && done=false || done=true
	if [ "$1" -gt 0 ]; then # the session goes on over another connection, in stealth again
		wait_for cells $((next + 1)) '<' 80
		wait_for cells $((next + 1)) '>' 80
		judge $((next + 1)) 25 1 1
		# and nothing that waited has left before that
		early=$(awk -v c=$((next + 1)) '$2 == c && $3 == ">" && n++ < 80 { sum += $4 }
			END { print sum }' "$TMP/wire")
		[ "$early" -lt 100000 ] || fail "resumed with a burst: $early bytes"
	fi
	# shellcheck disable=SC2046 # one or none
	kill $(children "$spoilt" qssh) 2>/dev/null || :
	wait "$spoilt" || :
	next=$(cut -d ' ' -f 2 "$TMP/wire" | sort -n | tail -n 1)
	next=$((next + 1))
	$done
}
spoil 0 || spoil 0 || spoil 0 || fail "a bad cell ends the connection"
log_has 'did not decrypt' || fail "the cell was not spoiled"
spoil 60 || spoil 60 || spoil 60 || fail "a bad cell ends the connection that is resumed elsewhere"
log_has 'connection was lost' || fail "the cell was not spoiled"

# whoever waits for the output of qssh has it when qssh ends, not a minute later
begun=$(date +%s)
expect "captured" text "$(client --stealth 'echo text' 2>&1)"
[ $(($(date +%s) - begun)) -lt 10 ] || fail "qssh's end was waited for"

# and what goes on has the socket alone: no terminal, no pipe, no folder
mine() {
	for p in /proc/[0-9]*; do
		if [ "$(cat "$p/comm" 2>/dev/null)" = qssh ] &&
		    { tr '\0' '\n' <"$p/environ"; } 2>/dev/null | grep -qx "HOME=$HOME"; then
			printf '%s\n' "${p#/proc/}"
		fi
	done
}
found=
for _ in 1 2 3 4 5; do
	client --stealth true || fail "stealth"
	for p in $(mine); do
		found=$p
		for fd in "/proc/$p/fd"/*; do
			case $(readlink "$fd") in
			'' | /dev/null | socket:* | anon_inode:*) ;;
			pipe:*) [ "${fd##*/}" -gt 2 ] || fail "a lingering process holds $(readlink "$fd")" ;;
			*) fail "a lingering process holds $(readlink "$fd")" ;;
			esac
		done
		case $(readlink "/proc/$p/cwd") in
		/ | '') ;;
		*) fail "a lingering process stays in $(readlink "/proc/$p/cwd")" ;;
		esac
	done
	[ -z "$found" ] || break
done
[ -n "$found" ] || fail "nothing lingers"

# with the server all of it ends
stop_server
left() { [ -z "$(mine)" ]; }
wait_for left
say "ok"
