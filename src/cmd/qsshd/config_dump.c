/* SPDX-License-Identifier: ISC */
/*
 * The configuration as text: what -T prints, and what the other processes of the server read. Reading
 * it gives the same configuration again, so nothing here may be abbreviated.
 */
#include "cmd/qsshd/config.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "crypto/aead.h"

/* A word that the tokenizer gives back as it was. */
void
qsp_qsshd_config_put_word(FILE *f, const char *s)
{
	bool quote = *s == 0 || *s == '#' || strpbrk(s, " \t\"'\\=") != NULL;

	putc(' ', f);
	if (quote)
		putc('"', f);
	for (; *s; s++) {
		if (*s == '"' || *s == '\'' || *s == '\\')
			putc('\\', f);
		putc(*s, f);
	}
	if (quote)
		putc('"', f);
}

/* A line for each word, or one line for all. */
static void
put_each(FILE *f, const char *name, const struct qsp_qsshd_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		fputs(name, f);
		qsp_qsshd_config_put_word(f, l->v[i]);
		putc('\n', f);
	}
}

static void
put_all(FILE *f, const char *name, const struct qsp_qsshd_list *l)
{
	if (l->n == 0)
		return;
	fputs(name, f);
	for (size_t i = 0; i < l->n; i++)
		qsp_qsshd_config_put_word(f, l->v[i]);
	putc('\n', f);
}

static const char *
yes_no(int v)
{
	return v ? "yes" : "no";
}

static void
put_rekey(FILE *f, const struct qsp_qsshd_config *c)
{
	if (c->rekey_cells)
		fprintf(f, "rekeylimit %llucells", (unsigned long long)c->rekey_cells);
	else
		fputs("rekeylimit none", f);
	if (c->rekey_s)
		fprintf(f, " %llu\n", (unsigned long long)c->rekey_s);
	else
		fputs(" none\n", f);
}

static void
put_ciphers(FILE *f, const struct qsp_qsshd_config *c)
{
	if (c->n_aead == 0)
		return;
	for (size_t i = 0; i < c->n_aead; i++)
		fprintf(f, "%s%s", i ? "," : "ciphers ", qsp_aead_by_id(c->aead[i])->name);
	putc('\n', f);
}

void
qsp_qsshd_config_dump(const struct qsp_qsshd_config *c, FILE *f)
{
	static const char *const root[] = { "yes", "no", "prohibit-password",
					    "forced-commands-only" };

	put_each(f, "port", &c->port);
	put_each(f, "listenaddress", &c->listen);
	put_each(f, "hostkey", &c->host_key);
	put_all(f, "authorizedkeysfile", &c->authorized_keys);
	put_all(f, "pidfile", &c->pid_file);
	put_all(f, "chrootdirectory", &c->chroot);
	fprintf(f, "strictmodes %s\n", yes_no(c->strict_modes));
	fprintf(f, "permitrootlogin %s\n", root[c->root]);
	fprintf(f, "pubkeyauthentication %s\n", yes_no(c->pubkey));
	fprintf(f, "passwordauthentication %s\n", yes_no(c->password));
	fprintf(f, "kbdinteractiveauthentication %s\n", yes_no(c->interactive));
	fprintf(f, "usepam %s\n", yes_no(c->use_pam));
	put_all(f, "pamservicename", &c->pam_service);
	put_all(f, "authenticationmethods", &c->auth_methods);
	put_each(f, "allowusers", &c->allow_users);
	put_each(f, "denyusers", &c->deny_users);
	put_each(f, "allowgroups", &c->allow_groups);
	put_each(f, "denygroups", &c->deny_groups);
	put_each(f, "acceptenv", &c->accept_env);
	put_all(f, "setenv", &c->set_env);
	put_all(f, "permituserenvironment", &c->permit_user_env);
	fprintf(f, "forcecommand %s\n", c->force_command.v[0]);
	fprintf(f, "permittty %s\n", yes_no(c->permit_tty));
	fprintf(f, "permituserrc %s\n", yes_no(c->permit_user_rc));
	fprintf(f, "printmotd %s\n", yes_no(c->print_motd));
	fprintf(f, "printlastlog %s\n", yes_no(c->print_last_log));
	fprintf(f, "clientaliveinterval %d\n", c->alive_s);
	fprintf(f, "clientalivecountmax %d\n", c->alive_count);
	for (size_t i = 0; i < c->subsystem.n; i++)
		fprintf(f, "subsystem %s %s\n", c->subsystem.v[i], c->subsystem_command.v[i]);
	fprintf(f, "maxauthtries %d\n", c->max_auth_tries);
	fprintf(f, "maxsessions %d\n", c->max_sessions);
	fprintf(f, "maxstartups %d:%d:%d\n", c->startups_begin, c->startups_rate, c->startups_full);
	fprintf(f, "logingracetime %d\n", c->grace_s);
	fprintf(f, "resumetimeout %d\n", c->resume_s);
	fprintf(f, "secretoverlap %d\n", c->secret_overlap_s);
	fprintf(f, "maxdetached %d:%d\n", c->detached_each, c->detached_total);
	qsp_qsshd_config_dump_forward(c, f);
	if (c->workers > 0)
		fprintf(f, "workers %d\n", c->workers);
	fprintf(f, "compression %s\n", yes_no(c->compression));
	fprintf(f, "firstcontact %s\n", yes_no(c->first_contact));
	fprintf(f, "wire %s\n", c->wire == QSP_WIRE_FRAMES ? "frame" : "cell");
	qsp_qsshd_config_dump_shaping(c, f);
	put_ciphers(f, c);
	put_rekey(f, c);
	fprintf(f, "loglevel %s\n", qsp_log_level_name((enum qsp_log_level)c->log_level));
	fprintf(f, "syslogfacility %s\n", qsp_log_facility_name(c->facility));
}

char *
qsp_qsshd_config_text(const struct qsp_qsshd_config *c)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);
	bool ok;

	if (f == NULL)
		return NULL;
	qsp_qsshd_config_dump(c, f);
	if (c->match != NULL)
		fputs(c->match, f);
	ok = !ferror(f);
	if (fclose(f) != 0 || !ok) {
		free(text);
		return NULL;
	}
	return text;
}

int
qsp_qsshd_config_text_fd(const char *text)
{
	int fd = memfd_create("qsshd_config", MFD_CLOEXEC);
	size_t n = strlen(text), at = 0;
	ssize_t k = 0;

	for (; fd >= 0 && at < n && (k = write(fd, text + at, n - at)) > 0; at += (size_t)k)
		;
	if (fd >= 0 && (at < n || lseek(fd, 0, SEEK_SET) != 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

int
qsp_qsshd_config_fd(const struct qsp_qsshd_config *c)
{
	char *text = qsp_qsshd_config_text(c);
	int fd = text ? qsp_qsshd_config_text_fd(text) : -1;

	free(text);
	return fd;
}

void
qsp_qsshd_config_rekey(const struct qsp_qsshd_config *c, struct qsp_config *out)
{
	uint64_t plain = 1 << 16;

	if (c->rekey_cells && c->rekey_cells / 16 < plain)
		plain = c->rekey_cells / 16 < 32 ? 32 : c->rekey_cells / 16;
	qsp_config_set_rekey(out, plain, c->rekey_cells, c->rekey_s * 1000);
}
