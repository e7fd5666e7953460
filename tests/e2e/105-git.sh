#!/bin/sh
# SPDX-License-Identifier: ISC
# git over qssh: clone, push, fetch, and what a server refuses.
# shellcheck disable=SC1091 # both are checked by themselves
. "${QSP_SRC:?}/tests/e2e/lib.sh"
. "$QSP_SRC/tests/e2e/tools.sh"

command -v git >/dev/null || skip "no git"
use_tools
GIT_CONFIG_NOSYSTEM=1
GIT_AUTHOR_NAME=e2e GIT_AUTHOR_EMAIL=e2e@example.org
GIT_COMMITTER_NAME=e2e GIT_COMMITTER_EMAIL=e2e@example.org
GIT_SSH_COMMAND=qssh
GIT_TERMINAL_PROMPT=0
export GIT_CONFIG_NOSYSTEM GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL GIT_COMMITTER_NAME GIT_COMMITTER_EMAIL \
    GIT_SSH_COMMAND GIT_TERMINAL_PROMPT
unset GIT_DIR GIT_WORK_TREE GIT_SSH GIT_SSH_VARIANT

quietly() { "$@" >"$TMP/git.log" 2>&1 || fail "$*"; }
head_of() { git -C "$1" rev-parse HEAD; }

quietly git init -q -b main "$TMP/first"
make_tree "$TMP/first"
# git knows nothing of empty folders and times
quietly git -C "$TMP/first" add -A
quietly git -C "$TMP/first" commit -q -m first
quietly git clone -q --bare "$TMP/first" "$TMP/origin.git"

# both ways to write an address
quietly git clone -q "there:$TMP/origin.git" "$TMP/one"
quietly git clone -q "ssh://$USER_NAME@127.0.0.1:$PORT$TMP/origin.git" "$TMP/two"
expect clone "$(head_of "$TMP/first")" "$(head_of "$TMP/one")"
quietly git -C "$TMP/one" fsck --strict
diff -r --no-dereference -x .git "$TMP/first" "$TMP/one" || fail "a clone differs"

# push, a branch and a tag with it; then pull
head -c 2000000 /dev/urandom >"$TMP/one/bytes"
quietly git -C "$TMP/one" add bytes
quietly git -C "$TMP/one" commit -q -m second
quietly git -C "$TMP/one" tag v1
quietly git -C "$TMP/one" push -q origin main:main main:side v1
expect push "$(head_of "$TMP/one")" "$(git -C "$TMP/origin.git" rev-parse main)"
quietly git -C "$TMP/two" pull -q
expect pull "$(head_of "$TMP/one")" "$(head_of "$TMP/two")"
expect branches 3 "$(git -C "$TMP/two" ls-remote origin | grep -c 'refs/')"

# refused: a push that would lose a commit; its reason arrives
quietly git -C "$TMP/two" commit -q --amend --allow-empty -m other
rc=0
git -C "$TMP/two" push -q origin main >"$TMP/git.log" 2>&1 || rc=$?
expect "status of a push that is refused" 1 $rc
grep -q rejected "$TMP/git.log" || fail "no reason given"
quietly git -C "$TMP/two" push -q --force origin main
expect "forced push" "$(head_of "$TMP/two")" "$(git -C "$TMP/origin.git" rev-parse main)"

# what a hook says over there is seen here
printf '#!/bin/sh\necho no, says the hook\nexit 1\n' >"$TMP/origin.git/hooks/pre-receive"
chmod 755 "$TMP/origin.git/hooks/pre-receive"
quietly git -C "$TMP/two" commit -q --allow-empty -m third
rc=0
git -C "$TMP/two" push origin main >"$TMP/git.log" 2>&1 || rc=$?
expect "status of a push that a hook refuses" 1 $rc
grep -q 'remote: no, says the hook' "$TMP/git.log" || fail "the hook's words are lost"

# git asks what kind of program it has only by its name or by -G; both work
GIT_SSH=$QSP_BIN/qssh
export GIT_SSH
unset GIT_SSH_COMMAND
quietly git clone -q --depth 1 "ssh://$USER_NAME@127.0.0.1:$PORT$TMP/origin.git" "$TMP/three"
quietly git -c ssh.variant=ssh clone -q -4 "ssh://$USER_NAME@127.0.0.1:$PORT$TMP/origin.git" "$TMP/four"
rc=0
git clone -q "there:$TMP/none.git" "$TMP/none" >"$TMP/git.log" 2>&1 || rc=$?
expect "status without a repository" 128 $rc
