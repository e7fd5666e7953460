/* SPDX-License-Identifier: ISC */
/* What the loop of qsshd-auth waits for beside its links: as many as there are sessions. */
#include "cmd/qsshd/auth.h"

#include <poll.h>
#include <stdlib.h>

bool
qsp_auth_watch(struct qsp_auth *a, struct qsp_auth_watch *w)
{
	struct qsp_auth_watch **more;
	size_t cap;

	if (a->n_watches == a->cap_watches) {
		cap = a->cap_watches ? 2 * a->cap_watches : 64;
		more = realloc(a->watch, cap * sizeof(struct qsp_auth_watch *));
		if (more == NULL)
			return false;
		a->watch = more;
		a->cap_watches = cap;
	}
	a->watch[a->n_watches++] = w;
	return true;
}

struct pollfd *
qsp_auth_watch_poll(struct qsp_auth *a, size_t before)
{
	size_t n = before + a->n_watches;
	struct pollfd *more;

	if (n > a->cap_poll) {
		more = realloc(a->poll, 2 * n * sizeof(*more));
		if (more == NULL)
			return NULL;
		a->poll = more;
		a->cap_poll = 2 * n;
	}
	for (size_t i = 0; i < a->n_watches; i++)
		a->poll[before + i] = (struct pollfd){ .fd = a->watch[i]->fd, .events = POLLIN };
	return a->poll;
}

void
qsp_auth_watch_serve(struct qsp_auth *a, const struct pollfd *p, size_t n)
{
	for (size_t i = n; i-- > 0;) { /* from the end: dropping moves the last one */
		struct qsp_auth_watch *w = a->watch[i];

		if (!p[i].revents || w->ready(a, w))
			continue;
		a->watch[i] = a->watch[--a->n_watches];
		w->end(w);
	}
}

void
qsp_auth_watch_end(struct qsp_auth *a)
{
	while (a->n_watches > 0) {
		struct qsp_auth_watch *w = a->watch[--a->n_watches];

		w->end(w);
	}
	free(a->watch);
	free(a->poll);
}
