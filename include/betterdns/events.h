/* The event ring: what happened, for those who watch (interface.md, "Events"). Whoever adds an
 * event never waits for those who read; who reads too slowly starts over. All functions are
 * thread-safe.
 *
 * An id is "RUN-NUMBER": RUN is another one at each start, numbers count from 1 within it. */
#ifndef BETTERDNS_EVENTS_H
#define BETTERDNS_EVENTS_H

#include <stdbool.h>

#include <betterdns/error.h>
#include <betterdns/str.h>

enum event_kind {
    EVENT_REGISTERED,
    EVENT_UNREGISTERED,
    EVENT_CHANGED,
    EVENT_TRANSITION,
    EVENT_WITHDRAWN,
    EVENT_RESTORED,
    EVENT_TERMINATED,
    EVENT_PUBLISHED,
    EVENT_ESCALATED,
    EVENT_REJECTED,
    EVENT_PANIC,
    EVENT_NKINDS
};
const char *event_kind_name(enum event_kind kind); /* "registered", … */
/* -BD_ENOTFOUND */
int event_kind_of(struct str name, enum event_kind *ret_kind);

enum event_flag { EVENT_ABSENT, EVENT_NO, EVENT_YES };

struct event {
    enum event_kind kind;
    uint64_t seq, number; /* 0: null */
    /* n 0: null. Names are absolute with the final dot. */
    struct str zone, name, type, registration, detail;
    struct str from, to; /* n 0: the member is left out, as with the flags */
    enum event_flag dry_run, ok, on;
};

struct events;
/* octets: how much is kept; 0: 16 MiB. */
int events_new(size_t octets, struct events **ret_events);
/* Whoever waits, now or later, is answered at once. */
void events_stop(struct events *e); /* NULL is fine */
/* The same for a while: until it is called with false. */
void events_pause(struct events *e, bool on);
void events_free(struct events *e); /* nobody reads any more; NULL is fine */

/* Copied. Without memory it is lost, and readers are told that something is. NULL is fine. */
void events_add(struct events *e, const struct event *event);

#define EVENT_ID_SIZE 40
char *events_id(const struct events *e, uint64_t number, char out[EVENT_ID_SIZE]);
/* The number of the last event; 0: there was none yet. */
uint64_t events_last(struct events *e);

/* Where somebody reads. */
struct events_reader;
/* after p NULL: from now on; "0": the oldest that is kept; else the id after which. -BD_ESYNTAX: no
 * id; -BD_ENOTFOUND: not kept any more, or of another run; -BD_EFULL: as many read as may. */
int events_open(struct events *e, struct str after, struct events_reader **ret_reader);
void events_close(struct events_reader *r); /* NULL is fine */

struct event_view {
    uint64_t number;
    enum event_kind kind;
    struct str zone, name; /* n 0: it has none */
    struct str json;       /* the object, in one line */
};
/* Gives the next event, until fn returns other than 0 (which is returned, and that event counts as
 * read) or there is none left: 0. -BD_ENOTFOUND: events were lost between the last one and the
 * oldest that is kept. No lock is held around fn; views live during the call. */
typedef int events_fn(void *arg, const struct event_view *event);
int events_read(struct events_reader *r, events_fn *fn, void *arg);
/* The number of the last event that was read, or after which the reader began. */
uint64_t events_place(const struct events_reader *r);
/* Until there is something to read, or the deadline, or events_stop. Readers are woken in small
 * portions, 1,000 of them a second, and none more often than 20 times a second, new ones too: so
 * 500 of them hear of an event within half a second. 1: there is; 0: not; -BD_ESTOPPING. */
int events_wait(struct events_reader *r, uint64_t deadline_ns);

struct events_stats {
    uint64_t added[EVENT_NKINDS], lost;
    unsigned readers;
};
void events_stats(struct events *e, struct events_stats *ret_stats);

#endif
