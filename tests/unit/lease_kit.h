/* Running time that a test moves on, a stop that closes nothing, and what state.db says. */
#ifndef LEASE_KIT_H
#define LEASE_KIT_H

#include <betterdns/lease.h>

#include "registry_kit.h"

/* So many seconds pass for the registry, a tick a second, and what that writes is written. The
 * clock never comes near the real one. */
void lease_run_for(struct regkit *k, unsigned seconds);
/* A clock of any time, before the next lease_run_for. */
void lease_jump(uint64_t seconds);
/* registry_hold_renewals, by that clock. */
void lease_hold_renewals(struct regkit *k, bool on);
/* Waits until the committer has decided what is queued. */
void lease_settle(struct regkit *k);
/* Opens state.db again as kill -9 would leave it now. */
void lease_crash(struct regkit *k);
/* The one number that a query of state.db gives; the registry may have it open. */
long long lease_query(const struct regkit *k, const char *sql);
/* On the closed state.db. */
void lease_sql(const struct regkit *k, const char *sql);

uint64_t lease_renewed(struct regkit *k, const char *name); /* of its registration "a" */

/* A rebuild of state.db, from beginning to end. */
void lease_rebuild(struct regkit *k);

/* Of a host with the id "a" in lab.example. */
struct registry_target lease_target(struct regkit *k, const char *name);
int lease_terminate(struct regkit *k, const struct registry_target *targets, size_t n,
                    uint64_t since_ns);
int lease_terminated(struct regkit *k, const char *name, const char *result);
int lease_put_note(struct regkit *k, uint64_t number, const char *value);
/* As "number seconds result;…" ("-": none yet), and "number value;…". In a static buffer. */
const char *lease_terminations(struct regkit *k, uint64_t since_ns);
const char *lease_notes(struct regkit *k);

#endif
