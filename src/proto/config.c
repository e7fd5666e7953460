/* SPDX-License-Identifier: ISC */
/* Configurations: built once, shared by connections. */
#include "base/mem.h"
#include "proto/state.h"

qsp_err
qsp_config_new(const struct qsp_crypto *cx, struct qsp_config **out)
{
	static const uint8_t aeads[] = { QSP_AES256_GCM, QSP_CHACHA20_POLY1305,
					 QSP_AES256_CTR_HMAC_SHA3_256 };
	struct qsp_config *cfg = qsp_mem_alloc(sizeof(*cfg));
	qsp_err e = QSP_OK;

	*out = NULL;
	if (!cfg)
		return QSP_E_NOMEM;
	cfg->cx = cx;
	memcpy(cfg->aeads, aeads, sizeof(aeads));
	cfg->n_aeads = sizeof(aeads);
	cfg->plain_cells = 1u << 16; /* [P5.1] */
	cfg->kem_cells = 1u << 20;
	cfg->kem_ms = 600000;
	cfg->max_auth_tries = 6;
	cfg->methods[cfg->n_methods++] = QSP_METHOD_KEM;
	cfg->methods[cfg->n_methods++] = QSP_METHOD_SIGNATURE;
	cfg->first_contact = true;
	cfg->software = "QSP";
	cfg->shaping.modes = 1u << QSP_SHAPE_PLAIN | 1u << QSP_SHAPE_PADDED;
	cfg->first_contact_key.psk_index = -1;
	e = qsp_schedule_ok_first_contact(cx, cfg->first_contact_key.ok);
	/* Decoys are the public halves of keys that nobody keeps [P4.5]. */
	for (uint8_t type = 1; !e && type <= 2; type++) {
		struct qsp_key *key;

		if ((e = qsp_key_generate(cx, type, &key)) == 0)
			cfg->decoys[type - 1] = *qsp_key_get_public(key);
		qsp_key_free(key);
	}
	if (e) {
		qsp_config_free(cfg);
		return e;
	}
	*out = cfg;
	return QSP_OK;
}

void
qsp_config_free(struct qsp_config *cfg)
{
	if (!cfg)
		return;
	qsp_mem_free((void *)(uintptr_t)cfg->certificate.p);
	qsp_mem_wipe_free(cfg, sizeof(*cfg));
}

qsp_err
qsp_config_set_aeads(struct qsp_config *cfg, const uint8_t *ids, size_t n)
{
	if (n == 0 || n > sizeof(cfg->aeads))
		return QSP_E_INPUT;
	for (size_t i = 0; i < n; i++)
		if (!qsp_aead_by_id(ids[i]))
			return QSP_E_UNSUPPORTED;
	memcpy(cfg->aeads, ids, n);
	cfg->n_aeads = (uint8_t)n;
	return QSP_OK;
}

void
qsp_config_set_wire(struct qsp_config *cfg, enum qsp_wire wire)
{
	cfg->wire = wire;
}

void
qsp_config_set_rekey(struct qsp_config *cfg, uint64_t plain_cells, uint64_t kem_cells,
		     uint64_t kem_ms)
{
	cfg->plain_cells = plain_cells;
	cfg->kem_cells = kem_cells;
	cfg->kem_ms = kem_ms;
}

void
qsp_config_set_max_auth_tries(struct qsp_config *cfg, unsigned n)
{
	cfg->max_auth_tries = n;
}

qsp_err
qsp_config_set_methods(struct qsp_config *cfg, const uint8_t *methods, size_t n)
{
	if (n > sizeof(cfg->methods))
		return QSP_E_INPUT;
	if (n > 0)
		memcpy(cfg->methods, methods, n);
	cfg->n_methods = (uint8_t)n;
	return QSP_OK;
}

void
qsp_config_set_first_contact(struct qsp_config *cfg, bool allowed)
{
	cfg->first_contact = allowed;
}

void
qsp_config_set_resumable(struct qsp_config *cfg, bool on)
{
	cfg->resumable = on;
}

qsp_err
qsp_config_add_host_key(struct qsp_config *cfg, const struct qsp_key_public *key)
{
	if (!qsp_key_type_is_kem(key->blob[0]))
		return QSP_E_UNSUPPORTED;
	if (cfg->n_host_keys == QSP_HOST_KEY_MAX)
		return QSP_E_ROOM;
	for (size_t i = 0; i < cfg->n_host_keys; i++)
		if (cfg->host_keys[i].blob[0] == key->blob[0])
			return QSP_E_INPUT;
	cfg->host_keys[cfg->n_host_keys++] = *key;
	return QSP_OK;
}

qsp_err
qsp_config_add_secret(struct qsp_config *cfg, const uint8_t secret[QSP_OK_LEN],
		      enum qsp_secret_age age)
{
	struct qsp_listen_key *k = &cfg->keys[cfg->n_keys];

	if (cfg->n_secrets == QSP_SECRET_MAX)
		return QSP_E_ROOM;
	if (age == QSP_SECRET_CURRENT && cfg->has_secret)
		return QSP_E_INPUT;
	memcpy(k->ok, secret, QSP_OK_LEN);
	k->ok_class = QSP_OK_SECRET;
	k->age = age;
	k->psk_index = -1;
	cfg->n_keys++;
	cfg->n_secrets++;
	if (age == QSP_SECRET_CURRENT) {
		memcpy(cfg->current_secret, secret, QSP_OK_LEN);
		cfg->has_secret = true;
	}
	return QSP_OK;
}

qsp_err
qsp_config_add_psk(struct qsp_config *cfg, const uint8_t psk[QSP_OK_LEN])
{
	struct qsp_listen_key *k = &cfg->keys[cfg->n_keys];
	qsp_err e;

	if (cfg->n_psks == QSP_PSK_MAX)
		return QSP_E_ROOM;
	if ((e = qsp_schedule_ok_psk(cfg->cx, psk, k->ok)) != 0)
		return e;
	memcpy(k->psk, psk, QSP_OK_LEN);
	k->ok_class = QSP_OK_PSK;
	k->age = QSP_SECRET_CURRENT;
	k->psk_index = (int)cfg->n_psks++;
	cfg->n_keys++;
	return QSP_OK;
}

qsp_err
qsp_config_set_certificate(struct qsp_config *cfg, struct qsp_bytes body)
{
	uint8_t *copy;

	if (body.n > QSP_MSG_EARLY_MAX)
		return QSP_E_INPUT;
	if ((copy = qsp_mem_copy(body)) == NULL)
		return QSP_E_NOMEM;
	qsp_mem_free((void *)(uintptr_t)cfg->certificate.p);
	cfg->certificate = qsp_bytes(copy, body.n);
	return QSP_OK;
}

void
qsp_config_set_software(struct qsp_config *cfg, const char *name)
{
	cfg->software = name;
}

void
qsp_config_set_replay(struct qsp_config *cfg, qsp_replay_fn fn, void *arg)
{
	cfg->replay = fn;
	cfg->replay_arg = arg;
}

void
qsp_config_set_not_before(struct qsp_config *cfg, qsp_time wall)
{
	cfg->not_before = wall;
}
