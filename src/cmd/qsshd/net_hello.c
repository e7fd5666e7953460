/* SPDX-License-Identifier: ISC */
/*
 * What qsshd-auth says first, host keys and obfuscation secrets, made into the engine's configuration. A
 * configuration never changes under a connection: where a restarted qsshd-auth says something else,
 * a new one is made, and the old one stays for whom it serves.
 */
#include "cmd/qsshd/net.h"

#include <stdlib.h>

#include "base/mem.h"
#include "proto/shape_conn.h"
#include "sys/log.h"

void
qsp_net_config_free(struct qsp_net_config *c)
{
	while (c != NULL) {
		struct qsp_net_config *older = c->older;

		qsp_config_free(c->engine);
		qsp_mem_wipe_free(c->hello, c->n);
		free(c);
		c = older;
	}
}

static qsp_err
add_keys(struct qsp_net *n, struct qsp_config *cfg, const struct qsp_rpc_hello *m)
{
	struct qsp_key_public key;
	qsp_err e = 0;

	for (size_t i = 0; e == 0 && i < m->n_keys; i++) {
		e = qsp_key_public_parse(n->cx, m->key[i], &key);
		if (e == 0)
			e = qsp_config_add_host_key(cfg, &key);
	}
	for (size_t i = 0; e == 0 && i < m->n_secrets; i++)
		e = qsp_config_add_secret(cfg, m->secret[i].key,
					  (enum qsp_secret_age)m->secret[i].age);
	return e;
}

static qsp_err
make_engine(struct qsp_net *n, const struct qsp_rpc_hello *m, struct qsp_config **out)
{
	const struct qsp_qsshd_config *c = &n->config;
	const struct qsp_shape_allowed shaping = { .modes = (uint8_t)c->shaping,
						   .ceiling = (uint8_t)c->shaping_ceiling };
	struct qsp_qsshd_offer offer;
	struct qsp_config *cfg = NULL;
	qsp_err e = qsp_config_new(n->cx, &cfg);

	*out = NULL;
	if (e)
		return e;
	if (c->n_aead > 0)
		e = qsp_config_set_aeads(cfg, c->aead, c->n_aead);
	if (e == 0)
		e = qsp_qsshd_match_offer(c, NULL, &offer);
	if (e == 0)
		e = add_keys(n, cfg, m);
	if (e) {
		qsp_config_free(cfg);
		return e;
	}
	qsp_config_set_wire(cfg, (enum qsp_wire)c->wire);
	qsp_shape_conn_allow(cfg, &shaping);
	qsp_qsshd_config_rekey(c, cfg);
	qsp_config_set_max_auth_tries(cfg, (unsigned)offer.max_auth_tries);
	qsp_config_set_first_contact(cfg, c->first_contact);
	qsp_config_set_resumable(cfg, c->resume_s > 0 && c->detached_total > 0);
	qsp_config_set_software(cfg, "QSP " QSP_VERSION);
	qsp_config_set_replay(cfg, qsp_net_replay, n);
	qsp_config_set_not_before(cfg, qsp_replaymap_started(n->replay));
	*out = cfg;
	return 0;
}

void
qsp_net_hello(struct qsp_net_worker *w, struct qsp_bytes body)
{
	struct qsp_net_config *made;
	struct qsp_rpc_hello m;
	qsp_err e;

	if (w->config != NULL && qsp_bytes_equal(qsp_bytes(w->config->hello, w->config->n), body))
		return;
	made = calloc(1, sizeof(*made));
	e = made ? qsp_rpc_get_hello(body, &m) : QSP_E_NOMEM;
	if (e == 0)
		e = make_engine(w->net, &m, &made->engine);
	if (e == 0 && (made->hello = qsp_mem_copy(body)) == NULL)
		e = QSP_E_NOMEM;
	qsp_mem_wipe(&m, sizeof(m));
	if (e) {
		qsp_log(QSP_LOG_ERROR, "host keys cannot be used: %s", qsp_err_text(e));
		qsp_net_config_free(made);
		return;
	}
	made->n = body.n;
	made->older = w->config;
	w->config = made;
	qsp_net_worker_listen(w);
}
