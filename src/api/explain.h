/* What is known of a name beside its records. */
#ifndef API_EXPLAIN_H
#define API_EXPLAIN_H

#include <betterdns/api.h>
#include <betterdns/history.h>

#include "peoples_file.h"

/* The change that touched a type last. */
struct explain_touch {
    uint16_t type;
    bool deleted;
    struct history_change c; /* seq, time, source and actor alone */
    char source[16];
    char *actor; /* owned */
};

/* The change that made a registration. */
struct explain_registered {
    uint64_t number, seq;
};

struct explain {
    struct explain_touch *touches; /* one a type */
    size_t ntouches;
    struct explain_registered *registered; /* also those that have ended */
    size_t nregistered;
    struct peoples_places lines;
};

/* Reads history and file; what cannot be read is left out. -ENOMEM; errors of registry_history. */
int explain_read(const struct api *api, unsigned zone, const struct dname *name,
                 struct explain *ret_explain);
void explain_free(struct explain *e); /* zeroed is fine */

/* NULL: no change of this type is kept. */
const struct explain_touch *explain_touch_of(const struct explain *e, uint16_t type);
/* 0: it is not kept. */
uint64_t explain_registered_in(const struct explain *e, uint64_t number);
/* Of all types; NULL: none. */
const struct explain_touch *explain_last_touch(const struct explain *e);

#endif
