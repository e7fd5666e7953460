/* SPDX-License-Identifier: ISC */
/* Data of channels, compressed [P7.1]: between mux_out.c, mux_in.c and whoever can compress. */
#ifndef QSP_PROTO_MUX_ZIP_H
#define QSP_PROTO_MUX_ZIP_H

#include "proto/mux.h"

#define QSP_MUX_ZIP_HEAD 21 /* u32 length, u8 type, u32 channel, code, plain length, length */

/* Whether the next data on the channel is to be compressed; then m->plain has room for n bytes. */
bool qsp_mux_zip_begin(struct qsp_mux *m, struct qsp_mux_channel *ch, size_t n);
/* The first n bytes of m->plain, compressed into out; 0: to be sent as they are. */
size_t qsp_mux_zip_pack(struct qsp_mux *m, struct qsp_mux_channel *ch, size_t n, uint8_t *out,
			size_t cap);
/* A whole message, behind its type. */
QSP_MUST_USE qsp_err qsp_mux_zip_on_data(struct qsp_mux *m, struct qsp_reader *r,
					 struct qsp_mux_event *ev);

void qsp_mux_zip_release(struct qsp_mux *m, struct qsp_mux_channel *ch);
/* Buffers that the next message would make anew; no event borrows from them any more. */
void qsp_mux_zip_tidy(struct qsp_mux *m);
void qsp_mux_zip_free(struct qsp_mux *m);

#endif
