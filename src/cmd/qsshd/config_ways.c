/* SPDX-License-Identifier: ISC */
/*
 * AuthenticationMethods: lists of ways to prove oneself, of which one must be gone through in its order.
 * "any", the default, is one way of whatever kind.
 */
#include "cmd/qsshd/config.h"

#include <string.h>
#include <strings.h>

static const char *const names[QSP_WAYS] = {
	[QSP_WAY_PUBLICKEY] = "publickey",
	[QSP_WAY_PASSWORD] = "password",
	[QSP_WAY_INTERACTIVE] = "keyboard-interactive",
};

static bool
is_any(const char *list)
{
	return strcasecmp(list, "any") == 0;
}

/* The ways of one list; 0 where it is none. */
static size_t
parse(const char *list, uint8_t out[QSP_WAYS_MAX])
{
	size_t n = 0;

	for (;; list++) {
		size_t len = strcspn(list, ",");
		uint8_t w = 0;

		while (w < QSP_WAYS &&
		       (strlen(names[w]) != len || strncmp(list, names[w], len) != 0))
			w++;
		if (w == QSP_WAYS || n == QSP_WAYS_MAX)
			return 0;
		out[n++] = w;
		list += len;
		if (*list == 0)
			return n;
	}
}

bool
qsp_qsshd_ways_check(const char *list)
{
	uint8_t ways[QSP_WAYS_MAX];

	return is_any(list) || parse(list, ways) > 0;
}

/* All of a list can be gone through. */
static bool
are_on(const struct qsp_qsshd_config *c, const uint8_t *ways, size_t n)
{
	const bool on[QSP_WAYS] = {
		[QSP_WAY_PUBLICKEY] = c->pubkey > 0,
		[QSP_WAY_PASSWORD] = c->password > 0,
		[QSP_WAY_INTERACTIVE] = c->interactive > 0,
	};

	for (size_t i = 0; i < n; i++) {
		if (!on[ways[i]])
			return false;
	}
	return true;
}

unsigned
qsp_qsshd_ways_next(const struct qsp_qsshd_config *c, const uint8_t *done, size_t n, bool *complete)
{
	uint8_t ways[QSP_WAYS_MAX];
	unsigned next = 0;

	*complete = false;
	if (c->auth_methods.n ==
	    0) /* of a configuration that could not be made: it allows nothing */
		return 0;
	if (is_any(c->auth_methods.v[0])) {
		*complete = n > 0;
		return (1u << QSP_WAYS) - 1;
	}
	for (size_t i = 0; i < c->auth_methods.n; i++) {
		size_t len = parse(c->auth_methods.v[i], ways);

		if (len < n || !are_on(c, ways, len) || (n > 0 && memcmp(ways, done, n) != 0))
			continue;
		*complete |= len == n;
		if (len > n)
			next |= 1u << ways[n];
	}
	return next;
}
