/* SPDX-License-Identifier: ISC */
/* What is in the agent, and whether a key of it works. */
#include "cmd/add/add.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "app/keyfile.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/kem.h"
#include "crypto/rand.h"
#include "crypto/sig.h"
#include "crypto/x25519.h"
#include "proto/proof.h"

static void
print_short(const struct qsp_key_public *key, struct qsp_bytes comment)
{
	char print[QSP_KEY_PRINT_MAX], name[32], shown[4 * QSP_AGENT_COMMENT_MAX + 1];
	const char *alias = qsp_key_type_alias(key->blob[0]);
	size_t i;

	for (i = 0; i < sizeof(name) - 1 && alias[i]; i++)
		name[i] = (char)toupper((unsigned char)alias[i]);
	name[i] = 0;
	qsp_key_print(key->id, print);
	qsp_text_printable(comment, false, shown, sizeof(shown));
	printf("%u %s %s (%s)\n", qsp_pubkey_bits(key->blob[0]), print, shown, name);
}

static void
print_whole(const struct qsp_key_public *key, struct qsp_bytes comment)
{
	char line[QSP_PUBKEY_LINE_MAX], shown[4 * QSP_AGENT_COMMENT_MAX + 1];

	qsp_text_printable(comment, false, shown, sizeof(shown));
	if (qsp_pubkey_put(key, qsp_bytes_str(shown), line) == 0)
		puts(line);
}

int
qsp_add_list(struct qsp_add *a, bool whole)
{
	struct qsp_agent_msg m = { .type = QSP_AGENT_REQUEST_IDENTITIES };
	struct qsp_agent_identity id;
	struct qsp_agent_list list;
	struct qsp_key_public key;
	struct qsp_bytes answer;
	size_t n = 0;

	if (qsp_agent_client_ask(a->agent, &m, &answer) != 0 ||
	    qsp_agent_msg_get_list(answer, &list) != 0)
		return qsp_add_agent_failed(QSP_E_IO, "error fetching identities");
	while (qsp_agent_msg_next(&list, &id)) {
		if (qsp_key_public_parse(a->cx, id.blob, &key) != 0)
			continue;
		n++;
		if (whole)
			print_whole(&key, id.comment);
		else
			print_short(&key, id.comment);
	}
	if (n > 0)
		return 0;
	printf("The agent has no identities.\n");
	return 1;
}

/* A challenge whose secrets are ours, so that the answer is known beforehand. */
static bool
test_kem(struct qsp_add *a, const struct qsp_key_public *pub)
{
	const struct qsp_kem *kem = qsp_kem_by_id(pub->blob[0]);
	uint8_t y[QSP_X25519_LEN], point[QSP_X25519_LEN], dh[QSP_X25519_LEN], ct[QSP_KEM_CT_MAX];
	struct qsp_transcript t = { .cx = a->cx, .kem = kem };
	struct qsp_agent_msg m = { .type = QSP_AGENT_EXTENSION, .ext = QSP_AGENT_EXT_KEM_MIX };
	struct qsp_bytes answer, got;
	struct qsp_key32 ss;
	uint8_t ck[QSP_CK_MAX] = { 0 };
	size_t n;

	t.len = (uint8_t)qsp_hash_len(kem->hash);
	if (qsp_rand_bytes(a->cx, y, sizeof(y)) != 0 || qsp_x25519_public(a->cx, y, point) != 0 ||
	    qsp_x25519_dh(a->cx, y, pub->blob + 1, dh) != 0 ||
	    qsp_proof_challenge(a->cx, pub, ct, &n, &ss) != 0)
		return false;
	qsp_transcript_mix_key(&t, dh);
	qsp_transcript_mix_key(&t, ss.b);
	m.key_id = QSP_BYTES_OF(pub->id);
	m.suite = kem->id;
	m.ck = qsp_bytes(ck, t.len);
	m.point = QSP_BYTES_OF(point);
	m.ct = qsp_bytes(ct, n);
	return t.err == 0 && qsp_agent_client_ask(a->agent, &m, &answer) == 0 &&
	       qsp_agent_msg_get_mixed(answer, &got) == 0 &&
	       qsp_bytes_equal(got, qsp_bytes(t.ck.b, t.len));
}

static bool
test_signature(struct qsp_add *a, const struct qsp_key_public *pub)
{
	struct qsp_agent_msg m = { .type = QSP_AGENT_SIGN_REQUEST, .key = { pub->blob, pub->len } };
	uint8_t h[32], message[QSP_PROOF_SIGNED_MAX];
	struct qsp_bytes answer, got;

	if (qsp_rand_bytes(a->cx, h, sizeof(h)) != 0)
		return false;
	m.data = qsp_proof_signed(QSP_BYTES_OF(h), message);
	return qsp_agent_client_ask(a->agent, &m, &answer) == 0 &&
	       qsp_agent_msg_get_signature(answer, &got) == 0 &&
	       qsp_proof_check_signature(a->cx, pub, QSP_BYTES_OF(h), got) == 0;
}

int
qsp_add_test(struct qsp_add *a, const char *path)
{
	struct qsp_key_public pub;
	bool ok;

	if (qsp_keyfile_public(a->cx, path, &pub, NULL) != 0)
		return qsp_add_fail("Couldn't read public key %s", path);
	ok = qsp_key_type_is_kem(pub.blob[0]) ? test_kem(a, &pub) : test_signature(a, &pub);
	if (!ok)
		return qsp_add_fail("Agent cannot log in with %s", path);
	if (a->verbose)
		qsp_add_say(a, "Agent can log in with %s", path);
	return 0;
}
