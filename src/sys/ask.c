/* SPDX-License-Identifier: ISC */
/* Who is asked: two ways, and what the environment says of them. */
#include "sys/ask.h"

#include <stdlib.h>
#include <string.h>

#include "sys/askpass.h"
#include "sys/tty.h"

enum way { NOWHERE, TERMINAL, PROGRAM };

static enum way
choose(void)
{
	const char *require = getenv("SSH_ASKPASS_REQUIRE");
	bool set = qsp_askpass_is_set();

	if (require != NULL && strcmp(require, "force") == 0)
		return PROGRAM;
	if (require != NULL && strcmp(require, "never") == 0)
		set = false;
	if (set && require != NULL && strcmp(require, "prefer") == 0)
		return PROGRAM;
	if (qsp_tty_can_ask())
		return TERMINAL;
	return set ? PROGRAM : NOWHERE;
}

bool
qsp_ask_possible(void)
{
	return choose() != NOWHERE;
}

qsp_err
qsp_ask(const char *question, bool echo, char *out, size_t cap)
{
	/* without either, the terminal says what is wrong */
	return choose() == PROGRAM ? qsp_askpass_ask(question, out, cap)
				   : qsp_tty_ask(question, echo, out, cap);
}
