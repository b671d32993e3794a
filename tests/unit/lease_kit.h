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

#endif
