/* What the results of a check say about it: plain data, without threads and without a clock. Times
 * are running time (<betterdns/lease.h>), ns; one that is not yet reached (we were restarted from
 * what was written some seconds before the end) counts as now. */
#ifndef HEALTH_VERDICT_H
#define HEALTH_VERDICT_H

#include <betterdns/check.h>

struct verdict {
    enum check_state state;
    uint64_t since_ns;       /* of the state; verdict_asked */
    uint64_t grace_until_ns; /* 0: it is over, or there is none */
    uint64_t heard_ns;       /* the last result */
    uint64_t relapse_ns;     /* the last change from AVAILABLE to UNAVAILABLE; 0: none */
    uint64_t failing_ns;     /* the first failure after the last success, in this run */
    uint32_t row;            /* results in a row that speak against the state */
    uint8_t relapses; /* how often the last one followed within VERDICT_QUIET_NS: rise doubles
                         with each */
    bool failed;      /* the last result in this run was a failure */
    bool proven;      /* somebody else was heard between two of the failures */
};

#define VERDICT_QUIET_NS (600 * UINT64_C(1000000000))

/* A new check, or one that starts again at its initial state. */
void verdict_start(struct verdict *v, const struct check_spec *spec, uint64_t now_ns);

/* Takes one result: true when the state changed, *ret_from is the one before. fall failures in a
 * row: UNAVAILABLE; the first success of an UNKNOWN one: AVAILABLE; verdict_rise successes in a row
 * of an UNAVAILABLE one: AVAILABLE. During grace failures do not count; a success ends it. */
bool verdict_feed(struct verdict *v, const struct check_spec *spec, bool ok, uint64_t now_ns,
                  enum check_state *ret_from);

/* After a failure that made it UNAVAILABLE: it took so long until we had it, a time-out mostly. The
 * clock of deregister_after begins when the host was asked: a host that dies is removed after
 * interval x fall + deregister_after, whatever its time-out is. No more than the interval is given
 * back (only then does the formula hold), and half of deregister_after is always left. */
void verdict_asked(struct verdict *v, const struct check_spec *spec, uint64_t took_ns);

/* The successes in a row that an UNAVAILABLE check needs now. */
unsigned verdict_rise(const struct verdict *v, const struct check_spec *spec, uint64_t now_ns);

/* Of kind ttl: a report is a result (warn counts as pass), and silence for ttl_ms is a failure.
 * When it will be one; call verdict_overdue then. After a gap it is one failure, not many. */
uint64_t verdict_due_ns(const struct verdict *v, const struct check_spec *spec);
bool verdict_overdue(struct verdict *v, const struct check_spec *spec, uint64_t now_ns,
                     enum check_state *ret_from);

/* Call it after a failure was fed: heard_ns is the last sign of life (guard.h). That
 * somebody else answers while this one fails says that it is not us who are cut off. */
void verdict_prove(struct verdict *v, uint64_t heard_ns);

/* For a note (<betterdns/lease.h>) and back in a later run. What was read has no result yet, a row
 * of none, and a full ttl before silence is a failure. -BD_ECORRUPT: not such octets. */
#define VERDICT_NOTE_SIZE 64
size_t verdict_write(const struct verdict *v, uint8_t out[VERDICT_NOTE_SIZE]);
int verdict_read(struct str note, uint64_t now_ns, struct verdict *ret_v);

#endif
