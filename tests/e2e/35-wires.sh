#!/bin/sh
# SPDX-License-Identifier: ISC
# Every cipher, on both wires, with both KEMs: data goes both ways unchanged.
# shellcheck disable=SC1091,SC2034 # lib.sh is checked by itself; some text is for other shells
. "${QSP_SRC:?}/tests/e2e/lib.sh"

make_user_key
head -c 3000000 /dev/urandom >"$TMP/data"
for wire in cell frame; do
	for kem in kyber768 kyber1024; do
		rm -f "$TMP"/host_key* "$KNOWN_HOSTS"
		qssh-keygen -q -t $kem -N '' -f "$TMP/host_key" </dev/null >/dev/null
		start_server "Wire $wire"
		for aead in $(qssh -Q aead); do
			# the first contact is layout T, the next one K
			for contact in first next; do
				CLIENT_OPTIONS="-c $aead -o Wire=$wire -o Kem=$kem"
				client cat <"$TMP/data" >"$TMP/back" 2>"$TMP/err" ||
					fail "$wire $kem $aead $contact: $(cat "$TMP/err")"
				cmp -s "$TMP/data" "$TMP/back" ||
					fail "$wire $kem $aead $contact: data changed"
			done
			rm -f "$KNOWN_HOSTS"
		done
		stop_server
	done
done

# the other wire is not spoken: silence, and a word about it
start_server 'Wire cell'
expect "wrong wire" 255 "$(status_of qssh -F none -p "$PORT" -i "$KEY" -o BatchMode=yes \
    -o "UserKnownHostsFile=$KNOWN_HOSTS" -o Wire=frame -o ConnectTimeout=1 127.0.0.1 true)"
grep -q 'speaks another wire format' "$TMP/err" || fail "$(cat "$TMP/err")"
