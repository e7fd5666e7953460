#!/bin/sh
# SPDX-License-Identifier: ISC
# Forwards of a shared connection: asked for and cancelled by -O, and brought along by its clients.
. "${QSP_SRC:?}/tests/e2e/lib.sh"
. "$QSP_SRC/tests/e2e/forward.sh"

start_echo
SOCK=$TMP/ctl
start_forward "$TMP/master" -M -S "$SOCK" -o ControlPersist=no
wait_for test -S "$SOCK"

control() { "$QSP_BIN/qssh" -F none -S "$SOCK" "$@" 127.0.0.1; }
open() { peer talk "127.0.0.1:$1" x >/dev/null 2>&1; }
shut() { ! open "$1"; }

# each kind, and away again
L=$(free_port)
D=$(free_port)
control -O forward -L "$L:127.0.0.1:$ECHO" -D "$D" || fail "-O forward"
expect "-L" hello "$(peer talk "127.0.0.1:$L" hello)"
expect "-D" hello "$(peer socks 5h "127.0.0.1:$D" "127.0.0.1:$ECHO" hello)"
R=$(control -O forward -R "0:127.0.0.1:$ECHO")
[ "${R:-0}" -gt 0 ] || fail "-O forward -R 0 prints the port"
expect "-R" hello "$(peer talk "127.0.0.1:$R" hello)"
control -O forward -L "$TMP/l.sock:127.0.0.1:$ECHO" -R "$TMP/r.sock:127.0.0.1:$ECHO" || fail "paths"
expect "a path here" hello "$(peer talk "$TMP/l.sock" hello)"
expect "a path there" hello "$(peer talk "$TMP/r.sock" hello)"

# what stands already is as good; another on the same port is not
control -O forward -L "$L:127.0.0.1:$ECHO" || fail "again"
expect "another" 255 "$(status_of control -O forward -L "$L:127.0.0.1:1")"
grep -q '^qssh: the master refuses: ' "$TMP/err" || fail "not told"

# a connection that stands outlives the end of what listens
start_pipe "$L"
control -O cancel -L "$L:127.0.0.1:$ECHO" -D "$D" || fail "-O cancel"
shut "$L" || fail "-L still listens"
shut "$D" || fail "-D still listens"
echo two >&7
wait_for grep -qx two "$TMP/piped"
exec 7>&-
control -O cancel -R "0:127.0.0.1:$ECHO" || fail "-O cancel -R 0"
shut "$R" || fail "-R still listens"
control -O cancel -L "$TMP/l.sock:127.0.0.1:$ECHO" -R "$TMP/r.sock:127.0.0.1:$ECHO" || fail "paths"
[ ! -e "$TMP/l.sock" ] || fail "the name here is still there"
[ ! -e "$TMP/r.sock" ] || fail "the name there is still there"
expect "what is not there" 255 "$(status_of control -O cancel -L "$L:127.0.0.1:$ECHO")"
grep -q 'port not forwarded' "$TMP/err" || fail "not told"
expect "which?" 255 "$(status_of control -O forward)"

# a client's own options are the master's to do, once
CLIENT_OPTIONS="-S $SOCK -L $L:127.0.0.1:$ECHO" client true || fail "a client with -L"
expect "by a client" hello "$(peer talk "127.0.0.1:$L" hello)"
CLIENT_OPTIONS="-S $SOCK -L $L:127.0.0.1:$ECHO" client true 2>"$TMP/err" || fail "and again"
expect "no complaint" "" "$(cat "$TMP/err")"
expect "ExitOnForwardFailure" 255 "$(CLIENT_OPTIONS="-S $SOCK -L $L:127.0.0.1:1 \
    -o ExitOnForwardFailure=yes" status_of client true)"
expect "without" 0 "$(CLIENT_OPTIONS="-S $SOCK -L $L:127.0.0.1:1" status_of client true)"
control -O exit 2>/dev/null || fail "-O exit"
wait_for shut "$L"
wait_for test ! -e "$SOCK"

# ControlPersist: who stays behind has them, and says nothing twice
L2=$(free_port)
CLIENT_OPTIONS="-M -S $SOCK -o ControlPersist=yes -R 0:127.0.0.1:$ECHO -L $L2:127.0.0.1:$ECHO" \
    client true 2>"$TMP/persist.err" || fail "ControlPersist"
expect "one line" 1 "$(grep -c '^Allocated port' "$TMP/persist.err")"
expect "nothing else" 1 "$(wc -l <"$TMP/persist.err" | tr -d ' ')"
expect "-L persists" hello "$(peer talk "127.0.0.1:$L2" hello)"
R2=$(sed -n 's/^Allocated port \([0-9]*\) .*/\1/p' "$TMP/persist.err")
expect "-R persists" hello "$(peer talk "127.0.0.1:$R2" hello)"
control -O exit 2>/dev/null || fail "-O exit"
wait_for shut "$L2"
wait_for test ! -e "$SOCK"

# -N, by way of the master, stays
start_forward "$TMP/second" -M -S "$SOCK"
wait_for test -S "$SOCK"
L3=$(free_port)
forward_only -S "$SOCK" -L "$L3:127.0.0.1:$ECHO" </dev/null &
N=$!
pids="$pids $N"
wait_for open "$L3"
alive $N || fail "-N did not stay"
control -O exit 2>/dev/null
wait_for gone $N

# a host whose key has changed, and that is used all the same: nothing is forwarded, whoever asks
wait_for test ! -e "$SOCK"
qssh-keygen -q -N '' -f "$TMP/other" </dev/null >/dev/null
sed "s/mlkem768x25519 [^ ]*.*/$(cut -d ' ' -f 1,2 "$TMP/other.pub" | sed 's,/,\\/,g')/" "$KNOWN_HOSTS" >"$TMP/changed"
"$QSP_BIN/qssh" -F none -p "$PORT" -i "$KEY" -o StrictHostKeyChecking=no -o "UserKnownHostsFile=$TMP/changed" \
    -o BatchMode=yes -o FirstContact=yes -o ConnectTimeout=5 -l "$USER_NAME" -f -N -M -S "$SOCK" -L "$L3:127.0.0.1:$ECHO" 127.0.0.1 2>"$TMP/changed.err" ||
	fail "no: $(cat "$TMP/changed.err")"
grep -q '^Port forwarding is disabled to avoid' "$TMP/changed.err" || fail "changed: $(cat "$TMP/changed.err")"
case $(control -O forward -L "$L3:127.0.0.1:$ECHO" 2>&1) in
*'Port forwarding is disabled to avoid man-in-the-middle attacks.'*) ;;
*) fail "-O forward to a host whose key has changed" ;;
esac
shut "$L3" || fail "forwarded to a host whose key has changed"
control -O exit 2>/dev/null || fail "-O exit"
say ok
