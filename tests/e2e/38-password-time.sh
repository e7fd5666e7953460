#!/bin/sh
# SPDX-License-Identifier: ISC
# What a wrong password costs the server tells nobody apart: one who is there, one whose account is locked, one
# who is not there. Counted is the processor's time, so a busy machine changes nothing.
# shellcheck disable=SC1091 # lib.sh is checked by itself
if [ -z "${QSP_E2E_MOUNTS:-}" ] && [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	QSP_E2E_MOUNTS=1 exec unshare -m --propagation private sh "$0"
fi
. "${QSP_SRC:?}/tests/e2e/lib.sh"
. "${QSP_SRC:?}/tests/e2e/login.sh"
need_login_etc

# yescrypt, as Debian has it; for this test a costly SHA-512 does, which every crypt(3) knows
hash="\$6\$rounds=100000\$qspqspqsp\$x"
{
	printf '%s:%s:19000:0:99999:7:::\n' root "$hash" "$EVE" "$hash"
	printf '%s:%s:19000:0:99999:7:::\n' qsplocked '*' qspnone '!!'
} >/etc/shadow
chmod 600 /etc/shadow
for who in qsplocked qspnone; do
	printf '%s:x:54322:54322::%s:/bin/sh\n' "$who" "$TMP/eve" >>/etc/passwd
done
start_server 'PasswordAuthentication yes'
say_answers wrong

# ticks of qsshd-auth for six wrong passwords
cost() {
	auth=$(children "$SERVER" qsshd-auth)
	before=$(sed 's/.*) //' "/proc/$auth/stat" | cut -d ' ' -f 12)
	expect "a wrong password of $1" 255 \
	    "$(LOGIN=$1 status_of person password -o NumberOfPasswordPrompts=6 true)"
	after=$(sed 's/.*) //' "/proc/$auth/stat" | cut -d ' ' -f 12)
	echo $((after - before))
}
# A machine that shares its processors may count others' time too: then once more. A difference stays.
same() {
	for _ in 1 2 3 4 5; do
		real=$(cost "$EVE")
		got=$(cost "$1")
		[ "$real" -ge 10 ] || fail "a password costs $real ticks: too few to compare"
		if [ $((2 * got)) -ge "$real" ] && [ "$got" -le $((2 * real)) ]; then
			return
		fi
	done
	fail "a password of $1 costs $got ticks, of $EVE $real"
}
for who in qsplocked nosuchuser; do
	same "$who"
done
say "ok"
