/* What became of a write: the end of its answer, the same for every resource that writes. */
#ifndef API_OUTCOME_H
#define API_OUTCOME_H

#include <betterdns/api.h>

#include "options.h"

#define OUTCOME_SUBMIT_NS (30 * UINT64_C(1000000000)) /* until a write is decided */

struct outcome {
    bool changed;
    uint64_t seq;
    uint32_t serial;
    bool dry_run;
    bool asked, served; /* ?wait=served, and what came of it */
    uint64_t after_ns;  /* the commit; with served */
    char reason[200];   /* asked, and not served */
};

/* Waits where options ask for it, but not for a dry run, which leaves nothing that could be
 * served. */
void outcome_wait(const struct api *api, const struct options *options, unsigned zone,
                  uint64_t committed_ns, struct outcome *o);
/* The members of the answer's object: changed, seq, serial, … */
void outcome_json(const struct outcome *o, struct json *j);
/* 202 where the wait was in vain, else status. */
int outcome_status(const struct outcome *o, int status);

/* What *p does not say yet about an error of registry_submit and its like. */
void outcome_fault(int error, struct problem *p);

/* A whole answer of a write to a zone: its name, and the members above. */
void outcome_answer_zone(const struct api *api, unsigned zone, const struct outcome *o,
                         struct http_response *rs);

#endif
