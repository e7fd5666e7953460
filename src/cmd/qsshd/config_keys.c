/* SPDX-License-Identifier: ISC */
/*
 * The keywords: a table from a name to what takes its arguments. A keyword of OpenSSH that is not
 * honoured here is refused by name, never ignored: whoever wrote it counts on it.
 */
#include "cmd/qsshd/config_keys.h"

#define AT(field) offsetof(struct qsp_qsshd_config, field)
static const struct qsp_qsshd_keyword keywords[] = {
	{ "AcceptEnv", qsp_qsshd_take_words, AT(accept_env), 0, 0, true },
	{ "AllowAgentForwarding", qsp_qsshd_take_bool, AT(allow_agent_forwarding), 0, 0, true },
	{ "AllowGroups", qsp_qsshd_take_words, AT(allow_groups), 0, 0, true },
	{ "AllowStreamLocalForwarding", qsp_qsshd_take_forwarding, AT(allow_stream_forwarding), 0,
	  0, true },
	{ "AllowTcpForwarding", qsp_qsshd_take_forwarding, AT(allow_tcp_forwarding), 0, 0, true },
	{ "AllowUsers", qsp_qsshd_take_words, AT(allow_users), 0, 0, true },
	{ "AuthenticationMethods", qsp_qsshd_take_ways, AT(auth_methods), 0, 0, true },
	{ "AuthorizedKeysFile", qsp_qsshd_take_first_words, AT(authorized_keys), 0, 0, true },
	{ "ChrootDirectory", qsp_qsshd_take_chroot, AT(chroot), 0, 0, true },
	{ "Ciphers", qsp_qsshd_take_ciphers, 0, 0, 0, false },
	{ "ChallengeResponseAuthentication", qsp_qsshd_take_bool, AT(interactive), 0, 0, true },
	{ "ClientAliveCountMax", qsp_qsshd_take_number, AT(alive_count), 0, 1000, true },
	{ "ClientAliveInterval", qsp_qsshd_take_seconds, AT(alive_s), 0, 0, true },
	{ "Compression", qsp_qsshd_take_compression, AT(compression), 0, 0, false },
	{ "DenyGroups", qsp_qsshd_take_words, AT(deny_groups), 0, 0, true },
	{ "DenyUsers", qsp_qsshd_take_words, AT(deny_users), 0, 0, true },
	{ "DisableForwarding", qsp_qsshd_take_bool, AT(disable_forwarding), 0, 0, true },
	{ "FirstContact", qsp_qsshd_take_bool, AT(first_contact), 0, 0, false },
	{ "ForceCommand", qsp_qsshd_take_rest, AT(force_command), 0, 0, true },
	{ "GatewayPorts", qsp_qsshd_take_gateway, AT(gateway_ports), 0, 0, true },
	{ "HostKey", qsp_qsshd_take_host_key, AT(host_key), 0, 0, false },
	{ "KbdInteractiveAuthentication", qsp_qsshd_take_bool, AT(interactive), 0, 0, true },
	{ "ListenAddress", qsp_qsshd_take_listen, AT(listen), 0, 0, false },
	{ "LogLevel", qsp_qsshd_take_log_level, AT(log_level), 0, 0, false },
	{ "LoginGraceTime", qsp_qsshd_take_seconds, AT(grace_s), 0, 0, false },
	{ "MaxAuthTries", qsp_qsshd_take_number, AT(max_auth_tries), 1, 100, true },
	{ "MaxDetached", qsp_qsshd_take_detached, 0, 0, 0, false },
	{ "MaxSessions", qsp_qsshd_take_number, AT(max_sessions), 0, 1000, true },
	{ "MaxStartups", qsp_qsshd_take_startups, 0, 0, 0, false },
	{ "PAMServiceName", qsp_qsshd_take_pam_service, AT(pam_service), 0, 0, false },
	{ "PasswordAuthentication", qsp_qsshd_take_bool, AT(password), 0, 0, true },
	{ "PermitListen", qsp_qsshd_take_permit_listen, AT(permit_listen), 0, 0, true },
	{ "PermitOpen", qsp_qsshd_take_permit_open, AT(permit_open), 0, 0, true },
	{ "PermitRootLogin", qsp_qsshd_take_root, 0, 0, 0, true },
	{ "PermitTTY", qsp_qsshd_take_bool, AT(permit_tty), 0, 0, true },
	{ "PermitUserEnvironment", qsp_qsshd_take_word, AT(permit_user_env), 0, 0, false },
	{ "PermitUserRC", qsp_qsshd_take_bool, AT(permit_user_rc), 0, 0, true },
	{ "PidFile", qsp_qsshd_take_word, AT(pid_file), 0, 0, false },
	{ "Port", qsp_qsshd_take_port, AT(port), 0, 0, false },
	{ "PrintLastLog", qsp_qsshd_take_bool, AT(print_last_log), 0, 0, false },
	{ "PrintMotd", qsp_qsshd_take_bool, AT(print_motd), 0, 0, false },
	{ "PubkeyAuthentication", qsp_qsshd_take_bool, AT(pubkey), 0, 0, true },
	{ "RekeyLimit", qsp_qsshd_take_rekey, 0, 0, 0, false },
	{ "ResumeTimeout", qsp_qsshd_take_seconds, AT(resume_s), 0, 0, false },
	{ "SecretOverlap", qsp_qsshd_take_seconds, AT(secret_overlap_s), 0, 0, false },
	{ "SetEnv", qsp_qsshd_take_set_env, AT(set_env), 0, 0, true },
	{ "Shaping", qsp_qsshd_take_shaping, 0, 0, 0, false },
	{ "StreamLocalBindMask", qsp_qsshd_take_mask, AT(stream_bind_mask), 0, 0, true },
	{ "StreamLocalBindUnlink", qsp_qsshd_take_bool, AT(stream_bind_unlink), 0, 0, true },
	{ "StrictModes", qsp_qsshd_take_bool, AT(strict_modes), 0, 0, false },
	{ "Subsystem", qsp_qsshd_take_subsystem, 0, 0, 0, true },
	{ "SyslogFacility", qsp_qsshd_take_facility, AT(facility), 0, 0, false },
	{ "UsePAM", qsp_qsshd_take_pam, AT(use_pam), 0, 0, false },
	{ "Wire", qsp_qsshd_take_wire, AT(wire), 0, 0, false },
	{ "Workers", qsp_qsshd_take_number, AT(workers), 1, QSP_CONFIG_WORKERS_MAX, false },
};

qsp_err
qsp_qsshd_config_set(const struct qsp_qsshd_setter *s)
{
	const char *foreign;

	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
		if (!qsp_confline_is(s->l, keywords[i].name))
			continue;
		if (s->in_match && !keywords[i].in_match)
			return QSP_QSSHD_BAD(s, "%s cannot stand in a Match block",
					     keywords[i].name);
		return keywords[i].take(s, &keywords[i]);
	}
	foreign = qsp_qsshd_config_foreign(s->l);
	if (foreign != NULL)
		return QSP_QSSHD_BAD(s, "%s is not supported by this version of qsshd", foreign);
	return QSP_QSSHD_BAD(s, "unknown keyword %.64s", s->l->keyword);
}
