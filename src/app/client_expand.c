/* SPDX-License-Identifier: ISC */
/*
 * Names of ciphers, and what stands for something else in names of files and commands.
 */
#include "app/client_config.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct {
	const char *name;
	uint8_t id;
} aeads[] = {
	{ "aes256-gcm", QSP_AES256_GCM },
	{ "chacha20-poly1305", QSP_CHACHA20_POLY1305 },
	{ "aes256-ctr-hmac-sha3-256", QSP_AES256_CTR_HMAC_SHA3_256 },
};

const char *
qsp_client_aead_name(uint8_t id)
{
	for (size_t i = 0; i < sizeof(aeads) / sizeof(aeads[0]); i++)
		if (aeads[i].id == id)
			return aeads[i].name;
	return NULL;
}

uint8_t
qsp_client_aead_by_name(const char *name, size_t n)
{
	for (size_t i = 0; i < sizeof(aeads) / sizeof(aeads[0]); i++)
		if (strlen(aeads[i].name) == n && strncasecmp(aeads[i].name, name, n) == 0)
			return aeads[i].id;
	return 0;
}

qsp_err
qsp_client_aeads(const char *list, uint8_t ids[6], size_t *n)
{
	*n = 0;
	for (const char *p = list;;) {
		size_t len = strcspn(p, ",");
		uint8_t id = qsp_client_aead_by_name(p, len);

		if (!id || *n == 6)
			return QSP_E_INPUT;
		for (size_t i = 0; i < *n; i++)
			if (ids[i] == id)
				return QSP_E_INPUT;
		ids[(*n)++] = id;
		if (p[len] == 0)
			return 0;
		p += len + 1;
	}
}

/* The text of one token, NULL for an unknown one. */
static const char *
token(char c, const struct qsp_client_tokens *t, char port[8])
{
	switch (c) {
	case '%': return "%";
	case 'h': return t->host;
	case 'n': return t->original;
	case 'p': snprintf(port, 8, "%u", t->port); return port;
	case 'r': return t->remote_user;
	case 'u': return t->local_user;
	case 'd': return t->home;
	default: return NULL;
	}
}

char *
qsp_client_expand(const char *s, const struct qsp_client_tokens *t, bool tilde)
{
	char *text = NULL, port[8];
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	bool ok = true;

	if (!out)
		return NULL;
	if (tilde && s[0] == '~' && (s[1] == '/' || s[1] == 0)) {
		fputs(t->home, out);
		s++;
	}
	for (; *s && ok; s++) {
		const char *word = *s == '%' ? token(s[1], t, port) : NULL;

		if (*s != '%')
			putc(*s, out);
		else if (!word)
			ok = false;
		else {
			fputs(word, out);
			s++;
		}
	}
	if (fclose(out) != 0 || !ok) {
		free(text);
		return NULL;
	}
	return text;
}
