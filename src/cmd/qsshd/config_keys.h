/* SPDX-License-Identifier: ISC */
/*
 * What takes the arguments of a keyword: kinds of value that many keywords have (config_kinds.c), and
 * keywords of their own kind (config_take.c). A value is checked always, and kept where none was said before.
 */
#ifndef QSP_CMD_QSSHD_CONFIG_KEYS_H
#define QSP_CMD_QSSHD_CONFIG_KEYS_H

#include <stddef.h>

#include "cmd/qsshd/config.h"

struct qsp_qsshd_keyword {
	const char *name;
	qsp_err (*take)(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k);
	size_t offset; /* of the field of struct qsp_qsshd_config */
	uint64_t min, max;
	bool in_match; /* may stand in a Match block */
};

#define QSP_QSSHD_BAD(s, ...) qsp_confline_say((s)->l, (s)->err, __VA_ARGS__)

/* The field that a keyword fills. */
int *qsp_qsshd_number_of(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k);
struct qsp_qsshd_list *qsp_qsshd_list_of(const struct qsp_qsshd_setter *s,
					 const struct qsp_qsshd_keyword *k);
/* An error unless there is one argument, and it is not empty. */
QSP_MUST_USE qsp_err qsp_qsshd_one_argument(const struct qsp_qsshd_setter *s);
/* The error `KEYWORD: "ARGUMENT" is not WANTED`. */
qsp_err qsp_qsshd_bad_value(const struct qsp_qsshd_setter *s, const char *wanted);
/* Sets *field unless it has been set. */
void qsp_qsshd_first(int *field, int value);

/* config_kinds.c */
qsp_err qsp_qsshd_take_bool(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k);
qsp_err qsp_qsshd_take_number(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k);
qsp_err qsp_qsshd_take_seconds(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k);
/* Every argument is added to the list. */
qsp_err qsp_qsshd_take_words(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k);
/* One argument, the first that is given. */
qsp_err qsp_qsshd_take_word(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k);
/* Words, and only the first line of them. */
qsp_err qsp_qsshd_take_first_words(const struct qsp_qsshd_setter *s,
				   const struct qsp_qsshd_keyword *k);
/* The line uncut, the first that is given. */
qsp_err qsp_qsshd_take_rest(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k);

/* config_take.c */
qsp_err qsp_qsshd_take_port(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k);
qsp_err qsp_qsshd_take_listen(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k);
qsp_err qsp_qsshd_take_host_key(const struct qsp_qsshd_setter *s,
				const struct qsp_qsshd_keyword *k);
qsp_err qsp_qsshd_take_subsystem(const struct qsp_qsshd_setter *s,
				 const struct qsp_qsshd_keyword *k);
qsp_err qsp_qsshd_take_chroot(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k);
qsp_err qsp_qsshd_take_ways(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k);
qsp_err qsp_qsshd_take_pam(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k);
qsp_err qsp_qsshd_take_pam_service(const struct qsp_qsshd_setter *s,
				   const struct qsp_qsshd_keyword *k);
qsp_err qsp_qsshd_take_set_env(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k);
qsp_err qsp_qsshd_take_root(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k);
qsp_err qsp_qsshd_take_log_level(const struct qsp_qsshd_setter *s,
				 const struct qsp_qsshd_keyword *k);
qsp_err qsp_qsshd_take_facility(const struct qsp_qsshd_setter *s,
				const struct qsp_qsshd_keyword *k);
qsp_err qsp_qsshd_take_compression(const struct qsp_qsshd_setter *s,
				   const struct qsp_qsshd_keyword *k);
qsp_err qsp_qsshd_take_detached(const struct qsp_qsshd_setter *s,
				const struct qsp_qsshd_keyword *k);
qsp_err qsp_qsshd_take_startups(const struct qsp_qsshd_setter *s,
				const struct qsp_qsshd_keyword *k);
qsp_err qsp_qsshd_take_ciphers(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k);
qsp_err qsp_qsshd_take_rekey(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k);
qsp_err qsp_qsshd_take_wire(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k);

/* config_shaping.c */
qsp_err qsp_qsshd_take_shaping(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k);

/* config_forward.c */
qsp_err qsp_qsshd_take_forwarding(const struct qsp_qsshd_setter *s,
				  const struct qsp_qsshd_keyword *k);
qsp_err qsp_qsshd_take_gateway(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k);
qsp_err qsp_qsshd_take_mask(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k);
qsp_err qsp_qsshd_take_permit_open(const struct qsp_qsshd_setter *s,
				   const struct qsp_qsshd_keyword *k);
qsp_err qsp_qsshd_take_permit_listen(const struct qsp_qsshd_setter *s,
				     const struct qsp_qsshd_keyword *k);

#endif
