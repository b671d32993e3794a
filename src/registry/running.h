/* Running time (<betterdns/lease.h>): plain data, without a clock of its own. */
#ifndef BETTERDNS_REGISTRY_RUNNING_H
#define BETTERDNS_REGISTRY_RUNNING_H

#include <stdbool.h>
#include <stdint.h>

struct running {
    uint64_t ran_ns;   /* at the last tick */
    uint64_t last_ns;  /* when that was; 0: there was none yet */
    uint64_t shown_ns; /* the latest that anybody was told */
};

/* now_ns: by the monotonic clock. frozen: nobody could renew now. */
uint64_t running_now(struct running *t, uint64_t now_ns, bool frozen);
void running_tick(struct running *t, uint64_t now_ns, bool frozen);

#endif
