#!/bin/sh
# SPDX-License-Identifier: ISC
# shellcheck disable=SC2119 # make_user_key has its defaults
# The configuration of qsshd: errors name file and line, -T prints what -f reads back.
. "${QSP_SRC:?}/tests/e2e/lib.sh"

conf=$TMP/conf

# refused LINE MESSAGE: the second line of the file
refused() {
	printf '# comment\n%s\n' "$1" >"$conf"
	rc=$(status_of qsshd -t -f "$conf")
	expect "status of: $1" 1 "$rc"
	grep -F "qsshd: $conf line 2: " "$TMP/err" | grep -qF "$2" || {
		cat "$TMP/err" >&2
		fail "no '$2' for: $1"
	}
}

refused 'Port' 'Port needs a value'
refused 'Port 70000' 'Port: "70000" is not a port number'
refused 'Port 22 23' 'one value only'
refused 'Port x' 'not a port number'
refused 'ListenAddress [::1' 'ListenAddress'
refused 'ListenAddress host:99999' 'ListenAddress'
refused 'PermitRootLogin maybe' 'PermitRootLogin: "maybe" is not'
refused 'StrictModes 2' '"2" is not yes or no'
refused 'MaxStartups 10:200:5' 'start:rate:full'
refused 'MaxAuthTries 0' 'not a number from 1 to 100'
refused 'LoginGraceTime 5x' 'not a time'
refused 'LogLevel LOUD' 'not a log level'
refused 'SyslogFacility MAIL' 'not a syslog facility'
refused 'Ciphers rot13' '"rot13" is not known here'
refused 'Ciphers aes256-gcm,aes256-gcm' 'twice'
refused 'RekeyLimit 5' 'from 64'
refused 'RekeyLimit 1G soon' 'not a time'
refused 'HostKey relative' 'not an absolute path'
refused 'Subsystem sftp' 'needs a name and a command'
refused 'Subsystem sftp internal-sftp -Z' 'internal-sftp: unknown option'
refused 'ChrootDirectory relative' 'not an absolute path or none'
refused 'AcceptEnv "open' 'quote without an end'
refused 'Wire morse' 'not cell or frame'
refused 'Nonsense yes' 'unknown keyword Nonsense'
refused 'PermitOpen host' 'PermitOpen: "host" is not HOST:PORT, any or none'
refused 'PermitOpen a:b:1' 'is not HOST:PORT, any or none'
refused 'PermitListen 0' 'is not [HOST:]PORT, any or none'
refused 'AllowTcpForwarding perhaps' 'not yes, no, all, local or remote'
refused 'AuthenticationMethods publickey,telepathy' '"publickey,telepathy" is not a list of'
refused 'AuthenticationMethods any publickey' '"any" is not a list of'
refused 'AuthenticationMethods publickey,' '"publickey," is not a list of'
refused 'PAMServiceName ../qsshd' 'not the name of a file in /etc/pam.d'
[ -x "$QSP_BIN/qsshd-pam" ] || refused 'UsePAM yes' 'this qsshd was built without PAM'
refused 'GatewayPorts maybe' 'not yes, no or clientspecified'
refused 'StreamLocalBindMask 999' 'not an octal mask'

# What OpenSSH has and qsshd does not honour is never ignored.
for k in X11Forwarding \
    Banner AuthorizedKeysCommand TrustedUserCAKeys RevokedKeys; do
	refused "$k no" "$k is not supported by this version of qsshd"
done

# Start and -t agree.
printf 'Match User\n' >"$conf"
rc=$(status_of qsshd -D -e -f "$conf")
expect "start with Match" 1 "$rc"
grep -qF 'line 1: Match User needs a pattern' "$TMP/err" || fail "start says nothing of Match"

# A file that was asked for must be there; options name their place.
rc=$(status_of qsshd -t -f "$TMP/nothing")
expect "missing file" 1 "$rc"
rc=$(status_of qsshd -t -f /dev/null -o 'Prot 5')
expect "bad option" 1 "$rc"
grep -qF 'command line: unknown keyword Prot' "$TMP/err" || fail "bad option is not named"

# -T round-trips, with everything set and with nothing.
cat >"$conf" <<-'END'
	Port 8022
	port = 8023
	ListenAddress 127.0.0.1:99
	ListenAddress [::1]:100
	HostKey "/tmp/with space"
	HostKey /tmp/plain
	AuthorizedKeysFile "%h/a b" /etc/keys/%u
	AllowUsers alice bob@10.0.0.0/8
	DenyUsers "x y" mallory
	AllowGroups wheel
	DenyGroups guests
	PermitRootLogin without-password
	PasswordAuthentication yes
	PubkeyAuthentication no
	AcceptEnv LANG LC_*
	AcceptEnv "TERM_*"
	Subsystem echo /bin/sh -c 'echo "a  b"'
	MaxStartups 5:50:20
	MaxAuthTries 3
	MaxSessions 4
	LoginGraceTime 1h30m
	FirstContact no
	Wire frame
	Ciphers chacha20-poly1305,aes256-gcm
	RekeyLimit 64M 5m
	LogLevel debug2
	SyslogFacility LOCAL3
	PidFile none
	StrictModes no
	Workers 3
END
qsshd -T -f "$conf" >"$TMP/one" || fail "-T"
qsshd -T -f "$TMP/one" >"$TMP/two" || fail "-T of -T"
cmp "$TMP/one" "$TMP/two" || fail "-T does not round-trip"
for line in 'port 8023' 'listenaddress [::1]:100' 'hostkey "/tmp/with space"' \
    'permitrootlogin prohibit-password' 'logingracetime 5400' 'maxstartups 5:50:20' \
    'wire frame' 'ciphers chacha20-poly1305,aes256-gcm' 'loglevel DEBUG2' \
    "subsystem echo /bin/sh -c 'echo \"a  b\"'" 'rekeylimit 87381cells 300'; do
	grep -qxF "$line" "$TMP/one" || fail "-T lacks: $line"
done
qsshd -T -f /dev/null >"$TMP/one" || fail "-T of nothing"
qsshd -T -f "$TMP/one" >"$TMP/two" || fail "-T of the defaults"
cmp "$TMP/one" "$TMP/two" || fail "the defaults do not round-trip"
grep -qx 'port 8022' "$TMP/one" || fail "default port"

# The first value wins, -o before the file, -p instead of its ports.
printf 'MaxSessions 3\nMaxSessions 5\nPort 1\n' >"$conf"
qsshd -T -f "$conf" -o MaxSessions=9 -p 77 >"$TMP/one"
grep -qx 'maxsessions 9' "$TMP/one" || fail "-o does not win"
expect "ports" 'port 77' "$(grep '^port' "$TMP/one")"

# Include: relative to the file, patterns, and a depth that ends.
mkdir "$TMP/conf.d"
echo 'MaxSessions 7' >"$TMP/conf.d/a.conf"
printf 'LogLevel QUIET\nBad\n' >"$TMP/bad.conf"
echo 'Include conf.d/*.conf nothing-*' >"$conf"
qsshd -T -f "$conf" | grep -qx 'maxsessions 7' || fail "Include"
echo 'Include bad.conf' >"$conf"
rc=$(status_of qsshd -t -f "$conf")
expect "bad include" 1 "$rc"
grep -qF "$TMP/bad.conf line 2: unknown keyword Bad" "$TMP/err" || fail "line in an Include"
echo "Include $conf" >"$conf"
rc=$(status_of qsshd -t -f "$conf")
expect "endless include" 1 "$rc"
grep -q 'too deep' "$TMP/err" || fail "endless Include"

# Of what an Include names nothing may be missing in silence, least of all what stands behind it.
ln -s "$TMP/nowhere" "$TMP/conf.d/b.conf"
printf 'MaxSessions 2\nInclude conf.d/*.conf\nDenyUsers *\n' >"$conf"
rc=$(status_of qsshd -t -f "$conf")
expect "a link that leads nowhere" 1 "$rc"
grep -qF "$conf line 2: Include: $TMP/conf.d/b.conf: No such file" "$TMP/err" || fail "$(cat "$TMP/err")"
as_user() {
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid 1 --regid 1 --clear-groups "$@"
	else
		"$@"
	fi
}
cp -RP "$conf" "$HOME/.qssh/qsshd_config"
cp -RP "$TMP/conf.d" "$HOME/.qssh/conf.d"
[ "$(id -u)" != 0 ] || { chmod 755 "$TMP" && chown -hR 1 "$HOME"; }
rc=$(status_of as_user qsshd -t)
expect "the same in the default file" 1 "$rc"
grep -qF "qsshd_config line 2: Include: " "$TMP/err" || fail "$(cat "$TMP/err")"
rm "$TMP/conf.d/b.conf"

# The manual has each keyword, and says of each whether it may stand in a Match block.
man=$QSP_SRC/docs/man/qsshd_config.5
sed -n 's/^\t{ "\([A-Za-z]*\)", .*/\1/p' "$QSP_SRC/src/cmd/qsshd/config_keys.c" >"$TMP/keywords"
grep -qx Workers "$TMP/keywords" || fail "where are the keywords?"
sed -n '/^A block may have$/,/^\.Pp$/p' "$man" | tr -s ' ,' '\n' >"$TMP/in_block"
while read -r k; do
	grep -q "^\.It Cm .*\<$k\>" "$man" || [ "$k" = ChallengeResponseAuthentication ] ||
		fail "the manual lacks $k"
	case $(tr '\n' ' ' <"$QSP_SRC/src/cmd/qsshd/config_keys.c" | sed -n "s/.*{ \"$k\",\([^}]*\)}.*/\1/p") in
	*true*) grep -qx "$k" "$TMP/in_block" || [ "$k" = ChallengeResponseAuthentication ] ||
		fail "the manual denies $k to Match" ;;
	*) ! grep -qx "$k" "$TMP/in_block" || fail "the manual grants $k to Match" ;;
	esac
done <"$TMP/keywords"

qsshd -V 2>&1 | grep -q '^qsshd .*OpenSSL' || fail "-V"
rc=$(status_of qsshd -i)
expect "-i" 1 "$rc"
rc=$(status_of qsshd -Z)
expect "usage" 1 "$rc"
say "ok"
