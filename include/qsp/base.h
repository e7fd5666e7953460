/* SPDX-License-Identifier: ISC */
/*
 * What every other header of QSP stands on: errors, borrowed bytes, time, visibility.
 */
#ifndef QSP_BASE_H
#define QSP_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define QSP_BEGIN_C extern "C" {
#define QSP_END_C }
#else
#define QSP_BEGIN_C
#define QSP_END_C
#endif

QSP_BEGIN_C

#define QSP_API __attribute__((visibility("default")))
#define QSP_MUST_USE __attribute__((warn_unused_result))

/*
 * The result of everything that can fail: 0, or one of these. Of the first group the peer is at
 * fault and the connection is over; of the second the house is; of the third the caller is.
 */
typedef int qsp_err;

enum {
	QSP_OK = 0,

	QSP_E_PROTOCOL = -1,  /* PROTOCOL_ERROR [P5.3] */
	QSP_E_DECRYPT = -2,   /* AEAD_DECRYPT_FAILED: a cell or frame did not open */
	QSP_E_EPOCH = -3,     /* EPOCH_MISMATCH */
	QSP_E_REKEY = -4,     /* REKEY_FAILED */
	QSP_E_HANDSHAKE = -5, /* HANDSHAKE_FAILED */
	QSP_E_POLICY = -6,    /* POLICY: allowed by the protocol, refused by one side's rules */
	QSP_E_SILENT = -7,    /* M1 was refused; the connection is a sink now [P4.4] */
	QSP_E_TRUNCATED = -8, /* the stream ended without CLOSE */
	QSP_E_CLOSED = -9,    /* the peer sent CLOSE; its reason says why */
	QSP_E_IDLE = -10,     /* IDLE: a time limit passed */
	QSP_E_AUTH = -11,     /* no authentication method is left */
	QSP_E_TRUST = -12,    /* the host key was not accepted */

	QSP_E_NOMEM = -13,
	QSP_E_RNG = -14,    /* the random source failed */
	QSP_E_CRYPTO = -15, /* libcrypto failed where it must not */
	QSP_E_IO = -16,     /* above the core: a system call failed */

	QSP_E_INPUT = -17,       /* malformed text, key or message */
	QSP_E_STATE = -18,       /* not now: the call fits no want of this connection */
	QSP_E_ROOM = -19,        /* the output buffer is too small */
	QSP_E_UNSUPPORTED = -20, /* well-formed, but not spoken here */
	QSP_E_PASSPHRASE = -21,  /* a key file needs a passphrase, or got a wrong one */
	QSP_E_NOTFOUND = -22,
};

/* A short English phrase for an error, static; "unknown error" for other numbers. */
QSP_API const char *qsp_err_text(qsp_err e);

/* Bytes that belong to somebody else; valid as long as their owner says. */
struct qsp_bytes {
	const uint8_t *p;
	size_t n;
};

/*
 * The time, which the machine never asks for: mono in ms of any clock that does not go back,
 * wall in ms since the Unix epoch (UTC).
 */
typedef uint64_t qsp_time;

struct qsp_now {
	qsp_time mono;
	qsp_time wall;
};

/*
 * A random source: fills out[0..n) with bytes that nobody can predict, or returns QSP_E_RNG.
 * Called from whichever thread works on a connection.
 */
typedef qsp_err (*qsp_random_fn)(void *arg, uint8_t *out, size_t n);

QSP_END_C
#endif
