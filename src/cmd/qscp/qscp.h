/* SPDX-License-Identifier: ISC */
/*
 * qscp, inside: places name files, connections are qssh programs that carry SFTP, jobs copy one file each,
 * many at once. One thread, one loop (qsp_qscp_step); whoever waits calls it.
 */
#ifndef QSP_CMD_QSCP_QSCP_H
#define QSP_CMD_QSCP_QSCP_H

#include <sys/types.h>

#include "app/meter.h"
#include "app/sftp_client.h"
#include "app/sftp_glob.h"

#define QSP_QSCP_DEPTH_MAX 64 /* folders in folders */
#define QSP_QSCP_JOBS_MAX 256
#define QSP_QSCP_ARGS_MAX 256
#define QSP_QSCP_MODES 0777 /* that -p keeps: a set-id bit means the owner, who is another */
#define QSP_QSCP_RELAY_MAX (16 << 20) /* on the way from one host to another */

/* [user@]host:path, a URI, or a local name. All owned; user and port may be NULL. */
struct qsp_qscp_place {
	bool remote;
	char *user, *host, *port, *path;
	char *bridge; /* the line by which to go there, or NULL */
};

struct qsp_qscp_options {
	bool recurse, preserve, quiet, resume, verbose, via_here;
	uint64_t limit; /* bytes a second; 0: none */
	const char *program, *port;
	const char *args[QSP_QSCP_ARGS_MAX]; /* for qssh */
	size_t n_args;
};

struct qsp_qscp_conn {
	struct qsp_qscp_conn *next;
	char *user, *host, *port, *bridge;
	pid_t pid;
	struct qsp_sftp_client c;
	uint64_t reads, window; /* bytes asked for and not here; how many may be */
	uint64_t writes;        /* bytes sent and not acknowledged */
	size_t jobs_max;        /* files open at a time, for the handles that it has */
	size_t unwaited;        /* requests whose answer nobody needs */
	bool asked;             /* for its limits */
	bool said;              /* that it broke */
};

/* A folder that was made; its mode and times are set when all within is done. */
struct qsp_qscp_folder {
	struct qsp_qscp *q;
	struct qsp_qscp_folder *parent;
	unsigned refs;
	struct qsp_qscp_conn *to;
	char *path;
	struct qsp_sftp_attrs attrs;
	bool made;   /* and was not there before */
	bool failed; /* after all */
};

/* One file: from, to: NULL for here. */
struct qsp_qscp_job {
	struct qsp_qscp_job *link;
	struct qsp_qscp *q;
	struct qsp_qscp_conn *from, *to;
	char *src, *dst;
	struct qsp_qscp_folder *folder;
	struct qsp_sftp_attrs attrs; /* of the source */
	enum { QSP_QSCP_OPENING, QSP_QSCP_COPYING, QSP_QSCP_ENDING, QSP_QSCP_OVER } state;
	int in, out; /* local files, or -1 */
	uint8_t in_handle[QSP_SFTP_HANDLE_MAX], out_handle[QSP_SFTP_HANDLE_MAX];
	size_t in_len, out_len; /* 0: none */
	uint64_t next;          /* where the next piece begins */
	uint64_t end;           /* of the source, as far as it is known */
	uint64_t data_end; /* up to here there is data, or it was not looked; then look again */
	uint64_t whole;    /* all before it has been written here */
	uint64_t moved;    /* for the meter */
	uint64_t had;      /* resumed from here */
	qsp_time began;    /* ms */
	unsigned ops;      /* requests without an answer */
	bool held;         /* waits for a decision on resuming */
	bool differs;      /* what is there is no part of the source */
	uint64_t there;    /* how much is */
	size_t places;     /* of it that are being compared */
	bool eof, failed, lost, shorter;
	bool in_place; /* what is there may be the source itself: nothing is cut off before the end */
	bool looked, refused;       /* at what is there; as a new file */
	bool sparse_in, sparse_out; /* look for holes; zeros may become holes */
	bool looking;               /* asked where data is */
	bool hole_at_end, out_of_order;
	bool unknown_end; /* size 0 was said: read until the end comes */
};

struct qsp_qscp {
	struct qsp_qscp_options opt;
	struct qsp_qscp_conn *conns;
	struct qsp_qscp_job *jobs, **last;
	struct qsp_qscp_list *lists, **lists_last; /* folders of servers that are to be read */
	size_t n_jobs, jobs_max;
	int status;
	size_t checked;   /* files whose parts are being compared */
	bool more;        /* a job stopped for want of room in a queue */
	uint64_t next_ok; /* us: -l lets nothing pass before */
	bool meter_on, drawn;
	struct qsp_meter meter;
	const struct qsp_qscp_job *metered;
	size_t queue_max;
};

/* place.c */
/* False with a message: a name of a host that is none, a URI that is malformed. */
bool qsp_qscp_place_parse(const char *word, struct qsp_qscp_place *out);
void qsp_qscp_place_free(struct qsp_qscp_place *p);
/* A word of the command line, copied where it is a bridge line, so that ps does not show its secret;
 * ends the program without memory. */
char *qsp_qscp_place_hide(char *word);
/* The last name of a path, or "" for one that has none of its own (., .., /). Static or within a buffer
 * that the next call takes. */
const char *qsp_qscp_place_base(const char *path);
/* folder/name; the caller frees; ends the program without memory. */
char *qsp_qscp_place_join(const char *folder, const char *name);

/* say.c */
void qsp_qscp_say(struct qsp_qscp *q, const struct qsp_qscp_conn *at, const char *path,
		  const char *why);
/* The same with the reason of a reply; the connection's end is said once. */
void qsp_qscp_say_reply(struct qsp_qscp *q, struct qsp_qscp_conn *at, const char *path,
			const struct qsp_sftp_reply *r);
void qsp_qscp_say_meter(struct qsp_qscp *q, const struct qsp_qscp_job *j, bool over);
/* Fit for a terminal, in its locale. */
void qsp_qscp_say_printable(const char *name, char *out, size_t cap);
/* For -v. */
void qsp_qscp_say_note(struct qsp_qscp *q, const char *path, const char *what);
void *qsp_qscp_say_memory(void *p); /* p, or the end of the program */

/* conn.c */
/* The connection for a place, new or there already; NULL where there is none: that was said. Requests may
 * be sent on it at once: they go out with the greeting, so that a long way costs no round trip more. */
struct qsp_qscp_conn *qsp_qscp_conn_get(struct qsp_qscp *q, const struct qsp_qscp_place *p);
void qsp_qscp_conn_end_all(struct qsp_qscp *q, bool by_force);
/* Lets jobs, connections and the meter go on; waits until something happens. */
void qsp_qscp_step(struct qsp_qscp *q);
uint64_t qsp_qscp_conn_now(void); /* us */
/* From here on a signal that ends us is noticed by the next step, which does not return then. */
void qsp_qscp_conn_watch_signals(void);

/* A request whose answer is waited for, the others going on meanwhile. */
struct qsp_qscp_answer {
	bool done, lost;
	struct qsp_sftp_reply r; /* points into copy */
	uint8_t *copy;
};
/* True where the reply is what was asked for: no status but OK. */
bool qsp_qscp_call(struct qsp_qscp *q, struct qsp_qscp_conn *c, struct qsp_sftp_request *r,
		   struct qsp_qscp_answer *a);
void qsp_qscp_call_begin(struct qsp_qscp_conn *c, struct qsp_sftp_request *r,
			 struct qsp_qscp_answer *a);
bool qsp_qscp_call_end(struct qsp_qscp *q, struct qsp_qscp_answer *a);
void qsp_qscp_call_free(struct qsp_qscp_answer *a);
/* Closes a handle, and does not wait for it. */
void qsp_qscp_conn_close(struct qsp_qscp_conn *c, struct qsp_bytes handle);

/* job.c */
struct qsp_qscp_copy {
	struct qsp_qscp_conn *from, *to;
	const char *src, *dst;
	struct qsp_sftp_attrs attrs;
	struct qsp_qscp_folder *folder;     /* or NULL */
	const struct qsp_sftp_attrs *there; /* what dst is already, where it is known */
};
/* Waits until there is a place for it, then starts it. */
void qsp_qscp_job_add(struct qsp_qscp *q, const struct qsp_qscp_copy *c);
/* All jobs a little further; frees those that are over. */
void qsp_qscp_job_pump(struct qsp_qscp *q);
void qsp_qscp_job_fail(struct qsp_qscp_job *j, bool at_source, const struct qsp_sftp_reply *r,
		       const char *why);

/* move.c: the bytes of a job */
void qsp_qscp_move(struct qsp_qscp_job *j);
/* Sets what is to be set, and closes. */
void qsp_qscp_move_end(struct qsp_qscp_job *j);
/* Closes what is open, after a failure. */
void qsp_qscp_move_drop(struct qsp_qscp_job *j);

/* resume.c: finds out where to go on, of a job that is held; it is not any more when that is known */
void qsp_qscp_resume(struct qsp_qscp_job *j);

/* folder.c */
/* That dst is a folder; NULL where it cannot be: that was said. The caller owns a reference. */
struct qsp_qscp_folder *qsp_qscp_folder_new(struct qsp_qscp *q, const struct qsp_qscp_copy *c);
void qsp_qscp_folder_unref(struct qsp_qscp_folder *f);
/* Whether a failure in f is because f could not be made. */
bool qsp_qscp_folder_explains(const struct qsp_qscp_folder *f, const struct qsp_sftp_reply *r);

/* walk.c */
void qsp_qscp_walk(struct qsp_qscp *q, const struct qsp_qscp_copy *c, int depth);
/* Adds the names in a folder of a server to out, checked. */
bool qsp_qscp_walk_names(struct qsp_qscp *q, struct qsp_qscp_conn *c, const char *path,
			 struct qsp_sftp_names *out);

/* source.c */
/* What a path is, links followed. False where it is not there: r tells, or errno. */
bool qsp_qscp_source_stat(struct qsp_qscp *q, struct qsp_qscp_conn *c, const char *path,
			  struct qsp_sftp_attrs *out, struct qsp_qscp_answer *a);
/* A server's path with ~ put in; the caller frees; NULL where it has none: that was said. */
char *qsp_qscp_source_expand(struct qsp_qscp *q, struct qsp_qscp_conn *c, const char *path);
/* The paths that a source means. False: said. */
bool qsp_qscp_source_paths(struct qsp_qscp *q, struct qsp_qscp_conn *c, const char *path,
			   struct qsp_sftp_names *out);

#endif
