# shellcheck shell=sh
# SPDX-License-Identifier: ISC
#
# What the scenarios of logging in share, on top of lib.sh: a user, $EVE, in an /etc that only they see, a PAM
# service of their own ($SERVICE), and answers to whatever is asked.

EVE=qspeve
SERVICE=qsp-e2e

# A private /etc with $EVE in it; the scenario has to be in a mount namespace of its own.
need_login_etc() {
	[ -n "${QSP_E2E_MOUNTS:-}" ] || skip "needs root and mount namespaces, for an /etc of its own"
	chmod 755 "$TMP"
	mkdir "$TMP/eve"
	cp -a /etc "$TMP/etc"
	rm -f "$TMP/etc/nologin"
	printf '%s:x:54321:54321::%s:/bin/sh\n' "$EVE" "$TMP/eve" >>"$TMP/etc/passwd"
	printf '%s:x:54321:\n' "$EVE" >>"$TMP/etc/group"
	mount --bind "$TMP/etc" /etc || skip "cannot bind over /etc"
	chown 54321:54321 "$TMP/eve"
	cat >"$TMP/askpass" <<-END
		#!/bin/sh
		printf '%s\\n' "\$1" >>"$TMP/questions"
		[ -s "$TMP/answers" ] || exit 1
		n=\$(cat "$TMP/answered")
		echo \$((n + 1)) >"$TMP/answered"
		sed -n "\$((n % \$(wc -l <"$TMP/answers") + 1))p" "$TMP/answers"
	END
	chmod 755 "$TMP/askpass"
	SSH_ASKPASS=$TMP/askpass
	SSH_ASKPASS_REQUIRE=force
	export SSH_ASKPASS SSH_ASKPASS_REQUIRE
	say_answers
}

# A password of $EVE's in shadow(5): has_password PASSWORD
has_password() {
	hash=$(openssl passwd -6 -salt qspqspqsp "$1") || fail "openssl passwd"
	printf '%s:%s:19000:0:99999:7:::\n' "$EVE" "$hash" >>/etc/shadow
}

need_pam_module() {
	PAM_MODULE=$QSP_BIN/../tests/pam_e2e.so
	[ -e "$PAM_MODULE" ] || skip "built without PAM"
	PAM_MODULE=$(readlink -f "$PAM_MODULE")
	: >"$TMP/seen"
}

# What the module is to do, in all of the service: pam_is OPTION...
pam_is() {
	for kind in auth account session password; do
		printf '%s required %s file=%s %s\n' "$kind" "$PAM_MODULE" "$TMP/seen" "$*"
	done >"/etc/pam.d/$SERVICE"
}

# The answers to the next questions, over and over; none: nobody answers.
say_answers() {
	: >"$TMP/questions"
	echo 0 >"$TMP/answered"
	: >"$TMP/answers"
	[ $# = 0 ] || printf '%s\n' "$@" >"$TMP/answers"
}

# What was asked, each followed by a bar.
asked() { tr '\n' '|' <"$TMP/questions"; }

# The module has written this line.
seen() { grep -qxF "$1" "$TMP/seen"; }

# With all that asks, but for what these lines say.
start_pam_server() {
	start_server "$@" 'UsePAM yes' "PAMServiceName $SERVICE" 'KbdInteractiveAuthentication yes' \
	    'PasswordAuthentication yes'
}

# person METHODS [OPTION]... COMMAND: qssh as $LOGIN, else $EVE, trying these methods
person() {
	methods=$1
	shift
	"$QSP_BIN/qssh" -F none -p "$PORT" -l "${LOGIN:-$EVE}" -i "$KEY" -o "PreferredAuthentications=$methods" \
	    -o StrictHostKeyChecking=accept-new -o "UserKnownHostsFile=$KNOWN_HOSTS" \
	    -o ConnectTimeout=60 127.0.0.1 "$@"
}
