#!/bin/sh
# SPDX-License-Identifier: ISC
# qssh-copy-id: which keys go, only those that are not there, with the right modes; what a dry run
# and force do; whatever is in the file before.
# shellcheck disable=SC1091 # lib.sh is checked by itself
. "${QSP_SRC:?}/tests/e2e/lib.sh"

err_has() { grep -q -e "$1" "$TMP/err" || fail "no '$1' in: $(cat "$TMP/err")"; }
out_has() { grep -q -e "$1" "$TMP/out" || fail "no '$1' in: $(cat "$TMP/out")"; }

# the account's home is one of our own; the key that is there already opens the door
far=$TMP/far
mkdir -m 755 "$far"
auth=$far/.qssh/authorized_keys
make_user_key kyber768 "$TMP/door"
start_server "SetEnv HOME=$far" "AuthorizedKeysFile $TMP/authorized_keys $auth"
copy() {
	status_of qssh-copy-id "$@" -p "$PORT" -o BatchMode=yes -oStrictHostKeyChecking=accept-new \
	    -F none -o "IdentityFile $TMP/door" -o "UserKnownHostsFile=$KNOWN_HOSTS" \
	    "$USER_NAME@127.0.0.1"
}
login() {
	status_of qssh -F none -p "$PORT" -o BatchMode=yes -o IdentitiesOnly=yes -i "$1" \
	    -o "UserKnownHostsFile=$KNOWN_HOSTS" -l "$USER_NAME" 127.0.0.1 true
}
lines() { wc -l <"$auth"; }

# no keys at all
expect "no keys" 1 "$(copy)"
err_has 'no keys: make one with qssh-keygen'

# the newest key
qssh-keygen -q -t kyber768 -N '' -C "it's a key" -f "$HOME/.qssh/id_kyber768"
qssh-keygen -q -t dilithium3 -N '' -f "$TMP/other"
expect "not yet" 255 "$(login "$HOME/.qssh/id_kyber768")"
expect "dry run" 0 "$(copy -n)"
out_has 'would be added: 1$'
[ ! -e "$far/.qssh" ] || fail "a dry run made a folder"
expect "copy" 0 "$(copy)"
err_has "key to be installed: $HOME/.qssh/id_kyber768.pub"
out_has '^Number of key(s) added: 1$'
expect "modes" "700 600" "$(stat -c %a "$far/.qssh") $(stat -c %a "$auth")"
expect "the line" "$(cat "$HOME/.qssh/id_kyber768.pub")" "$(cat "$auth")"
expect "login" 0 "$(login "$HOME/.qssh/id_kyber768")"

# once is enough, unless it is forced
expect "again" 0 "$(copy)"
err_has '^qssh-copy-id: 1 key(s) skipped'
expect "lines" 1 "$(lines)"
expect "forced" 0 "$(copy -f)"
expect "lines" 2 "$(lines)"

# -i, with the name of either half, and with none; behind a line without an end; modes that
# StrictModes would refuse are mended
printf '# a comment without a newline: %s' "$(cut -d ' ' -f 2 "$TMP/other.pub")" >"$auth"
chmod 666 "$auth"
chmod 777 "$far/.qssh"
expect "-i" 0 "$(copy -i "$TMP/other")"
out_has '^Number of key(s) added: 1$'
expect "lines" 2 "$(lines)"
expect "modes" "755 644" "$(stat -c %a "$far/.qssh") $(stat -c %a "$auth")"
expect "login" 0 "$(login "$TMP/other")"
expect "-i of the public half" 0 "$(copy -i "$TMP/other.pub" -i"$HOME/.qssh/id_kyber768.pub")"
out_has '^Number of key(s) added: 1$'
expect "lines" 3 "$(lines)"
expect "-i without a name" 0 "$(copy -i)"
expect "lines" 3 "$(lines)"
expect "-i of nothing" 1 "$(copy -i "$TMP/nothing")"
err_has "$TMP/nothing.pub: cannot be read"
printf 'no key\n' >"$TMP/wrong.pub"
expect "-i of no key" 1 "$(copy -i "$TMP/wrong")"
err_has 'not a public key'
expect "lines" 3 "$(lines)"

# keys of the agent, to another file
eval "$(SHELL=/bin/sh qssh-agent)" >/dev/null
pids="$pids $QSSH_AGENT_PID"
qssh-add -q "$TMP/other" "$HOME/.qssh/id_kyber768"
expect "agent" 0 "$(copy -t "some where/it's \$HOME")"
out_has '^Number of key(s) added: 2$'
expect "lines" 2 "$(wc -l <"$far/some where/it's \$HOME")"

# what cannot be
expect "not writable" 1 "$(copy -t /dev/null/keys)"
err_has 'could not be installed'
expect "usage" 1 "$(status_of qssh-copy-id)"
err_has '^usage:'
expect "no server" 1 "$(status_of qssh-copy-id -i "$TMP/other" -p 1 127.0.0.1)"
err_has 'could not be installed on 127'
