/* SPDX-License-Identifier: ISC */
/* One message at a time; every length is checked before what it counts is there. */
#include "app/socks.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"

#define CONNECT 1
#define NO_METHOD 0xff
#define V5_REFUSED 5
#define V5_BAD_COMMAND 7
#define V5_BAD_ADDRESS 8
#define V4_GRANTED 90
#define V4_REJECTED 91

static void
say5(struct qsp_socks_reply *r, uint8_t code)
{
	const uint8_t b[] = { 5, code, 0, 1, 0, 0, 0, 0, 0, 0 };

	memcpy(r->b, b, sizeof(b));
	r->n = sizeof(b);
}

static void
say4(struct qsp_socks_reply *r, uint8_t code)
{
	const uint8_t b[] = { 0, code, 0, 0, 0, 0, 0, 0 };

	memcpy(r->b, b, sizeof(b));
	r->n = sizeof(b);
}

/* A name goes into messages and to a resolver: nothing but what can stand in one. */
static bool
set_host(struct qsp_socks *s, struct qsp_bytes name)
{
	if (name.n == 0 || name.n >= sizeof(s->host))
		return false;
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] <= ' ' || name.p[i] >= 127)
			return false;
	}
	memcpy(s->host, name.p, name.n);
	s->host[name.n] = 0;
	return true;
}

/* --- version 4 and 4a ------------------------------------------------------------------------ */

/* Text up to a NUL at `at`; its length, or SIZE_MAX where the NUL has not come. */
static size_t
text_at(struct qsp_bytes in, size_t at)
{
	const uint8_t *end = at < in.n ? memchr(in.p + at, 0, in.n - at) : NULL;

	return end != NULL ? (size_t)(end - in.p) - at : SIZE_MAX;
}

static enum qsp_socks_step
take4(struct qsp_socks *s, struct qsp_bytes in, size_t *used, struct qsp_socks_reply *reply)
{
	size_t user, host = 0;
	bool named, ok;

	if (in.n < 9 || (user = text_at(in, 8)) == SIZE_MAX)
		return QSP_SOCKS_MORE;
	named = in.p[4] == 0 && in.p[5] == 0 && in.p[6] == 0 && in.p[7] != 0; /* 4a */
	if (named && (host = text_at(in, 9 + user)) == SIZE_MAX)
		return QSP_SOCKS_MORE;
	*used = 9 + user + (named ? host + 1 : 0);
	s->port = qsp_bytes_get16(in.p + 2);
	if (named)
		ok = set_host(s, qsp_bytes(in.p + 9 + user, host));
	else
		ok = inet_ntop(AF_INET, in.p + 4, s->host, sizeof(s->host)) != NULL;
	if (ok && in.p[1] == CONNECT && s->port != 0)
		return QSP_SOCKS_ASKED;
	say4(reply, V4_REJECTED);
	return QSP_SOCKS_BAD;
}

/* --- version 5 ------------------------------------------------------------------------------- */

static enum qsp_socks_step
greet5(struct qsp_socks *s, struct qsp_bytes in, size_t *used, struct qsp_socks_reply *reply)
{
	bool open;

	if (in.n < 2 || in.n < 2u + in.p[1])
		return QSP_SOCKS_MORE;
	*used = 2u + in.p[1];
	open = memchr(in.p + 2, 0, in.p[1]) != NULL;
	reply->n = 2;
	reply->b[0] = 5;
	reply->b[1] = open ? 0 : NO_METHOD;
	s->greeted = open;
	return open ? QSP_SOCKS_SAY : QSP_SOCKS_BAD;
}

/* The address and its length in bytes, 0 for a type that is not known. */
static size_t
address5(struct qsp_bytes in)
{
	switch (in.p[3]) {
	case 1: return 4;
	case 3: return 1u + in.p[4];
	case 4: return 16;
	default: return 0;
	}
}

static enum qsp_socks_step
take5(struct qsp_socks *s, struct qsp_bytes in, size_t *used, struct qsp_socks_reply *reply)
{
	size_t n;
	bool ok;

	if (!s->greeted)
		return greet5(s, in, used, reply);
	if (in.n < 5)
		return QSP_SOCKS_MORE;
	n = address5(in);
	if (in.n < 4 + n + 2 && n > 0)
		return QSP_SOCKS_MORE;
	*used = n > 0 ? 4 + n + 2 : in.n;
	ok = n > 0;
	if (ok && in.p[3] == 3)
		ok = set_host(s, qsp_bytes(in.p + 5, n - 1));
	else if (ok)
		ok = inet_ntop(n == 4 ? AF_INET : AF_INET6, in.p + 4, s->host, sizeof(s->host));
	s->port = ok ? qsp_bytes_get16(in.p + 4 + n) : 0;
	if (ok && in.p[1] == CONNECT && s->port != 0)
		return QSP_SOCKS_ASKED;
	say5(reply, in.p[1] != CONNECT ? V5_BAD_COMMAND : V5_BAD_ADDRESS);
	return QSP_SOCKS_BAD;
}

enum qsp_socks_step
qsp_socks_take(struct qsp_socks *s, struct qsp_bytes in, size_t *used,
	       struct qsp_socks_reply *reply)
{
	enum qsp_socks_step step = QSP_SOCKS_BAD;

	*used = 0;
	reply->n = 0;
	if (in.n == 0)
		return QSP_SOCKS_MORE;
	in.n = in.n < QSP_SOCKS_MAX ? in.n : QSP_SOCKS_MAX; /* however it comes */
	s->version = in.p[0];
	if (s->version == 4)
		step = take4(s, in, used, reply);
	else if (s->version == 5)
		step = take5(s, in, used, reply);
	return step == QSP_SOCKS_MORE && in.n >= QSP_SOCKS_MAX ? QSP_SOCKS_BAD : step;
}

void
qsp_socks_answer(const struct qsp_socks *s, bool ok, struct qsp_socks_reply *reply)
{
	if (s->version == 4)
		say4(reply, ok ? V4_GRANTED : V4_REJECTED);
	else
		say5(reply, ok ? 0 : V5_REFUSED);
}
