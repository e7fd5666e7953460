/* SPDX-License-Identifier: ISC */
/* The fields of the configuration as tables: all that begins, copies and ends them goes by these. */
#include "cmd/qsshd/config.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define AT(field) offsetof(struct qsp_qsshd_config, field)

static const size_t lists[] = {
	AT(port),
	AT(listen),
	AT(host_key),
	AT(authorized_keys),
	AT(allow_users),
	AT(deny_users),
	AT(allow_groups),
	AT(deny_groups),
	AT(accept_env),
	AT(pid_file),
	AT(chroot),
	AT(force_command),
	AT(set_env),
	AT(permit_user_env),
	AT(auth_methods),
	AT(pam_service),
	AT(permit_open),
	AT(permit_listen),
	/* a pair, of which inherit takes care itself */
	AT(subsystem),
	AT(subsystem_command),
};
#define PAIRED 2u

static const size_t numbers[] = {
	AT(strict_modes),
	AT(password),
	AT(pubkey),
	AT(first_contact),
	AT(max_auth_tries),
	AT(max_sessions),
	AT(workers),
	AT(startups_begin),
	AT(startups_rate),
	AT(startups_full),
	AT(resume_s),
	AT(secret_overlap_s),
	AT(detached_each),
	AT(detached_total),
	AT(grace_s),
	AT(log_level),
	AT(facility),
	AT(wire),
	AT(compression),
	AT(shaping),
	AT(shaping_ceiling),
	AT(root),
	AT(allow_tcp_forwarding),
	AT(allow_stream_forwarding),
	AT(gateway_ports),
	AT(allow_agent_forwarding),
	AT(disable_forwarding),
	AT(stream_bind_mask),
	AT(stream_bind_unlink),
	AT(interactive),
	AT(use_pam),
	AT(permit_tty),
	AT(permit_user_rc),
	AT(print_motd),
	AT(print_last_log),
	AT(alive_s),
	AT(alive_count),
};

static struct qsp_qsshd_list *
list_at(struct qsp_qsshd_config *c, size_t at)
{
	return (struct qsp_qsshd_list *)(void *)((char *)c + at);
}

static const struct qsp_qsshd_list *
list_in(const struct qsp_qsshd_config *c, size_t at)
{
	return (const struct qsp_qsshd_list *)(const void *)((const char *)c + at);
}

static int *
number_at(struct qsp_qsshd_config *c, size_t at)
{
	return (int *)(void *)((char *)c + at);
}

static int
number_in(const struct qsp_qsshd_config *c, size_t at)
{
	return *(const int *)(const void *)((const char *)c + at);
}

void
qsp_qsshd_config_init(struct qsp_qsshd_config *c)
{
	memset(c, 0, sizeof(*c));
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		*number_at(c, numbers[i]) = -1;
}

void
qsp_qsshd_config_free(struct qsp_qsshd_config *c)
{
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct qsp_qsshd_list *l = list_at(c, lists[i]);

		for (size_t k = 0; k < l->n; k++)
			free(l->v[k]);
		l->n = 0;
	}
	free(c->match);
	c->match = NULL;
}

bool
qsp_qsshd_list_add(struct qsp_qsshd_list *l, const char *s)
{
	if (l->n == QSP_CONFIG_LIST_MAX || (l->v[l->n] = strdup(s)) == NULL)
		return false;
	l->n++;
	return true;
}

/* Those of base whose name c has not. */
static qsp_err
inherit_subsystems(struct qsp_qsshd_config *c, const struct qsp_qsshd_config *base)
{
	size_t own = c->subsystem.n;

	for (size_t i = 0; i < base->subsystem.n; i++) {
		size_t k = 0;

		while (k < own && strcmp(c->subsystem.v[k], base->subsystem.v[i]) != 0)
			k++;
		if (k == own &&
		    (!qsp_qsshd_list_add(&c->subsystem, base->subsystem.v[i]) ||
		     !qsp_qsshd_list_add(&c->subsystem_command, base->subsystem_command.v[i])))
			return QSP_E_NOMEM;
	}
	return 0;
}

qsp_err
qsp_qsshd_config_inherit(struct qsp_qsshd_config *c, const struct qsp_qsshd_config *base)
{
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]) - PAIRED; i++) {
		const struct qsp_qsshd_list *from = list_in(base, lists[i]);
		struct qsp_qsshd_list *to = list_at(c, lists[i]);

		for (size_t k = 0, n = to->n > 0 ? 0 : from->n; k < n; k++) {
			if (!qsp_qsshd_list_add(to, from->v[k]))
				return QSP_E_NOMEM;
		}
	}
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		int *to = number_at(c, numbers[i]);

		if (*to < 0)
			*to = number_in(base, numbers[i]);
	}
	if (c->n_aead == 0) {
		memcpy(c->aead, base->aead, sizeof(c->aead));
		c->n_aead = base->n_aead;
	}
	if (!c->has_rekey) {
		c->has_rekey = base->has_rekey;
		c->rekey_cells = base->rekey_cells;
		c->rekey_s = base->rekey_s;
	}
	return inherit_subsystems(c, base);
}
