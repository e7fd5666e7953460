/* SPDX-License-Identifier: ISC */
/* The vectors as jansson reads them; what they do not hold fails the test that asked. */
#include "vectors.h"

#include "base/mem.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Bytes handed out, freed together. */
struct node {
	struct node *next;
	uint8_t b[];
};
static struct node *nodes;

json_t *
qsp_vec_open(const char *name)
{
	const char *dir = getenv("QSP_VECTORS");
	char path[512];
	json_error_t e;
	json_t *doc;

	snprintf(path, sizeof(path), "%s/%s.json", dir ? dir : "tests/kat/vectors", name);
	doc = json_load_file(path, JSON_REJECT_DUPLICATES, &e);
	if (!doc)
		fail_msg("%s:%d: %s", path, e.line, e.text);
	return doc;
}

void
qsp_vec_close(json_t *doc)
{
	while (nodes) {
		struct node *n = nodes;

		nodes = n->next;
		free(n);
	}
	json_decref(doc);
}

bool
qsp_vec_null(const json_t *o, const char *field)
{
	const json_t *v = json_object_get(o, field);

	return !v || json_is_null(v);
}

json_t *
qsp_vec_get(const json_t *o, const char *field)
{
	json_t *v = json_object_get(o, field);

	if (!v)
		fail_msg("no field \"%s\"", field);
	return v;
}

json_t *
qsp_vec_list(const json_t *o, const char *field)
{
	json_t *v = qsp_vec_get(o, field);

	if (!json_is_array(v))
		fail_msg("\"%s\" is no list", field);
	return v;
}

json_t *
qsp_vec_object(const json_t *o, const char *field)
{
	json_t *v = qsp_vec_get(o, field);

	if (!json_is_object(v))
		fail_msg("\"%s\" is no object", field);
	return v;
}

const char *
qsp_vec_text(const json_t *o, const char *field)
{
	const char *s = json_string_value(qsp_vec_get(o, field));

	if (!s)
		fail_msg("\"%s\" is no text", field);
	return s;
}

uint64_t
qsp_vec_int(const json_t *o, const char *field)
{
	const json_t *v = qsp_vec_get(o, field);

	if (!json_is_integer(v) || json_integer_value(v) < 0)
		fail_msg("\"%s\" is no unsigned integer", field);
	return (uint64_t)json_integer_value(v);
}

bool
qsp_vec_bool(const json_t *o, const char *field)
{
	const json_t *v = qsp_vec_get(o, field);

	if (!json_is_boolean(v))
		fail_msg("\"%s\" is no boolean", field);
	return json_is_true(v);
}

struct qsp_bytes
qsp_vec_bytes_of(const json_t *string)
{
	const char *s = json_string_value(string);
	size_t digits = json_string_length(string), n = digits / 2;
	struct node *node;

	if (!s)
		fail_msg("a value is no string");
	node = malloc(sizeof(*node) + n);
	assert_non_null(node);
	node->next = nodes;
	nodes = node;
	if (qsp_text_unhex(s, digits, node->b, n) != QSP_OK)
		fail_msg("\"%.20s...\" is not hex", s);
	return (struct qsp_bytes){ node->b, n };
}

struct qsp_bytes
qsp_vec_bytes(const json_t *o, const char *field)
{
	(void)qsp_vec_text(o, field);
	return qsp_vec_bytes_of(qsp_vec_get(o, field));
}

size_t
qsp_vec_hex(const json_t *o, const char *field, uint8_t *out, size_t room)
{
	const char *s = qsp_vec_text(o, field);
	size_t n = strlen(s) / 2;

	if (n > room)
		fail_msg("\"%s\" holds %zu bytes, there is room for %zu", field, n, room);
	if (qsp_text_unhex(s, strlen(s), out, n) != QSP_OK)
		fail_msg("\"%s\" is not hex", field);
	return n;
}

void
qsp_vec_exact(const json_t *o, const char *field, uint8_t *out, size_t n)
{
	size_t got = qsp_vec_hex(o, field, out, n);

	if (got != n)
		fail_msg("\"%s\" holds %zu bytes, not %zu", field, got, n);
}

void
qsp_vec_little(const json_t *string, uint8_t *out, size_t n)
{
	const char *s = json_string_value(string);
	size_t digits;

	if (!s || s[0] != '0' || s[1] != 'x')
		fail_msg("a value is no hex integer");
	s += 2;
	digits = strlen(s);
	memset(out, 0, n);
	for (size_t i = 0; i < digits; i++) {
		char d[3] = { '0', s[digits - 1 - i], '\0' };
		uint8_t v;

		if (i / 2 >= n || qsp_text_unhex(d, 2, &v, 1) != QSP_OK)
			fail_msg("\"0x%s\" does not fit %zu bytes", s, n);
		out[i / 2] = (uint8_t)(out[i / 2] | v << (4 * (i & 1)));
	}
}
