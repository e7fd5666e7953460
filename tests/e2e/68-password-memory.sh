#!/bin/sh
# SPDX-License-Identifier: ISC
# Once somebody is in, the password is in nobody's memory: not the client's, nor any process of the server's.
# shellcheck source-path=SCRIPTDIR source=lib.sh
if [ -z "${QSP_E2E_MOUNTS:-}" ] && [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	QSP_E2E_MOUNTS=1 exec unshare -m --propagation private sh "$0"
fi
. "${QSP_SRC:?}/tests/e2e/lib.sh"
# shellcheck source=login.sh
. "$QSP_SRC/tests/e2e/login.sh"
command -v python3 >/dev/null || skip "no python3 to look through memory"
need_login_etc
PASSWORD=zebra-crossing-7731
has_password "$PASSWORD"
mkdir -p /etc/pam.d
for kind in auth account session password; do
	echo "$kind required pam_unix.so nodelay"
done >"/etc/pam.d/$SERVICE"

# looked_at PID: "clean NAME" or "found NAME"
cat >"$TMP/look.py" <<'END'
import sys

pid, secret = sys.argv[1], sys.argv[2].encode()
found = False
with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
    for line in maps:
        span, mode = line.split()[:2]
        if "r" not in mode or "[v" in line:
            continue
        lo, hi = (int(x, 16) for x in span.split("-"))
        mem.seek(lo)
        left, tail = hi - lo, b""
        while left:
            try:
                part = mem.read(min(left, 1 << 24))
            except OSError:
                break
            if not part:
                break
            found |= secret in tail + part
            tail, left = part[-len(secret):], left - len(part)
with open(f"/proc/{pid}/comm", encoding="utf-8") as comm:
    print("found" if found else "clean", comm.read().strip())
END
looked_at() { python3 "$TMP/look.py" "$1" "$PASSWORD"; }
expect "this shell knows it" "found sh" "$(looked_at $$)"

# All below a process.
offspring() {
	# shellcheck disable=SC2013 # numbers on one line
	for p in $(cat "/proc/$1/task/$1/children"); do
		echo "$p"
		offspring "$p"
	done
}
clean() {
	for p in "$@"; do
		it=$(looked_at "$p" 2>/dev/null || :)
		case $it in
		clean*) ;;
		'') wait_for gone "$p" ;;
		*) fail "$it, with UsePAM $pam, $method" ;;
		esac
	done
}

for pam in no yes; do
	[ $pam = no ] || [ -x "$QSP_BIN/qsshd-pam" ] || break
	start_server 'PasswordAuthentication yes' 'KbdInteractiveAuthentication yes' \
	    "UsePAM $pam" "PAMServiceName $SERVICE"
	grep -q -i "[at]san" "/proc/$SERVER/maps" && skip "a sanitizer keeps what is freed"
	for method in keyboard-interactive password; do
		say_answers "$PASSWORD"
		rm -f "$TMP/eve/here"
		person "$method" ': >here; exec sleep 1000' >/dev/null 2>"$TMP/err" </dev/null &
		client=$!
		pids="$pids $client"
		wait_for test -e "$TMP/eve/here"
		all_there() {
			processes="$SERVER $(offspring "$SERVER") $(offspring "$client")"
			[ "$(echo "$processes" | wc -w)" -ge 6 ]
		}
		wait_for all_there
		# shellcheck disable=SC2086 # numbers
		clean $processes
		# shellcheck disable=SC2046 # numbers
		kill $(offspring "$client") 2>/dev/null || :
		wait "$client" 2>/dev/null || :
	done
	stop_server
done
say "ok"
