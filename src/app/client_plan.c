/* SPDX-License-Identifier: ISC */
/* A plan owns its strings, whether a terminal's owner made it or a client of a shared connection. */
#include "app/client_plan.h"

#include <stdlib.h>
#include <string.h>

qsp_err
qsp_client_plan_add_env(struct qsp_client_plan *plan, const char *text, size_t n)
{
	char **more, *copy;

	if (n > QSP_CLIENT_ENV_LEN_MAX || plan->n_env >= QSP_CLIENT_ENV_MAX)
		return 0;
	more = realloc(plan->env, (plan->n_env + 1) * sizeof(*more));
	if (!more)
		return QSP_E_NOMEM;
	plan->env = more;
	copy = strndup(text, n);
	if (!copy)
		return QSP_E_NOMEM;
	plan->env[plan->n_env++] = copy;
	return 0;
}

void
qsp_client_plan_wipe(struct qsp_client_plan *plan)
{
	for (size_t i = 0; i < plan->n_env; i++)
		free(plan->env[i]);
	free(plan->env);
	free(plan->command);
	free(plan->term);
	memset(plan, 0, sizeof(*plan));
}
