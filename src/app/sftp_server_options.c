/* SPDX-License-Identifier: ISC */
/* The command line of internal-sftp, with the options of sftp-server(8). */
#include <stdlib.h>
#include <string.h>

#include "app/confvalue.h"
#include "app/sftp_server.h"
#include "sys/log.h"

#define NAME "internal-sftp"
#define BLANKS " \t"

bool
qsp_sftp_server_is(const char *line)
{
	size_t n = strlen(NAME);

	line += strspn(line, BLANKS);
	return strncmp(line, NAME, n) == 0 && (line[n] == 0 || strchr(BLANKS, line[n]) != NULL);
}

/* A list of names of requests, parted by commas. */
static bool
take_requests(struct qsp_sftp_server_options *o, char *list, bool refuse)
{
	char *save = NULL;
	unsigned kind;

	if (!refuse) {
		for (size_t i = 0; i < QSP_SFTP_KINDS_END; i++)
			o->refused[i] = true;
	}
	for (char *w = strtok_r(list, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
		if (!qsp_sftp_kind_by_name(w, &kind))
			return false;
		o->refused[kind] = refuse;
	}
	return true;
}

/* -d: %% %d (or %h) and %u */
static bool
take_dir(struct qsp_sftp_server_options *o, const char *value)
{
	struct qsp_writer w = qsp_writer_of((uint8_t *)o->dir, sizeof(o->dir) - 1);

	for (; *value; value++) {
		const char *text = NULL;

		if (*value != '%') {
			qsp_writer_u8(&w, (uint8_t)*value);
			continue;
		}
		switch (*++value) {
		case '%': text = "%"; break;
		case 'd':
		case 'h': text = o->home; break;
		case 'u': text = o->user; break;
		default: return false;
		}
		if (text == NULL)
			return false;
		qsp_writer_put(&w, qsp_bytes_str(text));
	}
	o->dir[w.n] = 0;
	return qsp_writer_done(&w) == 0;
}

static bool
take_umask(struct qsp_sftp_server_options *o, const char *value)
{
	char *end;
	long v = strtol(value, &end, 8);

	o->umask = (int)v;
	return *value >= '0' && *value <= '7' && *end == 0 && v <= 0777;
}

static bool
take_value(struct qsp_sftp_server_options *o, char option, char *value, const char **why)
{
	enum qsp_log_level level;

	switch (option) {
	case 'd': *why = "-d: unknown token, or too long"; return take_dir(o, value);
	case 'u': *why = "-u: an octal mask is wanted"; return take_umask(o, value);
	case 'p': *why = "-p: unknown request"; return take_requests(o, value, false);
	case 'P': *why = "-P: unknown request"; return take_requests(o, value, true);
	case 'f':
		*why = "-f: unknown facility";
		return qsp_log_facility_by_name(value, &o->log_facility);
	default:
		*why = "-l: unknown level";
		if (!qsp_log_level_by_name(value, &level))
			return false;
		o->log_level = (int)level;
		return true;
	}
}

bool
qsp_sftp_server_parse(struct qsp_sftp_server_options *o, const char *line, const char **why)
{
	char *copy = strdup(line), *save = NULL, *word, *value;
	bool ok = copy != NULL && qsp_sftp_server_is(line);

	o->umask = o->log_level = o->log_facility = -1;
	*why = "not " NAME;
	(void)(ok && strtok_r(copy, BLANKS, &save) != NULL); /* its own name */
	while (ok && (word = strtok_r(NULL, BLANKS, &save)) != NULL) {
		*why = "unknown option";
		ok = word[0] == '-' && word[1] != 0;
		for (word++; ok && *word; word++) {
			if (*word == 'R') {
				o->read_only = true;
			} else if (*word == 'e') {
				o->log_stderr = true;
			} else if (strchr("dfluPp", *word) != NULL) {
				value = word[1] ? word + 1 : strtok_r(NULL, BLANKS, &save);
				*why = "an option without its value";
				ok = value != NULL && take_value(o, *word, value, why);
				break;
			} else {
				ok = false;
			}
		}
	}
	free(copy);
	return ok;
}
