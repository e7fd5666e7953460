/* SPDX-License-Identifier: ISC */
/*
 * A key is kept as its seed. What computes is made for one request and freed, wiped, behind it, so
 * that no library keeps a copy whose place we do not know.
 */
#include "app/agent.h"

#include <stdio.h>

#include "base/ct.h"
#include "base/mem.h"
#include "base/text.h"
#include "crypto/kdf.h"
#include "crypto/rand.h"
#include "proto/proof.h"
#include "sys/lockmem.h"

#define SALT_LEN 16
#define LOCK_LEN 32
#define LATE_MIN_MS 100
#define LATE_MAX_MS 10000

struct held {
	bool used, confirm;
	qsp_time until; /* 0: for ever */
	struct qsp_key_public pub;
	size_t comment_len;
	uint8_t comment[QSP_AGENT_COMMENT_MAX];
};

struct qsp_agent {
	const struct qsp_crypto *cx;
	struct qsp_agent_seeds *seeds;
	uint32_t lifetime;
	struct held key[QSP_AGENT_KEYS_MAX];
	bool locked;
	uint8_t salt[SALT_LEN], lock[LOCK_LEN];
	unsigned wrong;      /* passphrases since the lock */
	qsp_time deaf_until; /* until then no passphrase is looked at */
};

qsp_err
qsp_agent_new(const struct qsp_crypto *cx, struct qsp_agent_seeds *seeds, uint32_t lifetime,
	      struct qsp_agent **out)
{
	struct qsp_agent *a = qsp_mem_alloc(sizeof(*a));

	*out = a;
	if (!a)
		return QSP_E_NOMEM;
	a->cx = cx;
	a->seeds = seeds;
	a->lifetime = lifetime;
	return QSP_OK;
}

/* --- the keys -------------------------------------------------------------------------------- */

static void
drop(struct qsp_agent *a, size_t i)
{
	qsp_mem_wipe(a->seeds->b[i], sizeof(a->seeds->b[i]));
	qsp_mem_wipe(&a->key[i], sizeof(a->key[i]));
}

static void
drop_all(struct qsp_agent *a)
{
	for (size_t i = 0; i < QSP_AGENT_KEYS_MAX; i++)
		drop(a, i);
}

void
qsp_agent_free(struct qsp_agent *a)
{
	if (!a)
		return;
	drop_all(a);
	qsp_mem_wipe_free(a, sizeof(*a));
}

qsp_time
qsp_agent_expire(struct qsp_agent *a, qsp_time now)
{
	qsp_time next = UINT64_MAX;

	for (size_t i = 0; i < QSP_AGENT_KEYS_MAX; i++) {
		if (!a->key[i].used || !a->key[i].until)
			continue;
		if (a->key[i].until <= now)
			drop(a, i);
		else if (a->key[i].until < next)
			next = a->key[i].until;
	}
	return next;
}

/* Index of the key with this blob, or this id; KEYS_MAX where there is none. */
static size_t
find(const struct qsp_agent *a, struct qsp_bytes blob, struct qsp_bytes id)
{
	for (size_t i = 0; i < QSP_AGENT_KEYS_MAX; i++) {
		const struct qsp_key_public *pub = &a->key[i].pub;

		if (a->key[i].used && (qsp_bytes_equal(blob, qsp_bytes(pub->blob, pub->len)) ||
				       qsp_bytes_equal(id, QSP_BYTES_OF(pub->id))))
			return i;
	}
	return QSP_AGENT_KEYS_MAX;
}

static size_t
place(const struct qsp_agent *a, const struct qsp_key_public *pub)
{
	size_t i = find(a, QSP_BYTES_NONE, QSP_BYTES_OF(pub->id));

	if (i < QSP_AGENT_KEYS_MAX)
		return i;
	for (i = 0; i < QSP_AGENT_KEYS_MAX && a->key[i].used; i++)
		;
	return i;
}

static const char *
add(struct qsp_agent *a, const struct qsp_agent_call *call, const struct qsp_agent_msg *m)
{
	uint32_t lifetime = m->lifetime ? m->lifetime : a->lifetime;
	struct qsp_key *key;
	struct held *h;
	size_t i;

	if (qsp_key_new(a->cx, m->key_type, m->seed, &key) != 0)
		return "add: not a key";
	i = place(a, qsp_key_get_public(key));
	if (i < QSP_AGENT_KEYS_MAX) {
		h = &a->key[i];
		h->used = true;
		h->pub = *qsp_key_get_public(key);
		h->confirm = m->confirm;
		h->until = lifetime ? call->now + (qsp_time)lifetime * 1000 : 0;
		h->comment_len =
			m->comment.n < sizeof(h->comment) ? m->comment.n : sizeof(h->comment);
		memcpy(h->comment, m->comment.p, h->comment_len);
		memcpy(a->seeds->b[i], m->seed.p, m->seed.n);
	}
	qsp_key_free(key);
	return i < QSP_AGENT_KEYS_MAX ? NULL : "add: the agent is full";
}

/* What computes with key i; the caller frees it. */
static struct qsp_key *
wake(const struct qsp_agent *a, size_t i)
{
	uint8_t type = a->key[i].pub.blob[0];
	struct qsp_key *key;

	if (qsp_key_new(a->cx, type, qsp_bytes(a->seeds->b[i], qsp_key_seed_len(type)), &key) != 0)
		return NULL;
	return key;
}

/* --- answers --------------------------------------------------------------------------------- */

static void
say(struct qsp_writer *out, enum qsp_agent_type type)
{
	qsp_agent_msg_begin(out, type);
	qsp_agent_msg_end(out);
}

void
qsp_agent_refuse(struct qsp_bytes request, struct qsp_writer *out)
{
	say(out, request.n > 0 && request.p[0] == QSP_AGENT_EXTENSION ? QSP_AGENT_EXTENSION_FAILURE
								      : QSP_AGENT_FAILURE);
}

static void
list(const struct qsp_agent *a, struct qsp_writer *out)
{
	uint32_t n = 0;

	for (size_t i = 0; i < QSP_AGENT_KEYS_MAX; i++)
		n += a->key[i].used && !a->locked;
	qsp_agent_msg_begin(out, QSP_AGENT_IDENTITIES_ANSWER);
	qsp_writer_u32(out, n);
	for (size_t i = 0; n > 0 && i < QSP_AGENT_KEYS_MAX; i++) {
		if (!a->key[i].used)
			continue;
		qsp_agent_msg_put_key(out, &a->key[i].pub);
		qsp_writer_vec32(out, qsp_bytes(a->key[i].comment, a->key[i].comment_len));
	}
	qsp_agent_msg_end(out);
}

/* [P4.5] nothing but a login is signed: the label and a hash. */
static bool
is_login(struct qsp_bytes data)
{
	uint8_t want[QSP_PROOF_SIGNED_MAX];
	size_t label = qsp_proof_signed(QSP_BYTES_NONE, want).n;

	return (data.n == label + 32 || data.n == label + 48) &&
	       qsp_bytes_equal(qsp_bytes(data.p, label), qsp_bytes(want, label));
}

static const char *
sign(const struct qsp_agent *a, size_t i, const struct qsp_agent_msg *m, struct qsp_writer *out)
{
	uint8_t sig[8192];
	size_t n = sizeof(sig);
	struct qsp_key *key = wake(a, i);
	bool ok = key && qsp_key_sign(key, m->data, sig, &n) == 0;

	qsp_key_free(key);
	if (!ok)
		return "sign: not a key that signs";
	qsp_agent_msg_begin(out, QSP_AGENT_SIGN_RESPONSE);
	qsp_agent_msg_put_signature(out, a->key[i].pub.blob[0], qsp_bytes(sig, n));
	qsp_agent_msg_end(out);
	return NULL;
}

static const char *
mix(const struct qsp_agent *a, size_t i, const struct qsp_agent_msg *m, struct qsp_writer *out)
{
	uint8_t ck[QSP_CK_MAX];
	struct qsp_key *key = wake(a, i);
	bool ok = key && qsp_key_mix(key, m->suite, m->ck, m->point.p, m->ct, ck) == 0;

	qsp_key_free(key);
	if (ok) {
		qsp_agent_msg_begin(out, QSP_AGENT_EXTENSION_RESPONSE);
		qsp_writer_vec32(out, qsp_bytes_str(qsp_agent_msg_ext_name(m->ext)));
		qsp_writer_vec32(out, qsp_bytes(ck, m->ck.n));
		qsp_agent_msg_end(out);
	}
	qsp_mem_wipe(ck, sizeof(ck));
	return ok ? NULL : "kem-mix: not a challenge for this key";
}

static void
ask(const struct held *h, const struct qsp_agent_peer *peer, struct qsp_agent_call *call)
{
	char print[QSP_KEY_PRINT_MAX], comment[2 * QSP_AGENT_COMMENT_MAX], from[600];

	qsp_key_print(h->pub.id, print);
	qsp_text_printable(qsp_bytes(h->comment, h->comment_len), false, comment, sizeof(comment));
	if (peer->forwarded)
		snprintf(from, sizeof(from), "A program on %.500s, to which the agent is forwarded",
			 peer->hosts);
	else
		snprintf(from, sizeof(from), "Process %d", peer->pid);
	snprintf(call->question, sizeof(call->question),
		 "Allow use of key %s?\nKey fingerprint %s.\n%s, wants to log in with it.", comment,
		 print, from);
}

static enum qsp_agent_verdict
use(const struct qsp_agent *a, const struct qsp_agent_peer *peer, struct qsp_agent_call *call,
    const struct qsp_agent_msg *m, struct qsp_writer *out)
{
	bool signs = m->type == QSP_AGENT_SIGN_REQUEST;
	size_t i = find(a, m->key, m->key_id);

	if (i == QSP_AGENT_KEYS_MAX)
		call->what = "use: no such key";
	else if (signs && (m->flags != 0 || !is_login(m->data)))
		call->what = "sign: not a login";
	else if (a->key[i].confirm && !call->allowed) {
		ask(&a->key[i], peer, call);
		call->what = "use: asks for confirmation";
		return QSP_AGENT_ASK;
	} else
		call->what = signs ? sign(a, i, m, out) : mix(a, i, m, out);
	qsp_lockmem_scrub();
	return QSP_AGENT_DONE;
}

/* --- the lock -------------------------------------------------------------------------------- */

static bool
hash_of(const struct qsp_agent *a, struct qsp_bytes passphrase, uint8_t out[LOCK_LEN])
{
	return qsp_kdf_scrypt(a->cx, passphrase, QSP_BYTES_OF(a->salt), out, LOCK_LEN) == 0;
}

static const char *
lock(struct qsp_agent *a, struct qsp_bytes passphrase)
{
	if (qsp_rand_bytes(a->cx, a->salt, sizeof(a->salt)) != 0 ||
	    !hash_of(a, passphrase, a->lock))
		return "lock: no memory for it";
	a->wrong = 0;
	a->locked = true;
	return NULL;
}

static enum qsp_agent_verdict
unlock(struct qsp_agent *a, struct qsp_agent_call *call, struct qsp_bytes passphrase)
{
	uint8_t hash[LOCK_LEN];
	unsigned shift = a->wrong < 7 ? a->wrong : 7;
	qsp_time late = (qsp_time)LATE_MIN_MS << shift;

	if (call->now < a->deaf_until) {
		call->what = "unlock: too soon after a wrong passphrase";
		return QSP_AGENT_DONE;
	}
	if (hash_of(a, passphrase, hash) && qsp_ct_equal(hash, a->lock, sizeof(hash))) {
		a->locked = false;
		qsp_mem_wipe(a->lock, sizeof(a->lock));
		qsp_mem_wipe(hash, sizeof(hash));
		call->what = NULL;
		return QSP_AGENT_DONE;
	}
	qsp_mem_wipe(hash, sizeof(hash));
	a->wrong++;
	call->late = a->deaf_until = call->now + (late < LATE_MAX_MS ? late : LATE_MAX_MS);
	call->what = "unlock: wrong passphrase";
	return QSP_AGENT_LATE;
}

/* --- requests -------------------------------------------------------------------------------- */

/* A host said by the program that forwards; what a further one says stands behind it. */
static const char *
forwarded(struct qsp_agent_peer *peer, struct qsp_bytes host)
{
	char name[QSP_AGENT_HOST_MAX];
	size_t n = strlen(peer->hosts);

	qsp_text_printable(host, false, name, sizeof(name));
	peer->forwarded = true;
	snprintf(peer->hosts + n, sizeof(peer->hosts) - n, "%s%s", n ? ", then " : "", name);
	return NULL;
}

static void
query(struct qsp_writer *out)
{
	qsp_agent_msg_begin(out, QSP_AGENT_EXTENSION_RESPONSE);
	for (int i = QSP_AGENT_EXT_QUERY; i <= QSP_AGENT_EXT_FORWARDED; i++)
		qsp_writer_vec32(out, qsp_bytes_str(qsp_agent_msg_ext_name((enum qsp_agent_ext)i)));
	qsp_agent_msg_end(out);
}

/* What only programs of this machine may ask. */
static const char *
manage(struct qsp_agent *a, const struct qsp_agent_peer *peer, const struct qsp_agent_call *call,
       const struct qsp_agent_msg *m)
{
	size_t i;

	if (peer->forwarded)
		return "refused: not through a forwarded agent";
	switch (m->type) {
	case QSP_AGENT_ADD_IDENTITY:
	case QSP_AGENT_ADD_CONSTRAINED: return add(a, call, m);
	case QSP_AGENT_REMOVE_ALL: drop_all(a); return NULL;
	case QSP_AGENT_REMOVE_IDENTITY:
		if ((i = find(a, m->key, QSP_BYTES_NONE)) == QSP_AGENT_KEYS_MAX)
			return "remove: no such key";
		drop(a, i);
		return NULL;
	case QSP_AGENT_LOCK: return lock(a, m->data);
	default: return "unlock: it is not locked";
	}
}

static enum qsp_agent_verdict
judge(struct qsp_agent *a, struct qsp_agent_peer *peer, struct qsp_agent_call *call,
      const struct qsp_agent_msg *m, struct qsp_writer *out)
{
	call->what = NULL;
	if (m->type == QSP_AGENT_REQUEST_IDENTITIES) {
		list(a, out);
	} else if (m->type == QSP_AGENT_EXTENSION && m->ext == QSP_AGENT_EXT_QUERY) {
		query(out);
	} else if (m->type == QSP_AGENT_EXTENSION && m->ext == QSP_AGENT_EXT_FORWARDED) {
		call->what = forwarded(peer, m->host);
	} else if (m->type == QSP_AGENT_UNLOCK && a->locked && !peer->forwarded) {
		return unlock(a, call, m->data);
	} else if (a->locked) {
		call->what = "refused: locked";
	} else if (m->type == QSP_AGENT_SIGN_REQUEST ||
		   (m->type == QSP_AGENT_EXTENSION && m->ext == QSP_AGENT_EXT_KEM_MIX)) {
		return use(a, peer, call, m, out);
	} else if (m->type == QSP_AGENT_EXTENSION) {
		call->what = "an extension that is not known";
	} else {
		call->what = manage(a, peer, call, m);
		qsp_lockmem_scrub();
	}
	return QSP_AGENT_DONE;
}

enum qsp_agent_verdict
qsp_agent_answer(struct qsp_agent *a, struct qsp_agent_peer *peer, struct qsp_agent_call *call,
		 struct qsp_writer *out)
{
	enum qsp_agent_verdict v = QSP_AGENT_DONE;
	struct qsp_agent_msg m;

	qsp_agent_expire(a, call->now);
	if (qsp_agent_msg_get(call->request, &m) != 0)
		call->what = "not understood";
	else if ((v = judge(a, peer, call, &m, out)) == QSP_AGENT_ASK)
		return v;
	if (out->failed)
		call->what = "no room for the answer";
	if (call->what) {
		*out = qsp_writer_of(out->p, out->cap);
		qsp_agent_refuse(call->request, out);
	} else if (out->n == 0) {
		say(out, QSP_AGENT_SUCCESS);
	}
	return v;
}
