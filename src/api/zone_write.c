/* POST /rollback, /zones/ZONE/accept and /zones/ZONE/discard: the operator's words on a whole
 * zone. */
#include "resources.h"

#include <betterdns/clock.h>
#include <betterdns/history.h>

#include "names.h"
#include "outcome.h"

/* One word of a body or query: p NULL where it is not there. */
static int read_word(const struct http_fields *fields, const char *name, struct str *ret_text,
                     struct problem *problem)
{
    const struct http_field *field = http_field(fields, name);

    *ret_text = (struct str){NULL, 0};
    if (!field || field->kind == FIELD_NULL)
        return 0;
    if (field->kind != FIELD_STRING && field->kind != FIELD_NUMBER)
        return problem_set(problem, -BD_EINVALID, name, "'%s' must be one value", name);
    *ret_text = field->text;
    return 0;
}

/* Beside a body the query only says how to answer. */
static int check_fields(const struct http_request *rq, const struct http_fields *fields,
                        struct problem *problem)
{
    const bool body = http_has_body(rq);

    for (size_t i = 0; body && i < http_nfields(fields); i++) {
        struct str name = http_field_at(fields, i)->name;
        if (!str_eq(name, STR("zone")) && !str_eq(name, STR("seq")))
            return problem_set(problem, -BD_EINVALID, NULL, "there is no field '%.*s'",
                               STR_ARG(name));
    }
    if (body && (http_query(rq, "zone").p || http_query(rq, "seq").p))
        return problem_set(problem, -BD_ESYNTAX, http_query(rq, "zone").p ? "zone" : "seq",
                           "it is in the query although there is a body: give it in the body");
    return 0;
}

struct rollback {
    const struct api *api;
    struct options options;
    unsigned zone;
    uint64_t seq;
};

static int read_rollback(const struct http_request *rq, struct rollback *b, struct problem *problem)
{
    const struct http_fields *fields;
    struct str zone, seq;
    int r;

    if ((r = options_read(rq, &b->options, problem)) < 0 ||
        (r = http_fields(rq, &fields, problem)) < 0 ||
        (r = check_fields(rq, fields, problem)) < 0 ||
        (r = read_word(fields, "zone", &zone, problem)) < 0 ||
        (r = read_word(fields, "seq", &seq, problem)) < 0)
        return r;
    if (!zone.p && b->api->nzones > 1)
        return problem_set(problem, -BD_EINVALID, "zone",
                           "the zone is missing, and there are several");
    if (zone.p && (r = names_zone(b->api, zone, &b->zone, problem)) < 0)
        return r;
    if (seq.p && str_u64(seq, INT64_MAX, &b->seq) == 0)
        return 0;
    if (seq.p)
        problem_set(problem, -BD_EINVALID, "seq", "seq is the number of a change, not '%.*s'",
                    STR_ARG(seq));
    else
        problem_set(problem, -BD_EINVALID, "seq", "seq is missing: the change to go back to");
    return problem_hint(problem, "the zone becomes what it was after that change; GET /changes");
}

static void refuse(int error, struct problem *problem, struct http_response *rs)
{
    outcome_fault(error, problem);
    http_problem(rs, problem);
}

void rollback_post(void *context, const struct http_request *rq, struct http_response *rs)
{
    struct rollback b = {.api = context};
    struct problem problem = {0};
    struct receipt receipt;

    int r = read_rollback(rq, &b, &problem);
    if (r == 0)
        r = registry_rollback(b.api->registry, b.zone, b.seq, http_client(rq),
                              clock_deadline(OUTCOME_SUBMIT_NS), &receipt, &problem);
    if (r == -BD_ECONFLICT && !problem.hint[0])
        problem_hint(&problem, "GET /explain/NAME tells file and line: edit them, then roll back");
    if (r < 0) {
        refuse(r, &problem, rs);
        return;
    }
    uint64_t committed_ns = clock_mono_ns();
    struct outcome outcome = {
        .changed = receipt.changed, .seq = receipt.seq, .serial = receipt.serial};
    rrset_put(receipt.set);
    outcome_wait(b.api, &b.options, b.zone, committed_ns, &outcome);
    outcome_answer_zone(b.api, b.zone, &outcome, rs);
}

/* ---- accept, discard ---- */

static int see_file(void *arg, const struct history_change *c)
{
    struct outcome *o = arg;

    if (c->nzones == 0 || !str_eq(str_c(c->source), str_c(change_source_name(CHANGE_FILE))))
        return 0;
    o->changed = true;
    o->seq = c->seq;
    if (c->zones[0].serial)
        o->serial = c->zones[0].serial;
    return 0;
}

/* What the people's file has changed since then, if anything. */
static struct outcome outcome_since(const struct api *api, unsigned zone, uint64_t seq)
{
    const struct history_filter filter = {.since = seq, .zone = zone};
    struct snap *now = registry_snapshot(api->registry);
    struct outcome o = {.seq = snap_seq(now), .serial = snap_zone(now, zone)->serial};

    snap_put(now);
    if (registry_history(api->registry, &filter, see_file, &o) < 0)
        o.changed = o.seq > seq; /* what others have changed since then counts too */
    return o;
}

typedef int decide_fn(struct controller *c, unsigned zone, uint64_t deadline_ns,
                      struct problem *ret_problem);

static void decide(const struct api *api, const struct http_request *rq, struct http_response *rs,
                   decide_fn *fn)
{
    struct problem problem = {0};
    struct options options;
    unsigned zone;

    if (names_zone(api, http_segment(rq, "zone"), &zone, &problem) < 0) {
        problem.error = -BD_ENOTFOUND; /* in a path, what is not there is not found */
        problem.field = NULL;
        http_problem(rs, &problem);
        return;
    }
    int r = options_read(rq, &options, &problem);
    if (r < 0) {
        http_problem(rs, &problem);
        return;
    }
    struct snap *before = registry_snapshot(api->registry);
    uint64_t seq = snap_seq(before);
    snap_put(before);
    r = fn(api->controller, zone, clock_deadline(OUTCOME_SUBMIT_NS), &problem);
    if (r < 0) {
        refuse(r, &problem, rs);
        return;
    }
    uint64_t done_ns = clock_mono_ns();
    struct outcome outcome = outcome_since(api, zone, seq);
    outcome_wait(api, &options, zone, done_ns, &outcome);
    outcome_answer_zone(api, zone, &outcome, rs);
}

void zones_accept(void *context, const struct http_request *rq, struct http_response *rs)
{
    decide(context, rq, rs, controller_accept);
}

void zones_discard(void *context, const struct http_request *rq, struct http_response *rs)
{
    decide(context, rq, rs, controller_discard);
}
