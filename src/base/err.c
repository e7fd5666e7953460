/* SPDX-License-Identifier: ISC */
/* Errors as phrases. */
#include <qsp/base.h>

static const char *const texts[] = {
	[-QSP_OK] = "no error",
	[-QSP_E_PROTOCOL] = "the peer broke the protocol",
	[-QSP_E_DECRYPT] = "a record did not decrypt (damaged or forged)",
	[-QSP_E_EPOCH] = "a record is of another epoch (replayed or out of step)",
	[-QSP_E_REKEY] = "the key change failed",
	[-QSP_E_HANDSHAKE] = "the handshake failed",
	[-QSP_E_POLICY] = "refused by policy",
	[-QSP_E_SILENT] = "the first message was refused",
	[-QSP_E_TRUNCATED] = "the connection ended without a close",
	[-QSP_E_CLOSED] = "closed by the peer",
	[-QSP_E_IDLE] = "a time limit passed",
	[-QSP_E_AUTH] = "authentication failed",
	[-QSP_E_TRUST] = "the host key was not accepted",
	[-QSP_E_NOMEM] = "out of memory",
	[-QSP_E_RNG] = "the random source failed",
	[-QSP_E_CRYPTO] = "the cryptographic library failed",
	[-QSP_E_IO] = "input or output failed",
	[-QSP_E_INPUT] = "malformed input",
	[-QSP_E_STATE] = "not possible in this state",
	[-QSP_E_ROOM] = "the buffer is too small",
	[-QSP_E_UNSUPPORTED] = "not supported",
	[-QSP_E_PASSPHRASE] = "the passphrase is missing or wrong",
	[-QSP_E_NOTFOUND] = "not found",
};

const char *
qsp_err_text(qsp_err e)
{
	if (e > 0 || e < QSP_E_NOTFOUND)
		return "unknown error";
	return texts[-e];
}
