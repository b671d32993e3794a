/* GET of record sets: /a and /a/NAME, the same for every type. */
#include "resources.h"

#include "cursor.h"
#include "filter.h"
#include "names.h"
#include "options.h"
#include "precondition.h"
#include "record_json.h"

#define LIMIT_DEFAULT 1000
#define LIMIT_MOST 10000

struct list {
    const struct api *api;
    const struct rrtype *type;
    struct filter filter;
    uint64_t limit;
    struct snap_key from; /* its owner is a view of cursor */
    struct cursor cursor;
};

static int read_cursor(const struct http_request *rq, struct list *l, struct problem *problem)
{
    struct str text = http_query(rq, "cursor");

    l->from = (struct snap_key){.zone = l->filter.one_zone ? l->filter.zone : 0};
    if (!text.p)
        return 0;
    bool fits = cursor_read(text, &l->cursor) == 0 && l->cursor.type == l->type->code &&
                l->cursor.zone < l->api->nzones;
    if (!fits || (l->filter.one_zone && l->cursor.zone != l->filter.zone)) {
        problem_set(problem, -BD_ESYNTAX, "cursor", "'%.*s' is not a cursor of this list",
                    STR_ARG(text));
        return problem_hint(problem, "take 'next' of the answer before, with the same query");
    }
    l->from = (struct snap_key){
        .zone = l->cursor.zone,
        .owner = {(const char *)l->cursor.key, l->cursor.nkey},
        .type = l->cursor.type,
    };
    return 0;
}

static int read_list(const struct http_request *rq, struct list *l, struct problem *problem)
{
    int r = filter_read(l->api, rq, &l->filter, problem);

    if (r < 0)
        return r;
    l->filter.type = l->type->code;
    r = options_limit(rq, LIMIT_DEFAULT, LIMIT_MOST, &l->limit, problem);
    if (r < 0)
        return r;
    return read_cursor(rq, l, problem);
}

static void write_next(struct json *j, const struct rrset *set, unsigned zone)
{
    struct str key = rrset_owner_key(set);
    struct cursor c = {.zone = zone, .type = rrset_type(set), .nkey = key.n};
    struct buf text = {.p = NULL};

    memcpy(c.key, key.p, key.n);
    cursor_write(&c, &text);
    json_str(j, buf_str(&text));
    buf_free(&text);
}

/* Writes what the list asks for; *ret_rest is the first set that has no room, or NULL, *ret_zone
 * its zone. */
static int write_records(const struct list *l, const struct snap *snap, struct json *j,
                         const struct rrset **ret_rest, unsigned *ret_zone)
{
    struct buf scratch = {.p = NULL};
    const struct record_json with = {.health = l->api->health, .scratch = &scratch};
    struct snap_iter it;
    const struct rrset *set;
    uint64_t written = 0;
    unsigned zone;
    int r = snap_seek(snap, l->from, &it);

    if (r < 0)
        return r;
    *ret_rest = NULL;
    while ((set = snap_next(&it, &zone))) {
        if (l->filter.one_zone && zone != l->filter.zone)
            break; /* zones follow one another */
        const struct dname *origin = &snap_zone(snap, zone)->origin;
        if (!filter_takes(&l->filter, origin, set))
            continue;
        if (written++ == l->limit) {
            *ret_rest = set;
            *ret_zone = zone;
            break;
        }
        record_json(j, set, origin, &with);
    }
    buf_free(&scratch);
    return 0;
}

static int write_list(const struct list *l, const struct snap *snap, struct buf *out)
{
    struct json j = {.out = out};
    const struct rrset *rest;
    unsigned zone;

    json_open(&j, '{');
    json_key(&j, "records");
    json_open(&j, '[');
    int r = write_records(l, snap, &j, &rest, &zone);
    if (r < 0)
        return r;
    json_close(&j, ']');
    json_key(&j, "seq");
    json_uint(&j, snap_seq(snap));
    json_key(&j, "next");
    if (rest)
        write_next(&j, rest, zone);
    else
        json_null(&j);
    json_close(&j, '}');
    buf_add_c(out, '\n');
    return 0;
}

void records_list(void *context, const struct http_request *rq, struct http_response *rs)
{
    struct list l = {.api = context, .type = http_route_data(rq)};
    struct problem problem;

    if (read_list(rq, &l, &problem) < 0) {
        http_problem(rs, &problem);
        return;
    }
    struct snap *snap = registry_snapshot(l.api->registry);
    http_type(rs, "application/json");
    int r = write_list(&l, snap, http_body(rs));
    if (r < 0) {
        problem_set(&problem, r, NULL, "%s", bd_strerror(r));
        http_problem(rs, &problem);
    }
    snap_put(snap);
}

/* The other types at this name, for one who took the wrong route. */
static void list_types(const struct snap *snap, unsigned zone, const struct dname *name, char *out,
                       size_t size)
{
    uint8_t key[DNAME_KEY_MAX];
    struct snap_key from = {.zone = zone, .owner = {(const char *)key, dname_key(name, key)}};
    char text[RRTYPE_TEXT_MAX];
    struct snap_iter it;
    const struct rrset *set;
    unsigned at_zone;
    size_t n = 0;

    out[0] = '\0';
    if (snap_seek(snap, from, &it) < 0)
        return;
    while ((set = snap_next(&it, &at_zone)) && at_zone == zone &&
           str_eq(rrset_owner_key(set), from.owner)) {
        struct str type = str_c(rrtype_to_text(rrset_type(set), text));
        if (n + type.n + 3 > size)
            return;
        if (n > 0) {
            memcpy(out + n, ", ", 2);
            n += 2;
        }
        memcpy(out + n, type.p, type.n + 1);
        n += type.n;
    }
}

static void not_found(const struct snap *snap, unsigned zone, const struct dname *name,
                      const struct rrtype *type, struct http_response *rs)
{
    char text[DNAME_TEXT_MAX], types[120];
    struct problem problem;

    dname_to_text(name, text);
    problem_set(&problem, -BD_ENOTFOUND, NULL, "%s has no %s record", text, type->name);
    list_types(snap, zone, name, types, sizeof(types));
    if (types[0])
        problem_hint(&problem, "it has %s", types);
    http_problem(rs, &problem);
}

static void answer_one(const struct api *api, const struct rrset *set, const struct dname *origin,
                       const struct precondition *p, struct http_response *rs)
{
    struct hash128 tag = rrset_etag(set);
    struct buf scratch = {.p = NULL};
    const struct record_json with = {.health = api->health, .scratch = &scratch};
    struct json j = {.out = http_body(rs)};
    struct problem problem;
    char text[ETAG_TEXT_SIZE];

    etag_text(&tag, text);
    if (p->if_match && !p->match.any && !etag_list_has(&p->match, &tag)) {
        problem_set(&problem, -BD_EPRECONDITION, NULL, "If-Match: the record set's ETag is %s",
                    text);
        http_problem(rs, &problem);
        return;
    }
    http_set(rs, "ETag", "%s", text);
    if (p->if_none_match && (p->none_match.any || etag_list_has(&p->none_match, &tag))) {
        http_status(rs, 304);
        return;
    }
    http_type(rs, "application/json");
    record_json(&j, set, origin, &with);
    buf_add_c(j.out, '\n');
    buf_free(&scratch);
}

void records_get(void *context, const struct http_request *rq, struct http_response *rs)
{
    const struct api *api = context;
    const struct rrtype *type = http_route_data(rq);
    struct precondition precondition;
    struct problem problem;
    struct dname name;
    unsigned zone;

    if (precondition_read(rq, &precondition, &problem) < 0 ||
        names_resolve(api, http_segment(rq, "name"), &name, &zone, &problem) < 0) {
        http_problem(rs, &problem);
        return;
    }
    struct snap *snap = registry_snapshot(api->registry);
    const struct rrset *set = snap_find_name(snap, zone, &name, type->code);
    if (set)
        answer_one(api, set, &api->origins[zone], &precondition, rs);
    else
        not_found(snap, zone, &name, type, rs);
    snap_put(snap);
}
