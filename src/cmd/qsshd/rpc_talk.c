/* SPDX-License-Identifier: ISC */
/* The codecs of what is asked of a person, and of the conversations of qsshd-auth with qsshd-pam. */
#include "cmd/qsshd/rpc.h"

#include "proto/msg.h"

void
qsp_rpc_read_reply(struct qsp_reader *r, struct qsp_reply *m)
{
	qsp_msg_read_reply(r, m);
	for (size_t i = 0; i < m->n; i++)
		r->failed |= m->text[i].n > QSP_RPC_PASSWORD_MAX;
}

void
qsp_rpc_put_talk(struct qsp_writer *w, const struct qsp_rpc_talk *m)
{
	qsp_writer_u8(w, m->kind);
	qsp_writer_u8(w, m->hopeless);
	qsp_writer_vec16(w, m->service);
	qsp_writer_vec16(w, m->user);
	qsp_writer_vec16(w, m->address);
	qsp_writer_vec16(w, m->password);
}

qsp_err
qsp_rpc_get_talk(struct qsp_bytes in, struct qsp_rpc_talk *m)
{
	struct qsp_reader r = qsp_reader_of(in);

	m->kind = qsp_reader_u8(&r);
	m->hopeless = qsp_reader_bool(&r);
	m->service = qsp_reader_vec16(&r);
	m->user = qsp_reader_vec16(&r);
	m->address = qsp_reader_vec16(&r);
	m->password = qsp_reader_vec16(&r);
	if (m->kind > QSP_RPC_TALK_ACCOUNT || m->service.n >= QSP_RPC_SERVICE_MAX ||
	    m->user.n > QSP_USER_MAX || m->address.n >= QSP_RPC_ADDRESS_MAX ||
	    m->password.n > QSP_RPC_PASSWORD_MAX)
		return QSP_E_INPUT;
	return qsp_reader_done(&r);
}
