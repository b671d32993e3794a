/* GET /explain/NAME: its records, who registered them, the change that touched them last, where
 * they stand in the people's file, and what DNS serves now. */
#include "explain.h"

#include <stdlib.h>

#include <betterdns/clock.h>

#include "changes.h"
#include "check_json.h"
#include "names.h"
#include "overview.h"
#include "record_json.h"
#include "resources.h"

#define LOOKUP_NS (2 * NS_PER_S) /* for all questions together */

struct answer {
    const struct api *api;
    struct overview overview;
    unsigned zone;
    struct dname name;
    struct explain explain;
    uint64_t deadline;
    char unanswered[240]; /* why DNS was not asked on; empty */
    struct json json;
    struct buf scratch;
};

/* The first RRset of the name, or the next one; NULL at its end. */
static const struct rrset *next_set(const struct answer *a, struct snap_iter *it)
{
    uint8_t key[DNAME_KEY_MAX];
    const struct str owner = {(const char *)key, dname_key(&a->name, key)};
    unsigned zone;
    const struct rrset *set = snap_next(it, &zone);

    return set && zone == a->zone && str_eq(rrset_owner_key(set), owner) ? set : NULL;
}

static void seek(const struct answer *a, struct snap_iter *it)
{
    uint8_t key[DNAME_KEY_MAX];
    const struct snap_key from = {.zone = a->zone,
                                  .owner = {(const char *)key, dname_key(&a->name, key)}};

    snap_seek(a->overview.snap, from, it);
}

/* ---- one record set ---- */

static void write_registered_in(void *arg, struct json *j, const struct registration *reg)
{
    const struct explain *e = arg;

    record_json_known(j, "seq", explain_registered_in(e, reg->number));
}

/* What is checked of a set, and why DNS does not show it. */
struct checks {
    struct json *json;
    uint16_t type;
};

static int write_check(void *arg, const struct health_check *c)
{
    struct checks *checks = arg;

    if (c->type != checks->type)
        return 0;
    json_open(checks->json, '{');
    check_json_members(checks->json, c);
    check_json_spec(checks->json, &c->spec);
    check_json_reason(checks->json, c);
    json_close(checks->json, '}');
    return 0;
}

static void write_checks(struct answer *a, uint16_t type)
{
    struct checks checks = {&a->json, type};

    json_key(&a->json, "checks");
    json_open(&a->json, '[');
    if (health_each(a->api->health, &a->name, write_check, &checks) < 0)
        a->json.out->error = -ENOMEM;
    json_close(&a->json, ']');
}

static void write_changed(struct answer *a, uint16_t type)
{
    const struct explain_touch *t = explain_touch_of(&a->explain, type);

    json_key(&a->json, "changed");
    if (!t) {
        json_null(&a->json);
        return;
    }
    json_open(&a->json, '{');
    change_json_origin(&a->json, &t->c);
    json_close(&a->json, '}');
}

static void write_lines(struct answer *a, uint16_t type)
{
    struct json *j = &a->json;

    json_key(j, "lines");
    json_open(j, '[');
    for (size_t i = 0; i < a->explain.lines.n; i++) {
        const struct peoples_place *line = &a->explain.lines.p[i];
        if (line->type != type)
            continue;
        json_open(j, '{');
        json_key(j, "file");
        json_c(j, line->file);
        json_key(j, "line");
        json_uint(j, line->line);
        json_close(j, '}');
    }
    json_close(j, ']');
}

/* After the first question in vain no other is asked. */
static void write_served(struct answer *a, uint16_t type)
{
    struct dnsmsg_answer shown = {.rcode = 0};
    struct json *j = &a->json;
    int r = a->unanswered[0]
                ? -ENOTCONN
                : controller_lookup(a->api->controller, &a->name, type, a->deadline, &shown);

    json_key(j, "served");
    if (r < 0 && !a->unanswered[0])
        str_format(a->unanswered, sizeof(a->unanswered), "%s is %s: %s", a->overview.server.kind,
                   a->overview.server.state,
                   r == -ENOTCONN && a->overview.server.reason[0] ? a->overview.server.reason
                                                                  : bd_strerror(r));
    if (r < 0 || shown.rdatas.count == 0) {
        json_null(j);
        return;
    }
    json_open(j, '{');
    json_key(j, "ttl");
    json_uint(j, shown.ttl);
    record_json_values(j, type, &shown.rdatas, &a->scratch);
    json_close(j, '}');
    free(shown.bytes);
}

static void write_set(struct answer *a, const struct rrset *set)
{
    const struct record_json with = {.health = a->api->health,
                                     .scratch = &a->scratch,
                                     .more = write_registered_in,
                                     .arg = &a->explain};

    json_open(&a->json, '{');
    record_json_members(&a->json, set, &a->api->origins[a->zone], &with);
    write_checks(a, rrset_type(set));
    write_changed(a, rrset_type(set));
    write_lines(a, rrset_type(set));
    write_served(a, rrset_type(set));
    json_close(&a->json, '}');
}

/* ---- the name ---- */

static void write_name(struct answer *a)
{
    const struct snap_zone *zone = snap_zone(a->overview.snap, a->zone);
    struct json *j = &a->json;
    struct snap_iter it;
    const struct rrset *set;

    seek(a, &it);
    json_open(j, '{');
    json_key(j, "name");
    record_json_name(j, &a->name);
    json_key(j, "zone");
    record_json_name(j, &zone->origin);
    json_key(j, "serial");
    json_uint(j, zone->serial);
    record_json_known(j, "served_serial", a->overview.zones[a->zone].served_serial);
    json_key(j, "seq");
    json_uint(j, snap_seq(a->overview.snap));
    json_key(j, "records");
    json_open(j, '[');
    while ((set = next_set(a, &it)))
        write_set(a, set);
    json_close(j, ']');
    json_key(j, "unanswered");
    json_c(j, a->unanswered[0] ? a->unanswered : NULL);
    json_close(j, '}');
    buf_add_c(j->out, '\n');
}

/* Is there an RRset at this name (exactly) or below it? */
static bool has_sets(const struct answer *a, const struct dname *name, bool exactly)
{
    uint8_t key[DNAME_KEY_MAX];
    const struct snap_key from = {.zone = a->zone,
                                  .owner = {(const char *)key, dname_key(name, key)}};
    struct snap_iter it;
    unsigned zone;

    snap_seek(a->overview.snap, from, &it);
    const struct rrset *set = snap_next(&it, &zone);
    if (!set || zone != a->zone)
        return false;
    struct str owner = rrset_owner_key(set);
    return exactly ? str_eq(owner, from.owner) : str_starts(owner, from.owner);
}

/* The wildcard that DNS answers with for a name that is not there: below its closest encloser
 * (RFC 4592 §3.3.1). */
static bool find_wildcard(const struct answer *a, struct dname *ret_wildcard)
{
    const struct dname *origin = &a->api->origins[a->zone];
    struct dname name = a->name, wildcard = {.n = 2, .b = {1, '*'}};

    while (!has_sets(a, &name, false) && !dname_eq(&name, origin)) {
        const unsigned label = name.b[0] + 1U;
        name.n = (uint8_t)(name.n - label);
        memmove(name.b, name.b + label, name.n);
    }
    if (dname_eq(&name, &a->name) || name.n + 2U > DNAME_MAX)
        return false;
    memcpy(wildcard.b + 2, name.b, name.n);
    wildcard.n = (uint8_t)(name.n + 2);
    *ret_wildcard = wildcard;
    return has_sets(a, &wildcard, true);
}

/* What is not there now may have been, or DNS may answer all the same. */
static void not_found(const struct answer *a, struct http_response *rs)
{
    const struct explain_touch *last = explain_last_touch(&a->explain);
    char name[DNAME_TEXT_MAX], type[RRTYPE_TEXT_MAX], time[CLOCK_RFC3339_SIZE];
    struct problem problem;
    struct dname wildcard;

    dname_to_text(&a->name, name);
    if (!last || !last->deleted) {
        problem_set(&problem, -BD_ENOTFOUND, NULL, "%s has no records", name);
    } else {
        bool same = strcmp(last->source, last->actor) == 0; /* lease, health */
        problem_set(
            &problem, -BD_ENOTFOUND, NULL,
            "%.160s has no records: its last, of type %s, was deleted in change %llu, %s, by "
            "%s%s%.64s",
            name, rrtype_to_text(last->type, type), (unsigned long long)last->c.seq,
            clock_rfc3339(last->c.time, time), last->source, same ? "" : " ",
            same ? "" : last->actor);
        problem_hint(&problem, "GET /?seq=%llu shows what was before it",
                     (unsigned long long)(last->c.seq - 1));
    }
    if (find_wildcard(a, &wildcard)) {
        dname_to_text(&wildcard, name);
        problem_hint(&problem, "DNS answers for it by the wildcard %.150s", name);
    }
    http_problem(rs, &problem);
}

static void answer_name(struct answer *a, struct http_response *rs)
{
    struct problem problem;
    struct snap_iter it;

    int r = explain_read(a->api, a->zone, &a->name, &a->explain);
    if (r < 0) {
        problem_set(&problem, r, NULL, "the history cannot be read: %s", bd_strerror(r));
        http_problem(rs, &problem);
        return;
    }
    seek(a, &it);
    if (next_set(a, &it)) {
        http_type(rs, "application/json");
        write_name(a);
    } else {
        not_found(a, rs);
    }
}

void explain_get(void *context, const struct http_request *rq, struct http_response *rs)
{
    struct answer a = {.api = context, .json = {.out = http_body(rs)}};
    struct problem problem;

    if (names_resolve(a.api, http_segment(rq, "name"), &a.name, &a.zone, &problem) < 0) {
        http_problem(rs, &problem);
        return;
    }
    a.deadline = clock_deadline(LOOKUP_NS);
    if (!overview_or_problem(a.api, rs, &a.overview))
        return;
    answer_name(&a, rs);
    explain_free(&a.explain);
    overview_free(&a.overview);
    buf_free(&a.scratch);
}
