#!/bin/sh
# SPDX-License-Identifier: ISC
# ansible with qssh for its ssh: ping, a command and a file, over the connection plugin that it has.
# shellcheck disable=SC1091 # both are checked by themselves
. "${QSP_SRC:?}/tests/e2e/lib.sh"
. "$QSP_SRC/tests/e2e/tools.sh"

command -v ansible >/dev/null || skip "no ansible"
use_tools
python=$(command -v python3) || skip "no python3 for ansible's modules"
cat >"$TMP/ansible.cfg" <<END
[defaults]
inventory = $TMP/hosts
local_tmp = $TMP/ansible
remote_tmp = $TMP/ansible-there
retry_files_enabled = False
[ssh_connection]
ssh_executable = qssh
ssh_args =
control_path_dir = $TMP/cp
END
cat >"$TMP/hosts" <<END
there ansible_ssh_executable=qssh ansible_python_interpreter=$python
END
export ANSIBLE_CONFIG="$TMP/ansible.cfg" ANSIBLE_NOCOLOR=1
# run ARGUMENTS...: ansible on the host; a way of moving files that fails falls back with a warning
run() {
	ansible there "$@" >"$TMP/ansible.log" 2>&1 </dev/null || fail "ansible $*"
}
no_warning() { ! grep -q WARNING "$TMP/ansible.log" || fail "ansible warns: $1"; }
ping() {
	run -m ping "$@"
	grep -q '"ping": "pong"' "$TMP/ansible.log" || fail "no pong"
}

ping

# its ways to move a module there: sftp told of qssh, qscp, a pipe; and with none
ping -e ansible_ssh_transfer_method=sftp -e 'ansible_sftp_extra_args="-S qssh"'
no_warning "sftp -S qssh"
head -c 100000 /dev/urandom >"$TMP/data"
run -e ansible_ssh_transfer_method=scp -e ansible_scp_executable=qscp -m copy \
    -a "src=$TMP/data dest=$TMP/copied"
no_warning qscp
cmp "$TMP/data" "$TMP/copied" || fail "a file that was copied differs"
rc=$(status_of ansible there -e ansible_ssh_transfer_method=piped -m command -a false)
expect "status of a command that fails" 2 "$rc"
rc=$(status_of ansible there -e ansible_pipelining=true -e ansible_port=1 -m ping)
expect "status of a host that is not there" 4 "$rc"
grep -q UNREACHABLE "$TMP/out" || fail "what ansible says of a host that is not there: $(cat "$TMP/out")"
