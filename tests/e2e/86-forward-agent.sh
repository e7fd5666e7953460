#!/bin/sh
# SPDX-License-Identifier: ISC
# Agent forwarding: programs on the host use the keys, no more; a login from there to a second server;
# who may not have it; what is left when the session ends.
# shellcheck disable=SC1091,SC2016 # lib.sh is checked by itself; some text is for other shells
. "${QSP_SRC:?}/tests/e2e/lib.sh"

err_has() { grep -q -e "$1" "$TMP/err" || fail "no '$1' in: $(cat "$TMP/err")"; }
err_lacks() { ! grep -q -e "$1" "$TMP/err" || fail "'$1' in: $(cat "$TMP/err")"; }
out_has() { grep -q -e "$1" "$TMP/out" || fail "no '$1' in: $(cat "$TMP/out")"; }

TMPDIR=$TMP
export TMPDIR
unset XDG_RUNTIME_DIR QSSH_ASKPASS SSH_ASKPASS 2>/dev/null || :

# the second server takes the agent's key alone, the first another one's too
make_user_key kyber768 "$TMP/inner"
cp "$TMP/authorized_keys" "$TMP/inner_keys"
make_user_key kyber768 "$KEY"
start_server "AuthorizedKeysFile $TMP/inner_keys"
inner=$PORT
start_server "SetEnv PATH=$PATH"
eval "$(SHELL=/bin/sh qssh-agent)" >/dev/null
pids="$pids $QSSH_AGENT_PID"
qssh-add -q "$TMP/inner"
rm "$TMP/inner"

# --- the sockets: a folder of the user's own, while the session lasts
expect "no -A" 0 "$(status_of client 'echo "<$SSH_AUTH_SOCK$QSSH_AUTH_SOCK>"')"
out_has '^<>$'
expect "-A" 0 "$(status_of client -A 'echo $SSH_AUTH_SOCK; echo $QSSH_AUTH_SOCK; stat -c "%a %U" "${SSH_AUTH_SOCK%/*}"; test -S "$SSH_AUTH_SOCK"')"
sock=$(head -n 1 "$TMP/out")
expect "both names" "$sock" "$(sed -n 2p "$TMP/out")"
expect "folder" "700 $USER_NAME" "$(sed -n 3p "$TMP/out")"
case $sock in /tmp/qssh-*/agent.*) ;; *) fail "the socket is $sock" ;; esac
is_gone() { [ ! -e "${1%/*}" ]; }
wait_for is_gone "$sock"
expect "-a wins where it is last" 0 "$(status_of client -A -a 'echo "<$SSH_AUTH_SOCK>"')"
out_has '^<>$'
expect "-A wins over -o, as with ssh" 0 "$(status_of client -o ForwardAgent=no -A 'test -S "$SSH_AUTH_SOCK"')"

# --- keys are there, and can be used, and nothing else
expect "list" 0 "$(status_of client -A qssh-add -l)"
out_has 'e2e'
if command -v ssh-add >/dev/null; then
	expect "ssh-add" 0 "$(status_of client -A ssh-add -l)" # it knows none of their types
fi
expect "test" 0 "$(status_of client -A "qssh-add -T $TMP/inner.pub")"
expect "removing" 1 "$(status_of client -A qssh-add -D)"
expect "locking" 1 "$(status_of client -A 'printf "x\nx\n" | qssh-add -x')"
expect "adding" 1 "$(status_of client -A "qssh-add $KEY")"
expect "still there" 1 "$(qssh-add -l | grep -c SHA3)"

# --- from there to another server, and further
second="qssh -F none -p $inner -o BatchMode=yes -o StrictHostKeyChecking=accept-new \
-o UserKnownHostsFile=$TMP/known_inner -l $USER_NAME -i $TMP/none"
expect "second hop, no agent" 255 "$(status_of client "$second 127.0.0.1 echo here")"
expect "second hop" 0 "$(status_of client -A "$second 127.0.0.1 echo here")"
out_has '^here$'
expect "third hop" 0 "$(status_of client -A "$second -A 127.0.0.1 '$QSP_BIN/qssh-add -l'")"
out_has 'e2e'
expect "many at a time" 20 "$(client -A 'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	qssh-add -l >/dev/null && echo yes & done; wait' | grep -c yes)"

# --- a key with confirmation: the question names the host
cat >"$TMP/askpass" <<-END
	#!/bin/sh
	printf '%s\n' "\$1" >>"$TMP/asked"
END
chmod +x "$TMP/askpass"
qssh-keygen -q -t kyber768 -N '' -C asks -f "$TMP/asks"
kill "$QSSH_AGENT_PID"
wait_for gone "$QSSH_AGENT_PID"
eval "$(QSSH_ASKPASS=$TMP/askpass SHELL=/bin/sh qssh-agent)" >/dev/null
pids="$pids $QSSH_AGENT_PID"
qssh-add -q -c "$TMP/asks"
expect "confirmed" 0 "$(status_of client -A "qssh-add -T $TMP/asks.pub")"
grep -q 'A program on 127.0.0.1, to which the agent is forwarded' "$TMP/asked" ||
	fail "the question was: $(cat "$TMP/asked")"

# --- the agent that is meant
agent=$QSSH_AUTH_SOCK
expect "by path" 0 "$(unset QSSH_AUTH_SOCK; status_of client -o "ForwardAgent=$agent" qssh-add -l)"
out_has 'asks'
expect "by variable" 0 "$(unset QSSH_AUTH_SOCK; MINE=$agent status_of client -o 'ForwardAgent=$MINE' qssh-add -l)"
expect "that of IdentityAgent" 0 "$(unset QSSH_AUTH_SOCK; status_of client -A -o "IdentityAgent=$agent" qssh-add -l)"
expect "none" 0 "$(unset QSSH_AUTH_SOCK; status_of client -A 'test -z "$SSH_AUTH_SOCK"')"
expect "one that is gone" 0 "$(QSSH_AUTH_SOCK=$TMP/gone status_of client -A 'test -z "$SSH_AUTH_SOCK"')"

# --- an agent of ssh: forwarded as ssh does, with a word for who listens
if command -v ssh-agent >/dev/null && command -v ssh-keygen >/dev/null; then
	eval "$(ssh-agent -s)" >/dev/null
	pids="$pids $SSH_AGENT_PID"
	ssh-keygen -q -t ed25519 -N '' -C classical -f "$TMP/classical"
	ssh-add -q "$TMP/classical" 2>/dev/null
	expect "ssh's agent" 0 "$(status_of client -o ForwardAgent='$SSH_AUTH_SOCK' -v ssh-add -l)"
	out_has 'classical'
	err_has 'does not know forwarded@qsp'
fi

# --- a shared connection: who asks for it has it, if the master has
master() {
	client -o "ControlPath=$TMP/ctl" "$@"
}
master -A -f -N -M || fail "master"
expect "through the master" 0 "$(status_of master -A qssh-add -l)"
expect "through it, without" 0 "$(status_of master 'echo "<$SSH_AUTH_SOCK>"')"
out_has '^<>$'
master -O exit 2>/dev/null

# --- the agent stops while it is asked: the session goes on and ends
mkfifo "$TMP/go"
client -A 'echo in; read -r go; qssh-add -l & until ls -l /proc/$!/fd | grep -q socket; do :; done
	kill $!; echo over' <"$TMP/go" >"$TMP/over" 2>/dev/null &
stuck=$!
pids="$pids $stuck"
exec 9>"$TMP/go"
wait_for grep -q in "$TMP/over"
kill -STOP "$QSSH_AGENT_PID"
echo go >&9
wait_for grep -q over "$TMP/over"
exec 9>&-
wait "$stuck" || fail "the session with a stopped agent"
kill -CONT "$QSSH_AGENT_PID"

# --- session processes that are killed leave no listener behind
mkfifo "$TMP/in"
client -A 'echo $SSH_AUTH_SOCK; cat' <"$TMP/in" >"$TMP/path" &
long=$!
pids="$pids $long"
exec 9>"$TMP/in"
wait_for test -s "$TMP/path"
kill -KILL "$long"
exec 9>&-
wait "$long" 2>/dev/null || :
wait_for is_gone "$(cat "$TMP/path")"

# --- one that is killed itself leaves its folder to the next, who takes no other
mkfifo "$TMP/in2" "$TMP/in3"
rm -f "$TMP/path2" "$TMP/path3"
client -A 'echo $SSH_AUTH_SOCK; cat' <"$TMP/in2" >"$TMP/path2" &
stays=$!
client -A 'echo $SSH_AUTH_SOCK; cat' <"$TMP/in3" >"$TMP/path3" &
dies=$!
pids="$pids $stays $dies"
exec 8>"$TMP/in2" 9>"$TMP/in3"
wait_for test -s "$TMP/path2"
wait_for test -s "$TMP/path3"
left=$(cat "$TMP/path3")
kill -KILL "${left##*.}"
wait "$dies" 2>/dev/null || :
exec 9>&-
[ -S "$left" ] || fail "it left nothing: what is to be cleared?"
mkdir "${left%/*}.x"
expect "the next login" 0 "$(status_of client -A 'test -S "$SSH_AUTH_SOCK"')"
is_gone "$left" || fail "the folder of one that was killed stays"
[ -d "${left%/*}.x" ] || fail "a folder of another name has gone"
rmdir "${left%/*}.x"
[ -S "$(cat "$TMP/path2")" ] || fail "the folder of one that lives has gone"
expect "the one that lives" 0 "$(QSSH_AUTH_SOCK=$(cat "$TMP/path2") status_of qssh-add -l)"
exec 8>&-
wait "$stays" || fail "the one that lives ended badly"

# --- who may not
sed -i '1s/^/no-agent-forwarding /' "$TMP/authorized_keys"
sed -i '2s/^/no-agent-forwarding /' "$TMP/authorized_keys"
expect "by the key's option" 0 "$(status_of client -A 'echo "<$SSH_AUTH_SOCK>"')"
out_has '^<>$'
sed -i 's/^no-agent-forwarding //' "$TMP/authorized_keys"
expect "again" 0 "$(status_of client -A 'test -S "$SSH_AUTH_SOCK"')"
for rule in 'AllowAgentForwarding no' 'DisableForwarding yes' 'Match all
AllowAgentForwarding no'; do
	stop_server
	rm -f "$KNOWN_HOSTS"
	case $rule in
	Match*)
		start_server "SetEnv PATH=$PATH"
		stop_server
		printf '%s\n' "$rule" >>"$SERVER_CONFIG"
		run_server
		;;
	*) start_server "SetEnv PATH=$PATH" "$rule" ;;
	esac
	expect "$rule" 0 "$(status_of client -A 'echo "<$SSH_AUTH_SOCK>"')"
	out_has '^<>$'
done

# --- a host whose key has changed and is let pass gets no agent, and no ports
stop_server
rm -f "$TMP/host_key" "$TMP/host_key.pub" "$TMP/host_key.secret"
sed -i 's/^Port 0/Port '"$PORT"'/; /^Match/,$d' "$SERVER_CONFIG"
run_server
expect "changed key" 0 "$(status_of qssh -F none -p "$PORT" -i "$KEY" -o BatchMode=yes -A \
    -o StrictHostKeyChecking=no -o FirstContact=yes -o ConnectTimeout=5 -L "$TMP/port:localhost:1" \
    -o "UserKnownHostsFile=$KNOWN_HOSTS" -l "$USER_NAME" 127.0.0.1 'echo "<$SSH_AUTH_SOCK>"')"
out_has '^<>$'
err_has 'Agent forwarding is disabled'
err_has 'Port forwarding is disabled'
