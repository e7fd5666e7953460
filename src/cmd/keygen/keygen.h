/* SPDX-License-Identifier: ISC */
/*
 * The parts of qssh-keygen. Each act prints for itself, results on standard output, complaints on
 * standard error, and returns the exit status.
 */
#ifndef QSP_CMD_KEYGEN_H
#define QSP_CMD_KEYGEN_H

#include "crypto/crypto.h"
#include "sys/file.h"
#include "sys/readpass.h"

#include <limits.h>

struct qsp_keygen {
	struct qsp_crypto *cx;
	const char *file;    /* -f, or NULL */
	const char *comment; /* -C, or NULL */
	uint8_t type;        /* -t */
	bool quiet, verbose;
	bool fingerprint, hash; /* -l and -H, beside -F */
	bool has_old, has_new;  /* -P, -N */
	struct qsp_readpass old_pass, new_pass;
};

/* The acts. */
int qsp_keygen_create(struct qsp_keygen *k);                        /* none of the below */
int qsp_keygen_fingerprint(struct qsp_keygen *k);                   /* -l */
int qsp_keygen_public(struct qsp_keygen *k);                        /* -y */
int qsp_keygen_passphrase(struct qsp_keygen *k);                    /* -p */
int qsp_keygen_find_host(struct qsp_keygen *k, const char *name);   /* -F */
int qsp_keygen_remove_host(struct qsp_keygen *k, const char *name); /* -R */
int qsp_keygen_hash_hosts(struct qsp_keygen *k);                    /* -H */

/* --- what they share ------------------------------------------------------------------- */

/* "qssh-keygen: .." on standard error; always 1, the exit status. */
int qsp_keygen_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* On standard output, unless -q. */
void qsp_keygen_say(const struct qsp_keygen *k, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* NAME in ~/.qssh; false, with a complaint, where there is no home or the path is too long. */
bool qsp_keygen_home_path(const char *name, char out[PATH_MAX]);

/*
 * The path of a key into out: -f, or the answer to `QUESTION (DEFAULT): ', or the default. False
 * with a complaint.
 */
bool qsp_keygen_ask_path(const struct qsp_keygen *k, const char *question, char out[PATH_MAX]);

/* A new passphrase: -N, or asked for twice. False with a complaint. */
bool qsp_keygen_new_passphrase(const struct qsp_keygen *k, const char *question,
			       struct qsp_readpass *out);

/* The private key at path, or NULL with a complaint; asks where it is encrypted and -P absent. */
struct qsp_key *qsp_keygen_load(const struct qsp_keygen *k, const char *path, const char *question);

/* The comment of path.pub, where that holds this key; else nothing. */
void qsp_keygen_comment(const struct qsp_keygen *k, const char *path,
			const struct qsp_key_public *key, char *out, size_t cap);

/* `768 SHA3:.. comment (KYBER768)', and the picture for -v. */
void qsp_keygen_print(const struct qsp_keygen *k, const struct qsp_key_public *key,
		      struct qsp_bytes comment);
void qsp_keygen_print_art(const struct qsp_key_public *key);

#endif
