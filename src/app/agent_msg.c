/* SPDX-License-Identifier: ISC */
/* The agent protocol's messages (docs/agent.md), one branch for each. */
#include "app/agent_msg.h"

#include <stdio.h>

#define NAME_MAX_LEN 48
#define CONSTRAIN_LIFETIME 1
#define CONSTRAIN_CONFIRM 2

static const char *const ext_names[] = {
	[QSP_AGENT_EXT_QUERY] = "query",
	[QSP_AGENT_EXT_KEM_MIX] = "kem-mix@qsp",
	[QSP_AGENT_EXT_FORWARDED] = "forwarded@qsp",
};
#define EXTS (sizeof(ext_names) / sizeof(*ext_names))

const char *
qsp_agent_msg_ext_name(enum qsp_agent_ext ext)
{
	return ext_names[ext];
}

/* --- keys ------------------------------------------------------------------------------------ */

static void
name_of(uint8_t type, char out[NAME_MAX_LEN])
{
	const char *name = qsp_key_type_name(type);

	snprintf(out, NAME_MAX_LEN, "%s@qsp", name ? name : "unknown");
}

/* The type that a name says, or 0. */
static uint8_t
type_of(struct qsp_bytes name)
{
	char want[NAME_MAX_LEN];

	for (unsigned type = 1; type < 256; type++) {
		if (!qsp_key_type_name((uint8_t)type))
			continue;
		name_of((uint8_t)type, want);
		if (qsp_bytes_is(name, want))
			return (uint8_t)type;
	}
	return 0;
}

/* The blob of [P1.1] in a key blob; the type is said twice, and both must agree. */
static struct qsp_bytes
take_key(struct qsp_reader *r)
{
	struct qsp_reader in = qsp_reader_of(qsp_reader_vec32(r));
	uint8_t type = type_of(qsp_reader_vec32(&in));
	struct qsp_bytes blob = qsp_reader_vec32(&in);

	if (qsp_reader_done(&in) != 0 || type == 0 || blob.n == 0 || blob.p[0] != type)
		return QSP_BYTES_NONE;
	return blob;
}

void
qsp_agent_msg_put_key(struct qsp_writer *w, const struct qsp_key_public *key)
{
	char name[NAME_MAX_LEN];

	name_of(key->blob[0], name);
	qsp_writer_u32(w, (uint32_t)(4 + strlen(name) + 4 + key->len));
	qsp_writer_vec32(w, qsp_bytes_str(name));
	qsp_writer_vec32(w, qsp_bytes(key->blob, key->len));
}

void
qsp_agent_msg_put_signature(struct qsp_writer *w, uint8_t type, struct qsp_bytes signature)
{
	char name[NAME_MAX_LEN];

	name_of(type, name);
	qsp_writer_u32(w, (uint32_t)(4 + strlen(name) + 4 + signature.n));
	qsp_writer_vec32(w, qsp_bytes_str(name));
	qsp_writer_vec32(w, signature);
}

/* --- requests -------------------------------------------------------------------------------- */

static qsp_err
get_add(struct qsp_reader *r, struct qsp_agent_msg *m)
{
	m->key_type = type_of(qsp_reader_vec32(r));
	if (m->key_type == 0)
		return r->failed ? QSP_E_INPUT : QSP_E_UNSUPPORTED;
	m->seed = qsp_reader_vec32(r);
	m->comment = qsp_reader_vec32(r);
	while (m->type == QSP_AGENT_ADD_CONSTRAINED && !r->failed && r->left.n > 0) {
		switch (qsp_reader_u8(r)) {
		case CONSTRAIN_LIFETIME: m->lifetime = qsp_reader_u32(r); break;
		case CONSTRAIN_CONFIRM: m->confirm = true; break;
		default: return QSP_E_UNSUPPORTED; /* what is not understood is not promised */
		}
	}
	if (m->seed.n != qsp_key_seed_len(m->key_type))
		return QSP_E_INPUT;
	return qsp_reader_done(r);
}

static qsp_err
get_extension(struct qsp_reader *r, struct qsp_agent_msg *m)
{
	struct qsp_bytes name = qsp_reader_vec32(r);

	for (size_t i = 1; i < EXTS; i++)
		if (qsp_bytes_is(name, ext_names[i]))
			m->ext = (enum qsp_agent_ext)i;
	if (m->ext == QSP_AGENT_EXT_KEM_MIX) {
		m->key_id = qsp_reader_vec32(r);
		m->suite = qsp_reader_u8(r);
		m->ck = qsp_reader_vec32(r);
		m->point = qsp_reader_vec32(r);
		m->ct = qsp_reader_vec32(r);
		if (m->key_id.n != QSP_KEY_ID_LEN || m->point.n != 32)
			return QSP_E_INPUT;
	} else if (m->ext == QSP_AGENT_EXT_FORWARDED) {
		m->host = qsp_reader_vec32(r);
	} else if (m->ext == QSP_AGENT_EXT_UNKNOWN) {
		(void)qsp_reader_rest(r);
	}
	return qsp_reader_done(r);
}

qsp_err
qsp_agent_msg_get(struct qsp_bytes in, struct qsp_agent_msg *m)
{
	struct qsp_reader r = qsp_reader_of(in);

	memset(m, 0, sizeof(*m));
	m->type = qsp_reader_u8(&r);
	switch (m->type) {
	case QSP_AGENT_REQUEST_IDENTITIES:
	case QSP_AGENT_REMOVE_ALL: break;
	case QSP_AGENT_SIGN_REQUEST:
		m->key = take_key(&r);
		m->data = qsp_reader_vec32(&r);
		m->flags = qsp_reader_u32(&r);
		break;
	case QSP_AGENT_REMOVE_IDENTITY: m->key = take_key(&r); break;
	case QSP_AGENT_LOCK:
	case QSP_AGENT_UNLOCK: m->data = qsp_reader_vec32(&r); break;
	case QSP_AGENT_ADD_IDENTITY:
	case QSP_AGENT_ADD_CONSTRAINED: return get_add(&r, m);
	case QSP_AGENT_EXTENSION: return get_extension(&r, m);
	default: return QSP_E_UNSUPPORTED;
	}
	return qsp_reader_done(&r);
}

void
qsp_agent_msg_begin(struct qsp_writer *w, enum qsp_agent_type type)
{
	qsp_writer_u32(w, 0);
	qsp_writer_u8(w, (uint8_t)type);
}

void
qsp_agent_msg_end(struct qsp_writer *w)
{
	if (!w->failed)
		qsp_bytes_put32(w->p, (uint32_t)(w->n - 4));
}

static void
put_add(struct qsp_writer *w, const struct qsp_agent_msg *m)
{
	char name[NAME_MAX_LEN];

	name_of(m->key_type, name);
	qsp_writer_vec32(w, qsp_bytes_str(name));
	qsp_writer_vec32(w, m->seed);
	qsp_writer_vec32(w, m->comment);
	if (m->type != QSP_AGENT_ADD_CONSTRAINED)
		return;
	if (m->lifetime) {
		qsp_writer_u8(w, CONSTRAIN_LIFETIME);
		qsp_writer_u32(w, m->lifetime);
	}
	if (m->confirm)
		qsp_writer_u8(w, CONSTRAIN_CONFIRM);
}

static void
put_key_bytes(struct qsp_writer *w, struct qsp_bytes blob)
{
	struct qsp_key_public key = { .len = (uint16_t)blob.n };

	if (blob.n == 0 || blob.n > sizeof(key.blob)) {
		w->failed = true;
		return;
	}
	memcpy(key.blob, blob.p, blob.n);
	qsp_agent_msg_put_key(w, &key);
}

void
qsp_agent_msg_put(struct qsp_writer *w, const struct qsp_agent_msg *m)
{
	qsp_agent_msg_begin(w, (enum qsp_agent_type)m->type);
	switch (m->type) {
	case QSP_AGENT_SIGN_REQUEST:
		put_key_bytes(w, m->key);
		qsp_writer_vec32(w, m->data);
		qsp_writer_u32(w, m->flags);
		break;
	case QSP_AGENT_REMOVE_IDENTITY: put_key_bytes(w, m->key); break;
	case QSP_AGENT_LOCK:
	case QSP_AGENT_UNLOCK: qsp_writer_vec32(w, m->data); break;
	case QSP_AGENT_ADD_IDENTITY:
	case QSP_AGENT_ADD_CONSTRAINED: put_add(w, m); break;
	case QSP_AGENT_EXTENSION:
		qsp_writer_vec32(w, qsp_bytes_str(ext_names[m->ext]));
		if (m->ext == QSP_AGENT_EXT_KEM_MIX) {
			qsp_writer_vec32(w, m->key_id);
			qsp_writer_u8(w, m->suite);
			qsp_writer_vec32(w, m->ck);
			qsp_writer_vec32(w, m->point);
			qsp_writer_vec32(w, m->ct);
		} else if (m->ext == QSP_AGENT_EXT_FORWARDED) {
			qsp_writer_vec32(w, m->host);
		}
		break;
	default: break;
	}
	qsp_agent_msg_end(w);
}

/* --- answers --------------------------------------------------------------------------------- */

qsp_err
qsp_agent_msg_get_list(struct qsp_bytes in, struct qsp_agent_list *l)
{
	l->r = qsp_reader_of(in);
	if (qsp_reader_u8(&l->r) != QSP_AGENT_IDENTITIES_ANSWER)
		return QSP_E_INPUT;
	l->left = qsp_reader_u32(&l->r);
	return l->r.failed ? QSP_E_INPUT : QSP_OK;
}

bool
qsp_agent_msg_next(struct qsp_agent_list *l, struct qsp_agent_identity *out)
{
	while (l->left > 0 && !l->r.failed) {
		l->left--;
		out->blob = take_key(&l->r);
		out->comment = qsp_reader_vec32(&l->r);
		if (!l->r.failed && out->blob.n > 0)
			return true;
	}
	return false;
}

qsp_err
qsp_agent_msg_get_signature(struct qsp_bytes in, struct qsp_bytes *out)
{
	struct qsp_reader r = qsp_reader_of(in), sig;
	bool right = qsp_reader_u8(&r) == QSP_AGENT_SIGN_RESPONSE;

	sig = qsp_reader_of(qsp_reader_vec32(&r));
	(void)qsp_reader_vec32(&sig);
	*out = qsp_reader_vec32(&sig);
	return right && qsp_reader_done(&r) == 0 ? qsp_reader_done(&sig) : QSP_E_INPUT;
}

qsp_err
qsp_agent_msg_get_mixed(struct qsp_bytes in, struct qsp_bytes *out)
{
	struct qsp_reader r = qsp_reader_of(in);
	bool right = qsp_reader_u8(&r) == QSP_AGENT_EXTENSION_RESPONSE &&
		     qsp_bytes_is(qsp_reader_vec32(&r), ext_names[QSP_AGENT_EXT_KEM_MIX]);

	*out = qsp_reader_vec32(&r);
	return right ? qsp_reader_done(&r) : QSP_E_INPUT;
}
