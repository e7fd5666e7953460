# shellcheck shell=sh
# SPDX-License-Identifier: ISC
#
# For scenarios in which other programs call qssh, after lib.sh: a server, a key, and a configuration in
# ~/.qssh, so that `qssh there` is all they need to know.
use_tools() {
	make_user_key
	start_server "$@"
	write_client_config 'Host there' 'HostName 127.0.0.1' "Port $PORT" "User $USER_NAME" 'Host *'
	qssh there true </dev/null 2>"$TMP/first.log" || fail "qssh there true: $(cat "$TMP/first.log")"
}

# A folder like people have them: names with everything, empty files, links, modes, times.
make_tree() {
	mkdir -p "$1/deep/er/still" "$1/-dash" "$1/with space"
	head -c 3000000 /dev/urandom >"$1/big"
	: >"$1/empty"
	echo dash >"$1/-dash/-n"
	echo space >"$1/with space/a  b"
	# shellcheck disable=SC2016 # a name that a shell would not leave alone
	echo shell >"$1/with space/"'$(touch x); `y` "q" '\''s'\'' & *'
	printf 'umlaut\n' >"$1/deep/$(printf 'sm\303\270rrebr\303\270d')"
	ln -s ../big "$1/deep/to-big"
	ln -s nowhere "$1/deep/er/dangling"
	echo script >"$1/deep/er/still/script"
	chmod 755 "$1/deep/er/still/script"
	chmod 600 "$1/empty"
	touch -d '2020-02-03 04:05:06 UTC' "$1/big" "$1/deep/er/still"
}

# What is in a folder, a line for each: type, mode, size of files, time of files in seconds, name, target.
listing() {
	(cd "$1" && find . -mindepth 1 \( -type f -printf '%y %m %s %T@ %p\n' -o -printf '%y %m %p %l\n' \) |
		sed 's/\.[0-9]* / /' | sort)
}
