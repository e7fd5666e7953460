/* SPDX-License-Identifier: ISC */
/* A secure channel of one's own: both ends in one process, the network an array. */
#include <qsp/conn.h>
#include <stdio.h>

static struct qsp_key *keys[2]; /* [0] of the user, [1] of the host */

static bool
fresh(void *arg, const uint8_t entry[QSP_REPLAY_ENTRY_LEN], qsp_time until)
{
	return qsp_replay_enter(arg, entry, until, 1800000000000);
}

/* Whatever an end wants to know: who logs in, may they, and operations with its private key. */
static qsp_err
answer(struct qsp_conn *c, bool server)
{
	const struct qsp_key_public *user = qsp_key_get_public(keys[0]);
	struct qsp_login login = { .user = { (const uint8_t *)"me", 2 },
				   .method = QSP_METHOD_KEM,
				   .key = user };
	struct qsp_decision yes = { .verdict = QSP_AUTH_ACCEPT, .key = user };
	struct qsp_decaps_question q;
	struct qsp_decaps_answer a;

	if (qsp_conn_wants(c) & QSP_WANT_AUTH)
		return server ? qsp_conn_decide(c, &yes) : qsp_conn_login(c, &login);
	if (qsp_conn_decaps_question(c, &q))
		return 0; /* nothing is asked */
	return qsp_key_answer(&keys[server], 1, &q, &a) ? QSP_E_INPUT : qsp_conn_decaps(c, &a);
}

int
main(void)
{
	static uint8_t net[2][8192]; /* [i] flows to end i: 0 client, 1 server */
	struct qsp_bytes hello = { (const uint8_t *)"hello", 5 }, data;
	struct qsp_now now = { .mono = 0, .wall = 1800000000000 };
	struct qsp_peer peer = { .kem = 1, .ok_class = QSP_OK_FIRST_CONTACT };
	size_t have[2] = { 0 }, used, heard = 0;
	struct qsp_crypto *cx;
	struct qsp_config *cfg;
	struct qsp_worker *w;
	struct qsp_replay *r;
	struct qsp_conn *end[2];

	if (qsp_crypto_new(NULL, NULL, &cx) || qsp_key_generate(cx, 1, &keys[0]) ||
	    qsp_key_generate(cx, 1, &keys[1]) || qsp_config_new(cx, &cfg) ||
	    qsp_config_add_host_key(cfg, qsp_key_get_public(keys[1])) || qsp_worker_new(cx, &w) ||
	    qsp_replay_new(1000, &r))
		return 1;
	qsp_config_set_replay(cfg, fresh, r);
	peer.host_key = qsp_key_get_public(keys[1]);
	if (qsp_conn_new_client(cfg, w, &peer, now, &end[0]) ||
	    qsp_conn_new_server(cfg, w, now, &end[1]))
		return 1;
	for (int i = 0; heard < 2; i = !i) { /* here flights and cells always come whole */
		if (qsp_conn_recv(end[i], now, net[i], have[i], &used, &data) ||
		    answer(end[i], i) ||
		    qsp_conn_output(end[i], now, hello, &used, net[!i], sizeof(net[0]), &have[!i]))
			return 1;
		if (data.n == 5)
			heard += printf("end %d heard: %.5s\n", i, (const char *)data.p) > 0;
	}
	qsp_conn_free(end[0]), qsp_conn_free(end[1]), qsp_replay_free(r), qsp_worker_free(w);
	qsp_config_free(cfg), qsp_key_free(keys[0]), qsp_key_free(keys[1]), qsp_crypto_free(cx);
	return 0;
}
