# SPDX-License-Identifier: ISC
# shellcheck shell=sh disable=SC2119
# A server and a client to copy with, for scenarios to source behind lib.sh: copy is qscp with its port.
# $H is the host; the scenario goes on in $TMP.

make_user_key
write_client_config
start_server
# shellcheck disable=SC2034 # for the scenario
H=$USER_NAME@127.0.0.1
cd "$TMP" || exit 1
copy() { "$QSP_BIN/qscp" -P "$PORT" "$@"; }
