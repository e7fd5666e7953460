/* SPDX-License-Identifier: ISC */
/* What qscp says: failures, each in one line, and the meter. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "base/text.h"
#include "cmd/qscp/qscp.h"
#include "sys/tty.h"

void *
qsp_qscp_say_memory(void *p)
{
	if (p == NULL) {
		fputs("qscp: out of memory\n", stderr);
		exit(1);
	}
	return p;
}

/* Characters that only order or join others could make a name look like another. */
static bool
is_plain(wchar_t w)
{
	return iswprint((wint_t)w) && (w < 0x200b || w > 0x200f) && (w < 0x202a || w > 0x202e) &&
	       (w < 0x2066 || w > 0x2069) && w != 0xfeff;
}

void
qsp_qscp_say_printable(const char *name, char *out, size_t cap)
{
	mbstate_t state = { 0 };
	size_t left = strlen(name), used = 0;

	while (left > 0 && used + 5 + MB_CUR_MAX < cap) {
		wchar_t w;
		size_t n = mbrtowc(&w, name, left, &state);

		if (n == 0 || n > left || !is_plain(w)) {
			memset(&state, 0, sizeof(state));
			used += (size_t)snprintf(out + used, cap - used, "\\x%02x",
						 (unsigned char)*name);
			n = 1;
		} else {
			memcpy(out + used, name, n);
			used += n;
		}
		name += n;
		left -= n;
	}
	out[used] = 0;
}

/* Away with the meter's line before another is written. */
static void
clear(struct qsp_qscp *q)
{
	if (!q->drawn)
		return;
	fputs("\r\033[K", stdout);
	fflush(stdout);
	q->drawn = false;
}

void
qsp_qscp_say(struct qsp_qscp *q, const struct qsp_qscp_conn *at, const char *path, const char *why)
{
	char name[QSP_SFTP_PATH_MAX], host[512];

	clear(q);
	qsp_qscp_say_printable(path, name, sizeof(name));
	qsp_qscp_say_printable(at ? at->host : "", host, sizeof(host));
	fprintf(stderr, "qscp: %s%s%s: %s\n", host, at ? ":" : "", name, why);
	if (q->status == 0)
		q->status = 1;
}

void
qsp_qscp_say_reply(struct qsp_qscp *q, struct qsp_qscp_conn *at, const char *path,
		   const struct qsp_sftp_reply *r)
{
	char why[256];

	if (r == NULL) {
		if (!at->said) {
			char host[512];

			clear(q);
			qsp_qscp_say_printable(at->host, host, sizeof(host));
			fprintf(stderr, "qscp: %s: %s\n", host,
				at->c.broken ? at->c.broken : "Connection closed");
		}
		at->said = true;
		q->status = 255;
		return;
	}
	if (r->status == QSP_SFTP_NO_SUCH_FILE)
		(void)snprintf(why, sizeof(why), "No such file or directory");
	else if (r->status == QSP_SFTP_FAILURE && r->message.n > 0)
		qsp_text_printable(r->message, false, why, sizeof(why));
	else
		(void)snprintf(why, sizeof(why), "%s", qsp_sftp_status_text(r->status));
	qsp_qscp_say(q, at, path, why);
}

void
qsp_qscp_say_meter(struct qsp_qscp *q, const struct qsp_qscp_job *j, bool over)
{
	qsp_time now = qsp_qscp_conn_now() / 1000;
	struct qsp_tty_size size = qsp_tty_get_size(1);
	char line[QSP_METER_LINE_MAX], name[QSP_METER_NAME_MAX];

	if (!q->meter_on || j->state == QSP_QSCP_OPENING || j->held)
		return;
	if (q->metered != j) {
		qsp_qscp_say_printable(qsp_qscp_place_base(j->src), name, sizeof(name));
		qsp_meter_start(&q->meter, name, j->attrs.size, j->had, now);
		q->metered = j;
		q->meter.began = j->began;
	} else if (!over && now - q->meter.last < 1000) {
		return;
	}
	q->meter.done = j->moved;
	qsp_meter_line(&q->meter, size.columns ? size.columns : 80, over, now, line);
	printf("\r%s%s", line, over ? "\n" : "");
	fflush(stdout);
	q->drawn = !over;
	if (over)
		q->metered = NULL;
}

void
qsp_qscp_say_note(struct qsp_qscp *q, const char *path, const char *what)
{
	char name[QSP_SFTP_PATH_MAX];

	clear(q);
	qsp_qscp_say_printable(path, name, sizeof(name));
	fprintf(stderr, "debug1: %s %s\n", name, what);
}
