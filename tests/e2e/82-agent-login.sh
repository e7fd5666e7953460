#!/bin/sh
# SPDX-License-Identifier: ISC
# Logging in with keys of the agent: which are tried and in what order, without a private key on the
# disk, refusals, IdentityAgent, IdentitiesOnly, AddKeysToAgent.
# shellcheck disable=SC1091,SC2016 # lib.sh is checked by itself; some text is for other shells
. "${QSP_SRC:?}/tests/e2e/lib.sh"

TMPDIR=$TMP
export TMPDIR
unset XDG_RUNTIME_DIR QSSH_ASKPASS SSH_ASKPASS 2>/dev/null || :
err_has() { grep -q -e "$1" "$TMP/err" || fail "no '$1' in: $(cat "$TMP/err")"; }
# login OPTION...: as the user, never asking
login() {
	"$QSP_BIN/qssh" -F none -p "$PORT" -o BatchMode=yes -o StrictHostKeyChecking=accept-new \
	    -o "UserKnownHostsFile=$KNOWN_HOSTS" -l "$USER_NAME" "$@" 127.0.0.1 true
}

start_server
eval "$(SHELL=/bin/sh qssh-agent)" >/dev/null
pids="$pids $QSSH_AGENT_PID"

# every type, with no private key on the disk
for t in kyber768 kyber1024 dilithium3 dilithium5; do
	make_user_key $t "$TMP/$t"
	qssh-add -q "$TMP/$t"
	rm "$TMP/$t"
	expect "$t, from the agent" 0 "$(status_of login)"
	expect "$t, named by its public half" 0 "$(status_of login -o IdentitiesOnly=yes -i "$TMP/$t")"
	expect "$t, by that file's own name" 0 "$(status_of login -o IdentitiesOnly=yes -i "$TMP/$t.pub")"
	expect "$t, on a suite of SHA-384" 0 "$(status_of login -o Kem=mlkem1024x25519)"
	wait_log "Accepted publickey for $USER_NAME "
	qssh-add -q -D
done
expect "the agent is empty" 255 "$(status_of login -i "$TMP/kyber768")"
err_has 'Permission denied'

# the order: what a file names and the agent holds, the agent's others, files alone
make_user_key kyber768 "$TMP/a"
make_user_key kyber768 "$TMP/b"
make_user_key kyber768 "$TMP/c"
qssh-add -q "$TMP/a" "$TMP/b"
order() {
	login -v "$@" 2>&1 | sed -n 's/^debug1: Identity \([^ ]*\): [^ ]* [^ ]*\(.*\)$/\1\2/p' | tr '\n' ' '
}
expect "order" "$TMP/b agent e2e agent $TMP/c " "$(order -i "$TMP/b" -i "$TMP/c")"
expect "IdentitiesOnly" "$TMP/b agent $TMP/c " \
    "$(order -o IdentitiesOnly=yes -i "$TMP/b" -i "$TMP/c")"
expect "IdentityAgent none" "$TMP/c " "$(order -o IdentityAgent=none -i "$TMP/c")"
sock=$QSSH_AUTH_SOCK
expect "by path" "e2e agent e2e agent $TMP/c " \
    "$(unset QSSH_AUTH_SOCK; order -o "IdentityAgent=$sock" -i "$TMP/c")"
expect "by variable" "e2e agent e2e agent $TMP/c " \
    "$(unset QSSH_AUTH_SOCK; MY_AGENT=$sock order -o 'IdentityAgent=$MY_AGENT' -i "$TMP/c")"
expect "by ssh's variable" "e2e agent e2e agent $TMP/c " \
    "$(unset QSSH_AUTH_SOCK; SSH_AUTH_SOCK=$sock order -o IdentityAgent=SSH_AUTH_SOCK -i "$TMP/c")"
expect "an agent that is not there" 0 "$(QSSH_AUTH_SOCK=$TMP/none status_of login -i "$TMP/c")"
[ ! -s "$TMP/err" ] || fail "it was said: $(cat "$TMP/err")"
expect "one that was asked for" 0 "$(status_of login -o "IdentityAgent=$TMP/none" -i "$TMP/c")"
err_has "agent at $TMP/none: No such file"

# what the agent refuses is passed over: confirmation that nobody gives, a lock
qssh-add -q -D
qssh-add -q -c "$TMP/a"
expect "refused" 255 "$(status_of login)"
err_has 'agent refused operation'
err_has 'Permission denied'
expect "refused, another key" 0 "$(status_of login -i "$TMP/c")"
printf 'x\nx\n' | qssh-add -q -x
expect "locked" 255 "$(status_of login)"
printf 'x\n' | qssh-add -q -X
qssh-add -q -D

# the same for a signature
make_user_key dilithium3 "$TMP/s"
qssh-add -q -c "$TMP/s"
expect "signature refused" 255 "$(status_of login)"
err_has 'agent refused operation'
qssh-add -q -D

# AddKeysToAgent
held() { qssh-add -l | grep -c SHA3 || :; }
expect "no" 0 "$(status_of login -i "$TMP/a")"
expect "no" 0 "$(held)"
expect "yes" 0 "$(status_of login -o AddKeysToAgent=yes -i "$TMP/a")"
expect "yes" 1 "$(held)"
mv "$TMP/a" "$TMP/a.away"
expect "and used from there" 0 "$(status_of login)"
qssh-add -q -D
mv "$TMP/a.away" "$TMP/a"
expect "ask, in BatchMode" 0 "$(status_of login -o AddKeysToAgent=ask -i "$TMP/a")"
expect "ask, in BatchMode" 0 "$(held)"
expect "confirm" 0 "$(status_of login -o AddKeysToAgent=confirm -i "$TMP/a")"
expect "confirm" 1 "$(held)"
expect "confirm counts" 255 "$(status_of login)"
qssh-add -q -D
expect "a time" 0 "$(status_of login -o AddKeysToAgent=1 -i "$TMP/a")"
is_empty() { [ "$(held)" = 0 ]; }
wait_for is_empty
expect "nonsense" 255 "$(status_of login -o AddKeysToAgent=perhaps)"
err_has 'yes, no, ask, confirm or a time is wanted'

# an agent that dies in the middle of things is no end of the world
make_user_key kyber768 "$TMP/d"
qssh-add -q "$TMP/d"
kill -STOP "$QSSH_AGENT_PID"
login -i "$TMP/c" >"$TMP/out" 2>"$TMP/err" &
client=$!
pids="$pids $client"
kill -KILL "$QSSH_AGENT_PID"
rc=0
wait "$client" || rc=$?
expect "the agent died" 0 "$rc"
