/* SPDX-License-Identifier: ISC */
/* A progress line as scp's: name, percent, size, rate, time. Pure: time comes in, text goes out. */
#ifndef QSP_APP_METER_H
#define QSP_APP_METER_H

#include <qsp/base.h>

#define QSP_METER_NAME_MAX 256
#define QSP_METER_LINE_MAX 512

struct qsp_meter {
	char name[QSP_METER_NAME_MAX]; /* printable */
	uint64_t size, done;
	uint64_t from;          /* what was there before: no part of the rate */
	qsp_time began;         /* ms */
	qsp_time last, changed; /* when it was drawn, and when `done` was another then */
	uint64_t last_done;
	double rate; /* bytes a second, of late */
};

void qsp_meter_start(struct qsp_meter *m, const char *name, uint64_t size, uint64_t from,
		     qsp_time now);
/* The line for a terminal of this width, without an end; over: the last one. */
void qsp_meter_line(struct qsp_meter *m, unsigned width, bool over, qsp_time now,
		    char out[static QSP_METER_LINE_MAX]);

#endif
