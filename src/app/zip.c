/* SPDX-License-Identifier: ISC */
/*
 * One zstd frame a stream, which never ends, flushed after each message. Its window is small on both
 * sides: that is what a stream may cost a server. The windows hold what was said, and are freed, by
 * libzstd, as they are.
 */
#include "app/zip.h"

#ifdef QSP_HAVE_ZSTD

#include <zstd.h>

#define WINDOW_LOG 17 /* [P7.1] */
#define LEVEL 3

static void *
new_out(void)
{
	ZSTD_CCtx *z = ZSTD_createCCtx();

	if (z && !ZSTD_isError(ZSTD_CCtx_setParameter(z, ZSTD_c_compressionLevel, LEVEL)) &&
	    !ZSTD_isError(ZSTD_CCtx_setParameter(z, ZSTD_c_windowLog, WINDOW_LOG)))
		return z;
	ZSTD_freeCCtx(z);
	return NULL;
}

static void *
new_in(void)
{
	ZSTD_DCtx *z = ZSTD_createDCtx();

	if (z && !ZSTD_isError(ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, WINDOW_LOG)))
		return z;
	ZSTD_freeDCtx(z);
	return NULL;
}

static void
free_out(void *z)
{
	ZSTD_freeCCtx(z);
}

static void
free_in(void *z)
{
	ZSTD_freeDCtx(z);
}

/* With the head of a frame, and of the blocks that a flush may end. */
static size_t
bound(size_t n)
{
	return ZSTD_compressBound(n) + 64;
}

static size_t
pack(void *z, struct qsp_bytes in, uint8_t *out, size_t cap)
{
	ZSTD_inBuffer from = { in.p, in.n, 0 };
	ZSTD_outBuffer to = { out, cap, 0 };
	size_t left = ZSTD_compressStream2(z, &to, &from, ZSTD_e_flush);

	return left == 0 && from.pos == from.size ? to.pos : 0;
}

static bool
unpack(void *z, struct qsp_bytes in, uint8_t *out, size_t n)
{
	ZSTD_inBuffer from = { in.p, in.n, 0 };
	ZSTD_outBuffer to = { out, n, 0 };
	uint8_t spare;
	ZSTD_outBuffer beyond = { &spare, 1, 0 };
	size_t was;

	do {
		was = from.pos + to.pos;
		/* 0: a frame has ended, which ours never does */
		if (from.pos < from.size || to.pos < to.size) {
			size_t r = ZSTD_decompressStream(z, &to, &from);

			if (r == 0 || ZSTD_isError(r))
				return false;
		}
	} while (from.pos + to.pos > was);
	if (from.pos < from.size || to.pos < to.size)
		return false;
	return !ZSTD_isError(ZSTD_decompressStream(z, &beyond, &from)) && beyond.pos == 0;
}

static const struct qsp_mux_codec codec = {
	new_out, new_in, free_out, free_in, bound, pack, unpack
};

const struct qsp_mux_codec *
qsp_zip_codec(void)
{
	return &codec;
}

#else

const struct qsp_mux_codec *
qsp_zip_codec(void)
{
	return NULL;
}

#endif
