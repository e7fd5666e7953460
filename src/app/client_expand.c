/* SPDX-License-Identifier: ISC */
/*
 * Names of ciphers, and what stands for something else in names of files and commands. Names of
 * files may also hold ${VARIABLES} of the environment.
 */
#include "app/client_config.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

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
token(char c, const struct qsp_client_tokens *t, char room[256])
{
	switch (c) {
	case '%': return "%";
	case 'C': return t->hash;
	case 'd': return t->home;
	case 'h': return t->host;
	case 'i': snprintf(room, 256, "%u", (unsigned)getuid()); return room;
	case 'j': return t->jump ? t->jump : "";
	case 'k': return t->key_name ? t->key_name : t->host;
	case 'l':
	case 'L':
		if (gethostname(room, 255) != 0)
			return NULL;
		room[c == 'L' ? strcspn(room, ".") : 255] = 0;
		return room;
	case 'n': return t->original;
	case 'p': snprintf(room, 256, "%u", t->port); return room;
	case 'r': return t->remote_user;
	case 'u': return t->local_user;
	default: return NULL;
	}
}

/* ${NAME} at s: its value, and *used; NULL where there is none. */
static const char *
variable(const char *s, size_t *used)
{
	size_t n = strcspn(s + 2, "}");
	char name[128];

	if (s[2 + n] != '}' || n == 0 || n >= sizeof(name))
		return NULL;
	memcpy(name, s + 2, n);
	name[n] = 0;
	*used = n + 3;
	return getenv(name);
}

char *
qsp_client_expand(const char *s, const struct qsp_client_tokens *t, bool path)
{
	char *text = NULL, room[256];
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	bool ok = true;

	if (!out)
		return NULL;
	if (path && s[0] == '~' && (s[1] == '/' || s[1] == 0)) {
		fputs(t->home, out);
		s++;
	}
	while (*s && ok) {
		bool is_variable = path && s[0] == '$' && s[1] == '{';
		size_t used = 2;
		const char *word = is_variable ? variable(s, &used)
				   : *s == '%' ? token(s[1], t, room)
					       : NULL;

		if (word)
			fputs(word, out);
		else if (is_variable || *s == '%')
			ok = false;
		else
			putc(*s, out);
		s += word ? used : 1;
	}
	if (fclose(out) != 0 || !ok) {
		free(text);
		return NULL;
	}
	return text;
}
