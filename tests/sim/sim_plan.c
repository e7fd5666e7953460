/* SPDX-License-Identifier: ISC */
/* What one run is about, drawn from its seed. */
#include "sim.h"

#include <stdio.h>

uint64_t
sim_below(struct sim *m, uint64_t n)
{
	return n ? pair_random(&m->dice) % n : 0;
}

bool
sim_one_in(struct sim *m, unsigned n)
{
	return sim_below(m, n) == 0;
}

static void
draw_options(struct sim *m, struct pair_options *o)
{
	static const uint64_t plain[] = { 0, 3, 7, 20, 60, 200 }, kem[] = { 0, 0, 5, 70 };
	static const uint64_t ms[] = { 0, 0, 50, 4000 };

	*o = pair_defaults();
	o->seed = m->seed;
	o->kem = (uint8_t)(1 + sim_below(m, 2));
	o->aead = (uint8_t)sim_below(m, 4);
	o->known = sim_below(m, 2);
	o->ok_class = (enum qsp_ok_class)sim_below(m, 3);
	o->wire = (enum qsp_wire)sim_one_in(m, 3);
	o->method = (enum qsp_method)(1 + sim_below(m, QSP_METHOD_INTERACTIVE));
	if (o->method == QSP_METHOD_SIGNATURE && !sim_one_in(m, 3))
		o->method = QSP_METHOD_KEM; /* signing is slow */
	if (o->method == QSP_METHOD_KEM && sim_one_in(m, 4))
		o->user_key_type = (uint8_t)(3 - o->kem);
	o->last = sim_below(m, 2);
	o->refuse = sim_one_in(m, 12);
	o->distrust = sim_one_in(m, 12);
	o->certificate = sim_one_in(m, 4);
	o->plain_cells = plain[sim_below(m, 6)];
	o->kem_cells = kem[sim_below(m, 4)];
	o->kem_ms = ms[sim_below(m, 4)];
	if (o->plain_cells || o->kem_cells || o->kem_ms)
		o->client_slack = sim_one_in(m, 4) ? 1 : 1000;
}

struct sim_plan
sim_plan(struct sim *m)
{
	struct sim_plan plan = { 0 };

	draw_options(m, &plan.o);
	plan.bytewise = sim_one_in(m, 16);
	plan.lazy = sim_one_in(m, 3);
	plan.late = sim_one_in(m, 40);
	plan.early_close = sim_one_in(m, 8);
	plan.acts = sim_below(m, 2);
	for (unsigned d = 0; d < 2; d++) {
		/* most harm early, where the handshake is; some far out in the data */
		static const size_t reach[] = { 3840, 8000, 16000, 60000 };

		plan.harm_at[d] = sim_below(m, reach[sim_below(m, 4)]);
		if (sim_one_in(m, 3))
			plan.harm[d] = (enum sim_harm)(1 + sim_below(m, SIM_HARMS - 1));
		plan.say[d] = sim_one_in(m, 3) ? 0 : sim_below(m, sim_one_in(m, 4) ? 60000 : 4000);
	}
	return plan;
}

void
sim_plan_print(const struct sim *m)
{
	static const char *const harms[] = { "none", "flip",   "drop", "repeat",
					     "swap", "inject", "cut" };
	const struct sim_plan *p = &m->plan;
	const struct pair_options *o = &p->o;

	fprintf(stderr,
		"kem %u aead %u layout %c class %d wire %d method %d%s%s%s%s, "
		"rekey %llu/%llu cells %llu ms, slack %u\n",
		o->kem, o->aead, o->known ? 'K' : 'T', o->ok_class, o->wire, o->method,
		o->last ? " last" : "", o->refuse ? " refuse" : "", o->distrust ? " distrust" : "",
		o->certificate ? " certificate" : "", (unsigned long long)o->plain_cells,
		(unsigned long long)o->kem_cells, (unsigned long long)o->kem_ms, o->client_slack);
	fprintf(stderr, "%s%s%s%s%sharm up %s at %zu, down %s at %zu; data %zu up, %zu down\n",
		p->bytewise ? "bytewise " : "", p->lazy ? "lazy " : "", p->late ? "late " : "",
		p->early_close ? "early close " : "", p->acts ? "acts " : "", harms[p->harm[0]],
		p->harm_at[0], harms[p->harm[1]], p->harm_at[1], p->say[0], p->say[1]);
}
