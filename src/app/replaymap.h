/* SPDX-License-Identifier: ISC */
/*
 * The replay cache [P4.2] in memory that processes share, so that it outlives each of them but the one
 * that made it: a process that answers first messages may crash or be replaced, and what its
 * predecessor has accepted stays refused. Safe from every thread and process that maps it.
 */
#ifndef QSP_APP_REPLAYMAP_H
#define QSP_APP_REPLAYMAP_H

#include <qsp/config.h>

struct qsp_replaymap;

/* A new, empty one for about `max` entries, as a descriptor to map and to hand on; `started` is the wall time from
 * which it knows everything. QSP_E_IO. */
QSP_MUST_USE qsp_err qsp_replaymap_create(size_t max, qsp_time started, int *fd);

/* Maps it. QSP_E_INPUT where fd is no such thing; QSP_E_IO. */
QSP_MUST_USE qsp_err qsp_replaymap_open(int fd, struct qsp_replaymap **out);
void qsp_replaymap_close(struct qsp_replaymap *m);
qsp_time qsp_replaymap_started(const struct qsp_replaymap *m);

/* True where the entry was new and is now entered; false for a replay, or where there is no room: it
 * never forgets before until_wall has passed. */
bool qsp_replaymap_enter(struct qsp_replaymap *m, const uint8_t entry[QSP_REPLAY_ENTRY_LEN],
			 qsp_time until_wall, qsp_time now_wall);

#endif
