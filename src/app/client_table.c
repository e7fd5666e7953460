/* SPDX-License-Identifier: ISC */
/*
 * The tables of a client's configuration. A keyword of ssh_config stands in exactly one of the two:
 * nothing is parsed and then ignored.
 */
#include "app/client_table.h"

#include <stddef.h>
#include <sys/socket.h>

#include "proto/shape.h"
#include "sys/log.h"

static const struct qsp_client_choice no_yes[] = { { "no", QSP_CLIENT_NO },
						   { "yes", QSP_CLIENT_YES },
						   { "false", QSP_CLIENT_NO },
						   { "true", QSP_CLIENT_YES },
						   { NULL, 0 } };
static const struct qsp_client_choice families[] = {
	{ "any", AF_UNSPEC }, { "inet", AF_INET }, { "inet6", AF_INET6 }, { NULL, 0 }
};
static const struct qsp_client_choice stricts[] = { { "ask", QSP_CLIENT_ASK },
						    { "yes", QSP_CLIENT_YES },
						    { "no", QSP_CLIENT_NO },
						    { "off", QSP_CLIENT_NO },
						    { "accept-new", QSP_CLIENT_ACCEPT_NEW },
						    { NULL, 0 } };
static const struct qsp_client_choice contacts[] = {
	{ "ask", QSP_CLIENT_ASK }, { "yes", QSP_CLIENT_YES }, { "no", QSP_CLIENT_NO }, { NULL, 0 }
};
static const struct qsp_client_choice ttys[] = { { "auto", QSP_CLIENT_ASK },
						 { "no", QSP_CLIENT_NO },
						 { "yes", QSP_CLIENT_YES },
						 { "force", QSP_CLIENT_FORCE },
						 { NULL, 0 } };
static const struct qsp_client_choice sessions[] = { { "default", QSP_CLIENT_SESSION },
						     { "none", QSP_CLIENT_SESSION_NONE },
						     { "subsystem", QSP_CLIENT_SUBSYSTEM },
						     { NULL, 0 } };
static const struct qsp_client_choice masters[] = {
	{ "no", QSP_CLIENT_NO },     { "yes", QSP_CLIENT_YES },          { "ask", QSP_CLIENT_ASK },
	{ "auto", QSP_CLIENT_AUTO }, { "autoask", QSP_CLIENT_AUTO_ASK }, { NULL, 0 }
};
static const struct qsp_client_choice kems[] = { { "mlkem768x25519", QSP_KEY_MLKEM768X25519 },
						 { "mlkem1024x25519", QSP_KEY_MLKEM1024X25519 },
						 { "kyber768", QSP_KEY_MLKEM768X25519 },
						 { "kyber1024", QSP_KEY_MLKEM1024X25519 },
						 { NULL, 0 } };
static const struct qsp_client_choice wires[] = { { "cell", QSP_WIRE_CELLS },
						  { "frame", QSP_WIRE_FRAMES },
						  { NULL, 0 } };
static const struct qsp_client_choice stealths[] = { { "no", QSP_CLIENT_NO },
						     { "yes", QSP_CLIENT_YES },
						     { "strict", QSP_CLIENT_YES },
						     { "adaptive", QSP_CLIENT_ADAPTIVE },
						     { NULL, 0 } };
static const struct qsp_client_choice paddings[] = {
	{ "none", 0 }, { "burst", QSP_SHAPE_BURST }, { "max", QSP_SHAPE_MAX }, { NULL, 0 }
};
static const struct qsp_client_choice levels[] = {
	{ "quiet", QSP_LOG_QUIET },     { "fatal", QSP_LOG_FATAL },
	{ "error", QSP_LOG_ERROR },     { "info", QSP_LOG_INFO },
	{ "verbose", QSP_LOG_VERBOSE }, { "debug1", QSP_LOG_DEBUG1 },
	{ "debug", QSP_LOG_DEBUG1 },    { "debug2", QSP_LOG_DEBUG2 },
	{ "debug3", QSP_LOG_DEBUG3 },   { NULL, 0 }
};
#define AT(member) .at = offsetof(struct qsp_client_config, member)
#define ONE_OF(keyword, member, names, def)                                                        \
	{                                                                                          \
		.name = keyword, .choices = names, AT(member), .kind = QSP_CLIENT_CHOICE,          \
		.fallback = def                                                                    \
	}
#define YES_NO(keyword, member, def) ONE_OF(keyword, member, no_yes, def)
#define INTEGER(keyword, what, member, least, most, def)                                           \
	{                                                                                          \
		.name = keyword, AT(member), .kind = what, .min = least, .max = most,              \
		.fallback = def                                                                    \
	}
#define TEXT(keyword, what, member, def)                                                           \
	{                                                                                          \
		.name = keyword, .text = def, AT(member), .kind = what                             \
	}
#define FORWARDS(keyword, member, which)                                                           \
	{                                                                                          \
		.name = keyword, AT(member), .kind = QSP_CLIENT_FORWARDS, .min = which             \
	}

#define METHODS "publickey,keyboard-interactive,password"
#define IDENTITIES "~/.qssh/id_kyber768 ~/.qssh/id_kyber1024 ~/.qssh/id_dilithium3"

const struct qsp_client_keyword qsp_client_table[] = {
	TEXT("User", QSP_CLIENT_STRING, user, NULL),
	TEXT("HostName", QSP_CLIENT_STRING, host_name, NULL),
	INTEGER("Port", QSP_CLIENT_NUMBER, port, 1, 65535, 8022),
	TEXT("AddKeysToAgent", QSP_CLIENT_REST, add_keys, "no"),
	ONE_OF("AddressFamily", address_family, families, AF_UNSPEC),
	YES_NO("BatchMode", batch_mode, QSP_CLIENT_NO),
	TEXT("BindAddress", QSP_CLIENT_STRING, bind_address, NULL),
	INTEGER("Budget", QSP_CLIENT_NUMBER, budget, 0, 1000000, 0),
	TEXT("Ciphers", QSP_CLIENT_CIPHERS, ciphers,
	     "aes256-gcm,chacha20-poly1305,aes256-ctr-hmac-sha3-256"),
	YES_NO("ClearAllForwardings", clear_all_forwardings, QSP_CLIENT_NO),
	YES_NO("Compression", compression, QSP_CLIENT_NO),
	INTEGER("ConnectionAttempts", QSP_CLIENT_NUMBER, connection_attempts, 1, 1000, 1),
	INTEGER("ConnectTimeout", QSP_CLIENT_TIME, connect_timeout, 0, 86400, 0),
	ONE_OF("ControlMaster", control_master, masters, QSP_CLIENT_NO),
	TEXT("ControlPath", QSP_CLIENT_STRING, control_path, NULL),
	INTEGER("ControlPersist", QSP_CLIENT_PERSIST, control_persist, 0, 365 * 86400,
		QSP_CLIENT_NO_PERSIST),
	FORWARDS("DynamicForward", dynamic_forward, 'D'),
	YES_NO("EnableEscapeCommandline", escape_commandline, QSP_CLIENT_YES),
	INTEGER("EscapeChar", QSP_CLIENT_ESCAPE, escape_char, 0, 0, '~'),
	YES_NO("ExitOnForwardFailure", exit_on_forward_failure, QSP_CLIENT_NO),
	ONE_OF("FirstContact", first_contact, contacts, QSP_CLIENT_ASK),
	YES_NO("ForkAfterAuthentication", fork_after, QSP_CLIENT_NO),
	TEXT("ForwardAgent", QSP_CLIENT_STRING, forward_agent, "no"),
	YES_NO("GatewayPorts", gateway_ports, QSP_CLIENT_NO),
	TEXT("GlobalKnownHostsFile", QSP_CLIENT_LIST_SET, global_known_hosts,
	     "/etc/qssh/known_hosts"),
	YES_NO("HashKnownHosts", hash_known_hosts, QSP_CLIENT_NO),
	TEXT("HostKeyAlias", QSP_CLIENT_STRING, host_key_alias, NULL),
	YES_NO("IdentitiesOnly", identities_only, QSP_CLIENT_NO),
	TEXT("IdentityAgent", QSP_CLIENT_STRING, identity_agent, NULL),
	TEXT("IdentityFile", QSP_CLIENT_LIST_ADD, identity_files, IDENTITIES),
	TEXT("IgnoreUnknown", QSP_CLIENT_STRING, ignore_unknown, NULL),
	YES_NO("KbdInteractiveAuthentication", interactive, QSP_CLIENT_YES),
	ONE_OF("Kem", kem, kems, QSP_KEY_MLKEM768X25519),
	TEXT("LocalCommand", QSP_CLIENT_REST, local_command, NULL),
	FORWARDS("LocalForward", local_forward, 'L'),
	ONE_OF("LogLevel", log_level, levels, QSP_LOG_INFO),
	INTEGER("NumberOfPasswordPrompts", QSP_CLIENT_NUMBER, password_prompts, 0, 100, 3),
	INTEGER("ObscureKeystrokeTiming", QSP_CLIENT_GRID, grid, QSP_SHAPE_GRID_LEAST,
		QSP_SHAPE_GRID_MOST, QSP_SHAPE_GRID_MS),
	ONE_OF("Padding", padding, paddings, 0),
	YES_NO("PasswordAuthentication", password, QSP_CLIENT_YES),
	YES_NO("PermitLocalCommand", permit_local_command, QSP_CLIENT_NO),
	TEXT("PermitRemoteOpen", QSP_CLIENT_LIST_SET, permit_remote_open, "any"),
	TEXT("PreferredAuthentications", QSP_CLIENT_STRING, preferred_authentications, METHODS),
	TEXT("ProxyCommand", QSP_CLIENT_REST, proxy_command, NULL),
	TEXT("ProxyJump", QSP_CLIENT_JUMP, proxy_jump, NULL),
	YES_NO("PubkeyAuthentication", pubkey, QSP_CLIENT_YES),
	FORWARDS("RemoteForward", remote_forward, 'R'),
	TEXT("RemoteCommand", QSP_CLIENT_REST, remote_command, NULL),
	ONE_OF("RequestTTY", request_tty, ttys, QSP_CLIENT_ASK),
	TEXT("SendEnv", QSP_CLIENT_LIST_ADD, send_env, NULL),
	INTEGER("ServerAliveCountMax", QSP_CLIENT_NUMBER, alive_count, 1, 1000000, 3),
	INTEGER("ServerAliveInterval", QSP_CLIENT_TIME, alive_interval, 0, 86400, 0),
	INTEGER("ResumeTimeout", QSP_CLIENT_TIME, resume_timeout, 0, 86400, 3600),
	ONE_OF("SessionType", session_type, sessions, QSP_CLIENT_SESSION),
	TEXT("SetEnv", QSP_CLIENT_LIST_ADD, set_env, NULL),
	ONE_OF("Stealth", stealth, stealths, QSP_CLIENT_NO),
	YES_NO("StdinNull", stdin_null, QSP_CLIENT_NO),
	INTEGER("StreamLocalBindMask", QSP_CLIENT_OCTAL, stream_bind_mask, 0, 0777, 0177),
	YES_NO("StreamLocalBindUnlink", stream_bind_unlink, QSP_CLIENT_NO),
	ONE_OF("StrictHostKeyChecking", strict, stricts, QSP_CLIENT_ASK),
	YES_NO("TCPKeepAlive", tcp_keepalive, QSP_CLIENT_YES),
	TEXT("UserKnownHostsFile", QSP_CLIENT_LIST_SET, user_known_hosts, "~/.qssh/known_hosts"),
	ONE_OF("Wire", wire, wires, QSP_WIRE_CELLS),
};

const size_t qsp_client_table_n = sizeof(qsp_client_table) / sizeof(qsp_client_table[0]);

const struct qsp_client_lack qsp_client_table_lacking[] = {
	{ "CanonicalizeFallbackLocal", "*" },
	{ "CanonicalizeHostname", "no" },
	{ "CASignatureAlgorithms", "" },
	{ "CertificateFile", "" },
	{ "ChannelTimeout", "" },
	{ "CheckHostIP", "no" },
	{ "EnableSSHKeysign", "no" },
	{ "FingerprintHash", "" },
	{ "ForwardX11", "no" },
	{ "ForwardX11Timeout", "*" },
	{ "ForwardX11Trusted", "*" },
	{ "GSSAPIAuthentication", "no" },
	{ "GSSAPIDelegateCredentials", "no" },
	{ "HostbasedAcceptedAlgorithms", "" },
	{ "HostbasedAuthentication", "no" },
	{ "HostKeyAlgorithms", "" },
	{ "IPQoS", "none" },
	{ "KbdInteractiveDevices", "" },
	{ "KexAlgorithms", "" },
	{ "KnownHostsCommand", "none" },
	{ "LogVerbose", "" },
	{ "MACs", "" },
	{ "NoHostAuthenticationForLocalhost", "no" },
	{ "PKCS11Provider", "none" },
	{ "ProxyUseFdpass", "no" },
	{ "PubkeyAcceptedAlgorithms", "" },
	{ "RekeyLimit", "default" },
	{ "RequiredRSASize", "*" },
	{ "RevokedHostKeys", "none" },
	{ "SecurityKeyProvider", "" },
	{ "SyslogFacility", "" },
	{ "Tag", "" },
	{ "Tunnel", "no" },
	{ "TunnelDevice", "*" },
	{ "UpdateHostKeys", "no" },
	{ "VerifyHostKeyDNS", "no" },
	{ "VisualHostKey", "no" },
	{ "XAuthLocation", "*" },
};
const size_t qsp_client_table_lacking_n =
	sizeof(qsp_client_table_lacking) / sizeof(qsp_client_table_lacking[0]);
