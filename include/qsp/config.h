/* SPDX-License-Identifier: ISC */
/*
 * What connections share: algorithms, host keys, obfuscation secrets, limits. Build one, then use
 * it from any number of threads; it never changes again and must outlive its connections. A new
 * setting is a new configuration for new connections.
 */
#ifndef QSP_CONFIG_H
#define QSP_CONFIG_H

#include <qsp/base.h>
#include <qsp/key.h>

QSP_BEGIN_C

#define QSP_OK_LEN 32           /* an obfuscation key or secret, a psk [P3] */
#define QSP_REPLAY_ENTRY_LEN 16 /* SHA-256(R_c || slot)[0..16] [P4.2] */
#define QSP_PSK_MAX 16
#define QSP_SECRET_MAX 8

enum qsp_aead_id {
	QSP_AES256_GCM = 1,
	QSP_AES256_CTR_HMAC_SHA3_256 = 2,
	QSP_CHACHA20_POLY1305 = 3,
};

enum qsp_wire {
	QSP_WIRE_CELLS = 0, /* [P2] */
	QSP_WIRE_FRAMES = 1 /* MessageFrame [P9] */
};

/* How long an obfuscation secret of a server counts [P4.6]. */
enum qsp_secret_age {
	QSP_SECRET_CURRENT,  /* announced to clients; exactly one */
	QSP_SECRET_PREVIOUS, /* still good for every layout */
	QSP_SECRET_RETIRED,  /* for layout K only */
};

struct qsp_config;

QSP_API QSP_MUST_USE qsp_err qsp_config_new(const struct qsp_crypto *cx, struct qsp_config **out);
QSP_API void qsp_config_free(struct qsp_config *cfg);

/* The ciphers offered (client) or allowed (server), in order of preference; default 1, 3, 2. */
QSP_API QSP_MUST_USE qsp_err qsp_config_set_aeads(struct qsp_config *cfg, const uint8_t *ids,
						  size_t n);
/* The record format; default cells. A listener speaks one, never both [P9]. */
QSP_API void qsp_config_set_wire(struct qsp_config *cfg, enum qsp_wire wire);

/*
 * When a server starts a key change: cells of both directions summed, and for the KEM kind also
 * milliseconds while cells move, with jitter. 0 turns one off. Defaults of P5.1: 2^16, 2^20,
 * 600000. A client holds the server to twice its own cell bounds.
 */
QSP_API void qsp_config_set_rekey(struct qsp_config *cfg, uint64_t plain_cells, uint64_t kem_cells,
				  uint64_t kem_ms);

/* Sessions that outlive their connections [P4.7]: a client asks for them, a server grants them.
 * Whoever turns this on takes part: see qsp_conn_ticket. Default false. */
QSP_API void qsp_config_set_resumable(struct qsp_config *cfg, bool on);

/* Server: attempts before HANDSHAKE_FAILED; default 6. */
QSP_API void qsp_config_set_max_auth_tries(struct qsp_config *cfg, unsigned n);

/* Server: methods that an AUTH_FAILURE offers where a decision names none; default KEM, SIGNATURE. */
QSP_API QSP_MUST_USE qsp_err qsp_config_set_methods(struct qsp_config *cfg, const uint8_t *methods,
						    size_t n);

/* Server: may clients without any key begin (class N)? Default true. */
QSP_API void qsp_config_set_first_contact(struct qsp_config *cfg, bool allowed);

/* Server: a hybrid public key, at most one per kem id, whose private operations are answered
 * through QSP_WANT_DECAPS; its place in the order of calls is the index asked for. */
QSP_API QSP_MUST_USE qsp_err qsp_config_add_host_key(struct qsp_config *cfg,
						     const struct qsp_key_public *key);

/* Server: an obfuscation secret. */
QSP_API QSP_MUST_USE qsp_err qsp_config_add_secret(struct qsp_config *cfg,
						   const uint8_t secret[QSP_OK_LEN],
						   enum qsp_secret_age age);

/* Server: a psk of class Q; its place in the order of calls names it in qsp_conn_psk. */
QSP_API QSP_MUST_USE qsp_err qsp_config_add_psk(struct qsp_config *cfg,
						const uint8_t psk[QSP_OK_LEN]);

/* Server: the body of CERTIFICATE, sent in every handshake; copied. */
QSP_API QSP_MUST_USE qsp_err qsp_config_set_certificate(struct qsp_config *cfg,
							struct qsp_bytes body);

/* Server: the software name in SERVER_INFO; static text. Default "QSP". */
QSP_API void qsp_config_set_software(struct qsp_config *cfg, const char *name);

/*
 * Server: the replay cache. Called with the entry of an M1 that verified and the wall time until
 * which it must be kept; true where it was new and is now entered, false for a replay or where it
 * cannot be entered. Must be safe from every thread that runs connections. Without one, every M1
 * is refused: see qsp_replay_new for an in-memory one.
 */
typedef bool (*qsp_replay_fn)(void *arg, const uint8_t entry[QSP_REPLAY_ENTRY_LEN],
			      qsp_time until_wall);
QSP_API void qsp_config_set_replay(struct qsp_config *cfg, qsp_replay_fn fn, void *arg);

/* Server: an M1 older than this wall time is refused (a cache that began then) [P4.2]. */
QSP_API void qsp_config_set_not_before(struct qsp_config *cfg, qsp_time wall);

/*
 * A replay cache in memory for one thread, or behind the caller's lock: at most `max` entries;
 * full means refusal, never forgetting. `now` is the caller's wall time, for expiry.
 */
struct qsp_replay;
QSP_API QSP_MUST_USE qsp_err qsp_replay_new(size_t max, struct qsp_replay **out);
QSP_API void qsp_replay_free(struct qsp_replay *r);
QSP_API bool qsp_replay_enter(struct qsp_replay *r, const uint8_t entry[QSP_REPLAY_ENTRY_LEN],
			      qsp_time until_wall, qsp_time now_wall);

QSP_END_C
#endif
