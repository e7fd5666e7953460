/* SPDX-License-Identifier: ISC */
/* Keywords that are refused by name: whoever wrote one counts on it. */
#include "cmd/qsshd/config.h"

/* Known to OpenSSH's sshd_config, or planned for this one, and not honoured. */
static const char *const foreign[] = {
	"AddressFamily",
	"AllowList",
	"AuthorizedKeysCommand",
	"AuthorizedKeysCommandUser",
	"AuthorizedPrincipalsCommand",
	"AuthorizedPrincipalsCommandUser",
	"AuthorizedPrincipalsFile",
	"Banner",
	"CASignatureAlgorithms",
	"ChannelTimeout",
	"ExposeAuthInfo",
	"FingerprintHash",
	"GSSAPIAuthentication",
	"GSSAPICleanupCredentials",
	"GSSAPIStrictAcceptorCheck",
	"HostbasedAcceptedAlgorithms",
	"HostbasedAcceptedKeyTypes",
	"HostbasedAuthentication",
	"HostbasedUsesNameFromPacketOnly",
	"HostCertificate",
	"HostKeyAgent",
	"HostKeyAlgorithms",
	"IgnoreRhosts",
	"IgnoreUserKnownHosts",
	"IPQoS",
	"KerberosAuthentication",
	"KerberosGetAFSToken",
	"KerberosOrLocalPasswd",
	"KerberosTicketCleanup",
	"KexAlgorithms",
	"LogVerbose",
	"MACs",
	"Metrics",
	"ModuliFile",
	"PermitEmptyPasswords",
	"PermitTunnel",
	"PerSourceMaxStartups",
	"PerSourceNetBlockSize",
	"PerSourcePenalties",
	"PerSourcePenaltyExemptList",
	"ProxyProtocol",
	"PubkeyAcceptedAlgorithms",
	"PubkeyAcceptedKeyTypes",
	"PubkeyAuthOptions",
	"RDomain",
	"RefuseConnection",
	"RequiredRSASize",
	"RequireQKD",
	"RevokedKeys",
	"SecurityKeyProvider",
	"SshdAuthPath",
	"SshdSessionPath",
	"Store",
	"TCPKeepAlive",
	"TrustedUserCAKeys",
	"UnusedConnectionTimeout",
	"UseDNS",
	"VersionAddendum",
	"X11DisplayOffset",
	"X11Forwarding",
	"X11UseLocalhost",
	"XAuthLocation",
};

const char *
qsp_qsshd_config_foreign(const struct qsp_confline *l)
{
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		if (qsp_confline_is(l, foreign[i]))
			return foreign[i];
	}
	return NULL;
}
