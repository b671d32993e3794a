/* POST, PUT and DELETE of record sets, the same for every type. */
#include "write.h"

#include <betterdns/clock.h>

#include "names.h"
#include "outcome.h"
#include "resources.h"

/* Path, query, headers and body: everything that can be judged before the registry sees it. */
static int read_common(struct write *w, enum fields_method method)
{
    int r;

    if ((r = options_read(w->rq, &w->options, &w->problem)) < 0 ||
        (r = precondition_read(w->rq, &w->precondition, &w->problem)) < 0 ||
        (r = precondition_to_op(&w->precondition, &w->op, &w->problem)) < 0)
        return r;
    return fields_read(w->rq, w->type, method, &w->fields, &w->problem);
}

static int read_values(struct write *w)
{
    int r;

    if (w->fields.nvalues == 0)
        return 0;
    r = values_read(w->api, w->type, w->fields.values, w->fields.nvalues, &w->values, &w->problem);
    if (r == 0)
        w->op.values = w->values.set;
    return r;
}

/* The name of the path; one in the body must be the same. */
static int read_path_name(struct write *w)
{
    struct str path = http_segment(w->rq, "name");
    struct dname other;
    unsigned zone;
    int r = names_resolve(w->api, path, &w->op.owner, &w->zone, &w->problem);

    if (r < 0 || !w->fields.name.p)
        return r;
    r = names_resolve(w->api, w->fields.name, &other, &zone, &w->problem);
    if (r < 0 || dname_eq(&other, &w->op.owner))
        return r;
    return problem_set(&w->problem, -BD_EMISMATCH, "name", "the body names '%.*s', the path '%.*s'",
                       STR_ARG(w->fields.name), STR_ARG(path));
}

/* A check goes to each of the addresses that are registered. */
static int judge_check(struct write *w)
{
    const bool address = w->type->code == RRTYPE_A || w->type->code == RRTYPE_AAAA;
    struct health_request request = {.check = buf_str(&w->fields.check),
                                     .caller = http_client(w->rq)};
    const uint8_t *at = w->values.set.p;
    struct str rdata;

    if (request.check.n == 0)
        return 0;
    while (rdset_next(&w->values.set, &at, &rdata)) {
        request.naddress = address && rdata.n <= sizeof(request.address) ? (uint8_t)rdata.n : 0;
        memcpy(request.address, rdata.p, request.naddress);
        int r = health_judge(w->api->health, &request, &w->problem);
        if (r < 0)
            return r;
    }
    return 0;
}

static int read_post(struct write *w)
{
    int r = read_common(w, FIELDS_POST);

    if (r < 0)
        return r;
    if (!w->fields.name.p) {
        problem_set(&w->problem, -BD_EINVALID, "name", "the name is missing");
        return problem_hint(&w->problem, "for example: -d name=web");
    }
    r = names_resolve(w->api, w->fields.name, &w->op.owner, &w->zone, &w->problem);
    if (r < 0)
        return r;
    if (w->fields.nvalues == 0) {
        r = values_of_caller(w->rq, w->type, &w->fields.one, &w->problem);
        if (r < 0)
            return r;
        w->fields.values = &w->fields.one;
        w->fields.nvalues = 1;
    }
    r = read_values(w);
    return r < 0 ? r : judge_check(w);
}

static int read_put(struct write *w)
{
    int r = read_common(w, FIELDS_PUT);

    if (r < 0)
        return r;
    r = read_path_name(w);
    if (r < 0)
        return r;
    if (w->fields.nvalues == 0) {
        problem_set(&w->problem, -BD_EINVALID, "value", "the value is missing");
        return problem_hint(&w->problem, "for example: value=%s", w->type->example);
    }
    return read_values(w);
}

static int read_delete(struct write *w)
{
    int r = read_common(w, FIELDS_DELETE);

    if (r < 0)
        return r;
    r = read_path_name(w);
    if (r < 0)
        return r;
    return read_values(w);
}

static int submit(struct write *w)
{
    struct change *change = change_new(CHANGE_HTTP, http_client(w->rq));
    struct receipt receipt;
    int r = -ENOMEM;

    if (!change)
        return r;
    r = change_add(change, &w->op);
    if (r < 0)
        goto out;
    if (w->options.dry_run)
        change_dry_run(change);
    r = registry_submit(w->api->registry, change, clock_deadline(OUTCOME_SUBMIT_NS), &receipt,
                        &w->problem);
    if (r == 0)
        write_answer(w, &receipt, clock_mono_ns());
out:
    change_put(change);
    return r;
}

static void write_record(void *context, const struct http_request *rq, struct http_response *rs,
                         enum op_kind kind, int (*read)(struct write *w))
{
    const struct rrtype *type = http_route_data(rq);
    struct write w = {
        .api = context,
        .rq = rq,
        .rs = rs,
        .type = type,
        .op = {.kind = kind, .type = type->code, .source = http_client(rq)},
    };
    int r = read(&w);

    if (r == 0) {
        w.op.id = w.fields.id;
        w.op.has_ttl = w.fields.has_ttl;
        w.op.ttl = w.fields.ttl;
        w.op.lease_s = w.fields.lease_s;
        w.op.check = buf_str(&w.fields.check);
        r = submit(&w);
    }
    if (r < 0)
        write_refuse(&w, r);
    values_free(&w.values);
    fields_free(&w.fields);
}

void records_post(void *context, const struct http_request *rq, struct http_response *rs)
{
    write_record(context, rq, rs, OP_REGISTER, read_post);
}

void records_put(void *context, const struct http_request *rq, struct http_response *rs)
{
    write_record(context, rq, rs, OP_PUT, read_put);
}

void records_delete(void *context, const struct http_request *rq, struct http_response *rs)
{
    write_record(context, rq, rs, OP_DELETE, read_delete);
}
