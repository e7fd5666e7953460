/* SPDX-License-Identifier: ISC */
#include "words.h"

#include <stdlib.h>
#include <string.h>

static bool
set(struct way *w, const char *name, size_t len, double v)
{
	static const char *const names[] = { "delay", "jitter", "loss", "rate", "queue", "seed" };
	size_t i = 0;

	while (i < 6 && (strlen(names[i]) != len || strncmp(names[i], name, len) != 0))
		i++;
	switch (i) {
	case 0: w->delay = (uint64_t)(v * 1e6); break;
	case 1: w->jitter = (uint64_t)(v * 1e6); break;
	case 2: w->loss = v / 100; break;
	case 3: w->rate = (uint64_t)(v * 1e6); break;
	case 4: w->queue = (uint64_t)v; break;
	case 5: way_seed(w, (uint64_t)v); break;
	default: return false;
	}
	return true;
}

static bool
apply(struct way *w, const char *word)
{
	const char *is = strchr(word, '=');
	char *end = NULL;
	double v;

	if (strcmp(word, "cut") == 0 || strcmp(word, "mend") == 0) {
		way_cut(w, word[0] == 'c');
		return true;
	}
	if (!is)
		return false;
	v = strtod(is + 1, &end);
	return end != is + 1 && *end == '\0' && v >= 0 && v < 1e15 &&
	       set(w, word, (size_t)(is - word), v);
}

bool
words_apply(struct way ways[2], const char *word)
{
	if (strncmp(word, "a.", 2) == 0)
		return apply(&ways[0], word + 2);
	if (strncmp(word, "b.", 2) == 0)
		return apply(&ways[1], word + 2);
	return apply(&ways[0], word) && apply(&ways[1], word);
}
