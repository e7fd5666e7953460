/* SPDX-License-Identifier: ISC */
/*
 * A conversation by SOCKS, as a dynamic forward has it: what is cut off is never more than there was, what
 * is asked for is a name or an address and a port, and how the bytes were cut into reads changes nothing.
 */
#include "app/socks.h"

#include <string.h>

#include "input.h"

struct end {
	enum qsp_socks_step step;
	size_t used, said;
	struct qsp_socks s;
};

/* Reads of at most `most` bytes. */
static struct end
talk(struct qsp_bytes in, size_t most)
{
	struct end e = { 0 };
	size_t n = 0;

	do {
		struct qsp_socks_reply reply;
		size_t used;

		n = n + most < in.n - e.used ? n + most : in.n - e.used;
		e.step = qsp_socks_take(&e.s, qsp_bytes(in.p + e.used, n), &used, &reply);
		must(used <= n && reply.n <= sizeof(reply.b));
		must(e.step != QSP_SOCKS_MORE || (used == 0 && reply.n == 0));
		must(e.step != QSP_SOCKS_SAY || (used > 0 && reply.n > 0));
		if (e.step == QSP_SOCKS_BAD)
			break;
		e.used += used;
		e.said += reply.n;
		if (e.step == QSP_SOCKS_SAY)
			n = 0;
	} while (e.step == QSP_SOCKS_SAY || (e.step == QSP_SOCKS_MORE && e.used + n < in.n));
	return e;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct end whole = talk(qsp_bytes(data, len), len + 1), cut = talk(qsp_bytes(data, len), 1);
	struct qsp_socks_reply reply;

	must(whole.step == cut.step && whole.used == cut.used && whole.said == cut.said);
	if (whole.step != QSP_SOCKS_ASKED)
		return 0;
	must(whole.s.port == cut.s.port && strcmp(whole.s.host, cut.s.host) == 0);
	must(whole.s.port != 0 && whole.s.host[0] != 0 && !strpbrk(whole.s.host, " \r\n\t"));
	qsp_socks_answer(&whole.s, true, &reply);
	must(reply.n == (whole.s.version == 4 ? 8 : 10));
	return 0;
}
