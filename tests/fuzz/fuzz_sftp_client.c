/* SPDX-License-Identifier: ISC */
/* The SFTP client against a server that says anything: each request is answered once or told of the end. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/sftp_client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static unsigned answered[32];

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
on_reply(void *arg, const struct qsp_sftp_reply *r)
{
	struct qsp_sftp_name n;
	struct qsp_sftp_reply copy;

	must(answered[(uintptr_t)arg]++ == 0);
	if (r == NULL || r->type != QSP_SFTP_NAME)
		return;
	copy = *r;
	while (qsp_sftp_get_name(&copy, &n) == 0)
		;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const unsigned kinds[] = { QSP_SFTP_OPEN,    QSP_SFTP_READ,  QSP_SFTP_WRITE,
					  QSP_SFTP_READDIR, QSP_SFTP_STAT,  QSP_SFTP_CLOSE,
					  QSP_SFTP_LIMITS,  QSP_SFTP_MKDIR, QSP_SFTP_SEEK_DATA };
	const uint8_t handle[4] = { 0 };
	struct qsp_sftp_client c;
	int in[2], out[2];
	unsigned sent = 0;

	if (len > 60000)
		return 0;
	must(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
	must(qsp_sftp_client_init(&c, in[0], out[1], 0) == 0);
	memset(answered, 0, sizeof(answered));
	for (; sent < sizeof(kinds) / sizeof(kinds[0]); sent++) {
		struct qsp_sftp_request r = { .kind = kinds[sent],
					      .path = qsp_bytes_str("a"),
					      .handle = QSP_BYTES_OF(handle),
					      .length = 100 };

		qsp_sftp_client_send(&c, &r, on_reply, (void *)(uintptr_t)sent);
	}
	qsp_sftp_client_push(&c);
	must(write(in[1], data, len) == (ssize_t)len);
	close(in[1]);
	while (c.broken == NULL)
		qsp_sftp_client_pull(&c);
	qsp_sftp_client_wipe(&c);
	for (unsigned i = 0; i < sent; i++)
		must(answered[i] == 1);
	close(out[0]);
	return 0;
}
