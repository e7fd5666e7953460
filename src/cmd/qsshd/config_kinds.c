/* SPDX-License-Identifier: ISC */
/* Kinds of value that many keywords have. */
#include "cmd/qsshd/config_keys.h"

#include "app/confvalue.h"

int *
qsp_qsshd_number_of(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k)
{
	return (int *)(void *)((char *)s->c + k->offset);
}

struct qsp_qsshd_list *
qsp_qsshd_list_of(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k)
{
	return (struct qsp_qsshd_list *)(void *)((char *)s->c + k->offset);
}

qsp_err
qsp_qsshd_one_argument(const struct qsp_qsshd_setter *s)
{
	if (s->l->n == 0 || *s->l->arg[0] == 0)
		return QSP_QSSHD_BAD(s, "%s needs a value", s->l->keyword);
	if (s->l->n > 1)
		return QSP_QSSHD_BAD(s, "%s: one value only, not \"%s\"", s->l->keyword,
				     s->l->arg[1]);
	return 0;
}

qsp_err
qsp_qsshd_bad_value(const struct qsp_qsshd_setter *s, const char *wanted)
{
	return QSP_QSSHD_BAD(s, "%s: \"%s\" is not %s", s->l->keyword, s->l->arg[0], wanted);
}

void
qsp_qsshd_first(int *field, int value)
{
	if (*field < 0)
		*field = value;
}

qsp_err
qsp_qsshd_take_bool(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k)
{
	bool v;

	if (qsp_qsshd_one_argument(s))
		return QSP_E_INPUT;
	if (qsp_confvalue_bool(s->l->arg[0], &v))
		return qsp_qsshd_bad_value(s, "yes or no");
	qsp_qsshd_first(qsp_qsshd_number_of(s, k), v);
	return 0;
}

qsp_err
qsp_qsshd_take_number(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k)
{
	uint64_t v;

	if (qsp_qsshd_one_argument(s))
		return QSP_E_INPUT;
	if (qsp_confvalue_number(s->l->arg[0], k->min, k->max, &v))
		return QSP_QSSHD_BAD(s, "%s: \"%s\" is not a number from %llu to %llu",
				     s->l->keyword, s->l->arg[0], (unsigned long long)k->min,
				     (unsigned long long)k->max);
	qsp_qsshd_first(qsp_qsshd_number_of(s, k), (int)v);
	return 0;
}

qsp_err
qsp_qsshd_take_seconds(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k)
{
	uint64_t v;

	if (qsp_qsshd_one_argument(s))
		return QSP_E_INPUT;
	if (qsp_confvalue_seconds(s->l->arg[0], &v))
		return qsp_qsshd_bad_value(s, "a time, such as 90, 2m or 1h30m");
	qsp_qsshd_first(qsp_qsshd_number_of(s, k), (int)v);
	return 0;
}

qsp_err
qsp_qsshd_take_words(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k)
{
	if (s->l->n == 0)
		return QSP_QSSHD_BAD(s, "%s needs a value", s->l->keyword);
	for (size_t i = 0; i < s->l->n; i++) {
		if (*s->l->arg[i] == 0)
			return QSP_QSSHD_BAD(s, "%s: empty value", s->l->keyword);
		if (!qsp_qsshd_list_add(qsp_qsshd_list_of(s, k), s->l->arg[i]))
			return QSP_QSSHD_BAD(s, "%s: too many values", s->l->keyword);
	}
	return 0;
}

qsp_err
qsp_qsshd_take_word(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k)
{
	if (qsp_qsshd_one_argument(s))
		return QSP_E_INPUT;
	return qsp_qsshd_list_of(s, k)->n > 0 ? 0 : qsp_qsshd_take_words(s, k);
}

qsp_err
qsp_qsshd_take_first_words(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k)
{
	if (qsp_qsshd_list_of(s, k)->n > 0 && s->l->n > 0)
		return 0;
	return qsp_qsshd_take_words(s, k);
}

qsp_err
qsp_qsshd_take_rest(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k)
{
	struct qsp_qsshd_list *l = qsp_qsshd_list_of(s, k);

	if (s->l->n == 0)
		return QSP_QSSHD_BAD(s, "%s needs a value", s->l->keyword);
	return l->n > 0 || qsp_qsshd_list_add(l, s->l->rest) ? 0 : QSP_E_NOMEM;
}
