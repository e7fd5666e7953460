/* SPDX-License-Identifier: ISC */
/* Chosen randomness and compared transcripts, under an engine that knows nothing of them. */
#include "kat/inject.h"

#include "crypto/elligator2.h"
#include "crypto/kemeleon.h"
#include "crypto/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

qsp_err __real_qsp_rand_bytes(const struct qsp_crypto *cx, uint8_t *out, size_t n);
qsp_err __wrap_qsp_rand_bytes(const struct qsp_crypto *cx, uint8_t *out, size_t n);
qsp_err __real_qsp_elligator2_keypair(const struct qsp_crypto *cx, uint8_t *priv, uint8_t *rep);
qsp_err __wrap_qsp_elligator2_keypair(const struct qsp_crypto *cx, uint8_t *priv, uint8_t *rep);
qsp_err __real_qsp_kem_encaps(const struct qsp_crypto *cx, const struct qsp_kem *kem,
			      const uint8_t *ek, const uint8_t *random, uint8_t *ct, uint8_t *ss);
qsp_err __wrap_qsp_kem_encaps(const struct qsp_crypto *cx, const struct qsp_kem *kem,
			      const uint8_t *ek, const uint8_t *random, uint8_t *ct, uint8_t *ss);
qsp_err __real_qsp_kemeleon_put_ek(const struct qsp_crypto *cx, const struct qsp_kem *kem,
				   const uint8_t *ek, uint8_t *out);
qsp_err __wrap_qsp_kemeleon_put_ek(const struct qsp_crypto *cx, const struct qsp_kem *kem,
				   const uint8_t *ek, uint8_t *out);
qsp_err __real_qsp_kemeleon_put_ct(const struct qsp_crypto *cx, const struct qsp_kem *kem,
				   const uint8_t *ct, uint8_t *out);
qsp_err __wrap_qsp_kemeleon_put_ct(const struct qsp_crypto *cx, const struct qsp_kem *kem,
				   const uint8_t *ct, uint8_t *out);

static struct inject_side *now;

void
inject_set(struct inject_side *side)
{
	now = side;
}

void
inject_script(struct inject_side *side, const char *first, const char *second)
{
	side->script[0] = first;
	side->script[1] = second;
	side->script[2] = NULL;
	side->script_at = 0;
}

struct inject_side *
inject_now(void)
{
	return now;
}

static bool
known(const char *name)
{
	return json_object_get(now->choices, name) != NULL;
}

/* The choice of this name: the first, or the one with a number behind it. */
static const char *
take(const char *name)
{
	static char numbered[64];
	size_t i = 0;

	while (i < INJECT_NAMES_MAX && now->names[i] && strcmp(now->names[i], name) != 0)
		i++;
	assert_true(i < INJECT_NAMES_MAX);
	now->names[i] = name;
	if (++now->uses[i] > 1)
		snprintf(numbered, sizeof(numbered), "%s %u", name, now->uses[i]);
	else
		snprintf(numbered, sizeof(numbered), "%s", name);
	return numbered;
}

static bool
used(const char *name)
{
	for (size_t i = 0; i < INJECT_NAMES_MAX && now->names[i]; i++)
		if (strcmp(now->names[i], name) == 0)
			return true;
	return false;
}

/* The length says what is drawn, but for 32 bytes, where the script does. */
qsp_err
__wrap_qsp_rand_bytes(const struct qsp_crypto *cx, uint8_t *out, size_t n)
{
	const char *name = NULL;

	if (!now)
		return __real_qsp_rand_bytes(cx, out, n);
	if (n == 64)
		name = now->client ? "ek_e seed" : "rekey ek seed";
	else if (n == 32 && now->script[now->script_at])
		name = now->script[now->script_at++];
	else if (n == 16)
		name = "nonce";
	else if (n == 8)
		name = "session_id";
	else if (n > 64)
		name = "m1 slot fill";
	if (name)
		qsp_vec_exact(now->choices, take(name), out, n);
	else
		memset(out, 0xee, n);
	return QSP_OK;
}

qsp_err
__wrap_qsp_elligator2_keypair(const struct qsp_crypto *cx, uint8_t *priv, uint8_t *rep)
{
	const json_t *o;
	uint8_t u[32], dirty[32];

	if (!now)
		return __real_qsp_elligator2_keypair(cx, priv, rep);
	o = qsp_vec_object(now->choices, take(now->client ? "x_c" : "y_s"));
	qsp_vec_exact(o, "private", priv, 32);
	qsp_vec_exact(o, "representative", rep, 32);
	qsp_vec_exact(o, "dirty_u", dirty, 32);
	assert_int_equal(qsp_elligator2_map(rep, u), QSP_OK);
	assert_memory_equal(u, dirty, 32);
	return QSP_OK;
}

/* ek is that of the seed, and ct opens to ss with it. */
static void
check_encapsulation(const struct qsp_kem *kem, struct qsp_bytes seed, const uint8_t *ek,
		    const uint8_t *ct, const uint8_t *ss)
{
	struct qsp_kem_key *key;
	uint8_t want[QSP_KEM_EK_MAX], got[32];

	if (seed.n == 0)
		return;
	assert_int_equal(qsp_kem_key_new(now->cx, kem, seed.p, want, &key), QSP_OK);
	assert_memory_equal(ek, want, kem->ek_len);
	assert_int_equal(qsp_kem_decaps(now->cx, kem, key, ct, got), QSP_OK);
	assert_memory_equal(got, ss, 32);
	qsp_kem_key_free(key);
}

qsp_err
__wrap_qsp_kem_encaps(const struct qsp_crypto *cx, const struct qsp_kem *kem, const uint8_t *ek,
		      const uint8_t *random, uint8_t *ct, uint8_t *ss)
{
	const char *first, *second, *name;
	const json_t *o;

	if (!now)
		return __real_qsp_kem_encaps(cx, kem, ek, random, ct, ss);
	first = now->client ? "ct_S" : "ct_e";
	second = now->client ? "rekey ct" : "ct_U";
	name = known(first) && !used(first) ? first : second;
	o = qsp_vec_object(now->choices, take(name));
	qsp_vec_exact(o, "ct", ct, kem->ct_len);
	qsp_vec_exact(o, "ss", ss, 32);
	check_encapsulation(kem,
			    name == first ? now->seed_first
			    : now->client ? now->seed_rekey
					  : now->seed_user,
			    ek, ct, ss);
	return QSP_OK;
}

qsp_err
__wrap_qsp_kemeleon_put_ek(const struct qsp_crypto *cx, const struct qsp_kem *kem,
			   const uint8_t *ek, uint8_t *out)
{
	const json_t *m;
	uint8_t little[QSP_KEMELEON_M_LEN], back[QSP_KEM_EK_MAX];
	uint16_t a[QSP_KEMELEON_N];

	if (!now)
		return __real_qsp_kemeleon_put_ek(cx, kem, ek, out);
	m = qsp_vec_list(qsp_vec_object(now->choices, take("ek_e encoding")), "m");
	assert_int_equal(json_array_size(m), kem->k);
	for (size_t k = 0; k < kem->k; k++) {
		for (size_t j = 0; j < QSP_KEMELEON_N; j += 2) {
			const uint8_t *p = ek + QSP_KEMELEON_POLY_LEN * k + j / 2 * 3;

			a[j] = (uint16_t)(p[0] | (p[1] & 15) << 8);
			a[j + 1] = (uint16_t)(p[1] >> 4 | p[2] << 4);
		}
		qsp_vec_little(json_array_get(m, k), little, sizeof(little));
		assert_int_equal(qsp_kemeleon_put_poly(a, little, out + QSP_KEMELEON_POLY_LEN * k),
				 QSP_OK);
	}
	memcpy(out + kem->ek_len - 32, ek + kem->ek_len - 32, 32);
	qsp_kemeleon_get_ek(kem, out, back);
	assert_memory_equal(back, ek, kem->ek_len);
	return QSP_OK;
}

qsp_err
__wrap_qsp_kemeleon_put_ct(const struct qsp_crypto *cx, const struct qsp_kem *kem,
			   const uint8_t *ct, uint8_t *out)
{
	const json_t *o, *m, *coefficients;
	uint8_t little[QSP_KEMELEON_M_LEN], back[QSP_KEM_CT_MAX];
	uint16_t a[QSP_KEMELEON_N];

	if (!now)
		return __real_qsp_kemeleon_put_ct(cx, kem, ct, out);
	o = qsp_vec_object(now->choices, take(now->client ? "ct_S encoding" : "ct_e encoding"));
	m = qsp_vec_list(o, "m");
	coefficients = qsp_vec_list(o, "coefficients");
	assert_int_equal(json_array_size(m), kem->k + 1);
	assert_int_equal(json_array_size(coefficients), kem->k + 1);
	for (size_t k = 0; k < json_array_size(m); k++) {
		struct qsp_bytes b = qsp_vec_bytes_of(json_array_get(coefficients, k));

		assert_int_equal(b.n, sizeof(a));
		for (size_t j = 0; j < QSP_KEMELEON_N; j++)
			a[j] = qsp_bytes_get16(b.p + 2 * j);
		qsp_vec_little(json_array_get(m, k), little, sizeof(little));
		assert_int_equal(qsp_kemeleon_put_poly(a, little, out + QSP_KEMELEON_POLY_LEN * k),
				 QSP_OK);
	}
	qsp_kemeleon_get_ct(kem, out, back);
	assert_memory_equal(back, ct, kem->ct_len);
	return QSP_OK;
}
