/* A write of one record set: what its three methods share. */
#ifndef API_WRITE_H
#define API_WRITE_H

#include "fields.h"
#include "options.h"
#include "precondition.h"
#include "values.h"

struct write {
    const struct api *api;
    const struct http_request *rq;
    struct http_response *rs;
    const struct rrtype *type;
    struct options options;
    struct precondition precondition;
    struct fields fields;
    struct values values;
    struct op op;
    unsigned zone;
    struct problem problem;
};

/* Answers for what registry_submit did at committed_ns; puts receipt->set. */
void write_answer(const struct write *w, struct receipt *receipt, uint64_t committed_ns);
/* Answers for a refusal; w->problem says it. */
void write_refuse(struct write *w, int error);

#endif
