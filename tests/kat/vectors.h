/* SPDX-License-Identifier: ISC */
/*
 * Known answers: the JSON files of tests/kat/vectors (their README.md says what each field means).
 * Every getter names the field that it did not find, or that holds something else, and fails the
 * running cmocka test: a test needs no checks of its own. The files are found in the directory of
 * the environment variable QSP_VECTORS (CMake sets it), else in tests/kat/vectors.
 *
 *	json_t *doc = qsp_vec_open("records"), *cell;
 *	size_t i;
 *
 *	json_array_foreach (qsp_vec_list(doc, "cells"), i, cell) {
 *		uint8_t key[32];
 *		struct qsp_bytes wire = qsp_vec_bytes(cell, "cell");
 *
 *		qsp_vec_exact(cell, "key", key, sizeof(key));
 *		...
 *	}
 *	qsp_vec_close(doc);
 */
#ifndef QSP_TESTS_KAT_VECTORS_H
#define QSP_TESTS_KAT_VECTORS_H

#include "base/bytes.h"

#include <jansson.h>

/* The document of tests/kat/vectors/NAME.json. */
json_t *qsp_vec_open(const char *name);
/* Ends the document, and with it everything that qsp_vec_bytes has returned so far. */
void qsp_vec_close(json_t *doc);

/* True where the field is absent or null. */
bool qsp_vec_null(const json_t *o, const char *field);

/* A member of o, which it borrows: any value, a list, an object. */
json_t *qsp_vec_get(const json_t *o, const char *field);
json_t *qsp_vec_list(const json_t *o, const char *field);
json_t *qsp_vec_object(const json_t *o, const char *field);

/* Plain values. */
const char *qsp_vec_text(const json_t *o, const char *field);
uint64_t qsp_vec_int(const json_t *o, const char *field);
bool qsp_vec_bool(const json_t *o, const char *field);

/*
 * Hex fields: into exactly n bytes; into a buffer with room, the length returned; or as bytes on
 * the heap that live until the next qsp_vec_close.
 */
void qsp_vec_exact(const json_t *o, const char *field, uint8_t *out, size_t n);
size_t qsp_vec_hex(const json_t *o, const char *field, uint8_t *out, size_t room);
struct qsp_bytes qsp_vec_bytes(const json_t *o, const char *field);
/* The same of a JSON string, as in a list of them. */
struct qsp_bytes qsp_vec_bytes_of(const json_t *string);

/* A hex integer (0x...) as n bytes, little-endian, zero-filled. */
void qsp_vec_little(const json_t *string, uint8_t *out, size_t n);

#endif
