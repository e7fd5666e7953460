/* SPDX-License-Identifier: ISC */
/*
 * Every operation of a transcript against the vector's trace. Mixings must come in the order of the
 * trace; what is derived between two of them leaves h and ck alone, and may come in any order.
 */
#include "kat/inject.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct qsp_transcript __real_qsp_transcript_start(const struct qsp_crypto *cx,
						  const struct qsp_kem *kem, uint8_t layout,
						  const uint8_t *sid, uint8_t wire,
						  const uint8_t *ok);
struct qsp_transcript __wrap_qsp_transcript_start(const struct qsp_crypto *cx,
						  const struct qsp_kem *kem, uint8_t layout,
						  const uint8_t *sid, uint8_t wire,
						  const uint8_t *ok);
void __real_qsp_transcript_mix_hash(struct qsp_transcript *t, struct qsp_bytes x);
void __wrap_qsp_transcript_mix_hash(struct qsp_transcript *t, struct qsp_bytes x);
void __real_qsp_transcript_mix_key(struct qsp_transcript *t, const uint8_t *z);
void __wrap_qsp_transcript_mix_key(struct qsp_transcript *t, const uint8_t *z);
void __real_qsp_transcript_key(struct qsp_transcript *t, const char *label, uint8_t *out, size_t n);
void __wrap_qsp_transcript_key(struct qsp_transcript *t, const char *label, uint8_t *out, size_t n);
void __real_qsp_transcript_mac(struct qsp_transcript *t, const char *label, uint8_t *out);
void __wrap_qsp_transcript_mac(struct qsp_transcript *t, const char *label, uint8_t *out);

static struct inject_side *
traced(void)
{
	struct inject_side *s = inject_now();

	return s && s->trace ? s : NULL;
}

static const json_t *
entry(const struct inject_side *s, size_t i)
{
	return json_array_get(s->trace, i);
}

static bool
is_op(const json_t *o, const char *op)
{
	return strcmp(qsp_vec_text(o, "op"), op) == 0;
}

static bool
is_mixing(const json_t *o)
{
	return !is_op(o, "K") && !is_op(o, "restore ck");
}

/* Keys that one side may need and the other not, as long as it is not yet clear who succeeds. */
static bool
is_late(const char *label)
{
	return strcmp(label, "epoch 1") == 0 || strcmp(label, "exporter") == 0 ||
	       strcmp(label, "resume") == 0 || strcmp(label, "fin ok") == 0;
}

static void
check_state(const struct inject_side *s, const json_t *o, const struct qsp_transcript *t)
{
	uint8_t want[QSP_HASH_MAX];

	assert_int_equal(t->err, QSP_OK);
	qsp_vec_exact(o, "h", want, t->len);
	assert_memory_equal(t->h, want, t->len);
	qsp_vec_exact(o, "ck", want, t->len);
	assert_memory_equal(t->ck.b, want, t->len);
	assert_ptr_equal(t->kem, s->kem);
}

/* Data over 64 bytes is shown as its SHA-256. */
static void
check_data(const struct inject_side *s, const json_t *o, struct qsp_bytes x)
{
	const char *shown = qsp_vec_text(o, "data");
	uint8_t hash[QSP_HASH_MAX];

	if (strncmp(shown, "sha256:", 7) == 0) {
		assert_int_equal(qsp_hash_one(s->cx, QSP_HASH_SHA256, x, hash), QSP_OK);
		x = qsp_bytes(hash, 32);
		shown += 7;
	}
	assert_int_equal(strlen(shown), 2 * x.n);
	for (size_t i = 0; i < x.n; i++) {
		static const char digits[] = "0123456789abcdef";

		assert_int_equal(shown[2 * i], digits[x.p[i] >> 4]);
		assert_int_equal(shown[2 * i + 1], digits[x.p[i] & 15]);
	}
}

/* On AUTH_FAILURE it is all one whether ck goes back before or after the message is mixed. */
static bool
restored_early(const struct inject_side *s, const struct qsp_transcript *t)
{
	const json_t *next = entry(s, s->at + 1);
	uint8_t ck[QSP_HASH_MAX];

	if (!next || !is_op(next, "restore ck"))
		return false;
	qsp_vec_exact(next, "ck", ck, t->len);
	return memcmp(ck, t->ck.b, t->len) == 0;
}

static void
mixed(const char *op, struct qsp_bytes x, const struct qsp_transcript *t)
{
	struct inject_side *s = traced();
	size_t i;

	if (!s)
		return;
	for (i = s->at + 1; i < json_array_size(s->trace) && !is_mixing(entry(s, i)); i++)
		s->seen[i] |= is_op(entry(s, i), "restore ck");
	if (i >= json_array_size(s->trace))
		fail_msg("%s: a %s that the trace does not have", s->client ? "client" : "server",
			 op);
	if (!is_op(entry(s, i), op))
		fail_msg("%s: %s, where the trace has \"%s\"", s->client ? "client" : "server", op,
			 qsp_vec_text(entry(s, i), "what"));
	check_data(s, entry(s, i), x);
	s->at = i;
	check_state(s, entry(s, restored_early(s, t) ? i + 1 : i), t);
	s->seen[i] = true;
}

static void
derived(const struct qsp_transcript *t, const char *label, const uint8_t *out, size_t n)
{
	struct inject_side *s = traced();
	const json_t *o;
	uint8_t want[64];
	size_t i;

	if (!s)
		return;
	for (i = s->at + 1; (o = entry(s, i)) != NULL && !is_mixing(o); i++) {
		if (!is_op(o, "K") || strcmp(qsp_vec_text(o, "what"), label) != 0)
			continue;
		assert_int_equal(qsp_vec_int(o, "length"), n);
		qsp_vec_exact(o, "out", want, n);
		assert_memory_equal(out, want, n);
		check_state(s, entry(s, s->at), t);
		s->seen[i] = true;
		if (strcmp(label, "fin ok") == 0)
			memcpy(s->last_h, t->h, t->len);
		return;
	}
	/* an interactive attempt may succeed without a single question */
	if (!is_late(label) || strcmp(qsp_vec_text(entry(s, s->at), "what"), "AUTH_REQUEST") != 0)
		fail_msg("%s: K(\"%s\") is not in the trace here", s->client ? "client" : "server",
			 label);
}

void
inject_trace_done(const struct inject_side *s)
{
	size_t n = json_array_size(s->trace), last = 0;

	assert_true(n > 0 && n <= INJECT_TRACE_MAX);
	for (size_t i = 0; i < n; i++)
		if (is_mixing(entry(s, i)))
			last = i;
	assert_int_equal(s->at, last);
	for (size_t i = 0; i < n; i++) {
		const json_t *o = entry(s, i);

		if (!s->seen[i] &&
		    (i > last || !is_op(o, "K") || !is_late(qsp_vec_text(o, "what"))))
			fail_msg("%s: %s \"%s\", step %zu of the trace, did not happen",
				 s->client ? "client" : "server", qsp_vec_text(o, "op"),
				 qsp_vec_text(o, "what"), i);
	}
}

struct qsp_transcript
__wrap_qsp_transcript_start(const struct qsp_crypto *cx, const struct qsp_kem *kem, uint8_t layout,
			    const uint8_t *sid, uint8_t wire, const uint8_t *ok)
{
	struct qsp_transcript t = __real_qsp_transcript_start(cx, kem, layout, sid, wire, ok);
	struct inject_side *s = traced();

	if (s) {
		assert_true(is_op(entry(s, 0), "init"));
		assert_false(s->seen[0]);
		check_state(s, entry(s, 0), &t);
		s->seen[0] = true;
	}
	return t;
}

void
__wrap_qsp_transcript_mix_hash(struct qsp_transcript *t, struct qsp_bytes x)
{
	__real_qsp_transcript_mix_hash(t, x);
	mixed("MixHash", x, t);
}

void
__wrap_qsp_transcript_mix_key(struct qsp_transcript *t, const uint8_t *z)
{
	__real_qsp_transcript_mix_key(t, z);
	mixed("MixKey", qsp_bytes(z, 32), t);
}

void
__wrap_qsp_transcript_key(struct qsp_transcript *t, const char *label, uint8_t *out, size_t n)
{
	__real_qsp_transcript_key(t, label, out, n);
	derived(t, label, out, n);
}

/* The key of a MAC is derived inside of transcript.c, where no wrapping reaches. */
void
__wrap_qsp_transcript_mac(struct qsp_transcript *t, const char *label, uint8_t *out)
{
	uint8_t key[QSP_HASH_MAX];

	__real_qsp_transcript_key(t, label, key, t->len);
	derived(t, label, key, t->len);
	__real_qsp_transcript_mac(t, label, out);
}
