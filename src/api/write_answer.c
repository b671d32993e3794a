/* The answers of writes. */
#include "write.h"

#include <stdio.h>

#include "manifest.h"
#include "names.h"
#include "outcome.h"
#include "peoples_file.h"
#include "record_json.h"

static void answer_json(const struct write *w, const struct receipt *receipt,
                        const struct outcome *outcome)
{
    const struct dname *origin = &w->api->origins[w->zone];
    struct buf scratch = {.p = NULL};
    struct json j = {.out = http_body(w->rs)};

    http_type(w->rs, "application/json");
    json_open(&j, '{');
    if (receipt->set) {
        const struct record_json with = {.health = w->api->health, .scratch = &scratch};
        record_json_members(&j, receipt->set, origin, &with);
    } else {
        record_json_key(&j, &w->op.owner, origin, w->type->code);
        json_key(&j, "values");
        json_open(&j, '[');
        json_close(&j, ']');
        json_key(&j, "registrations");
        json_open(&j, '[');
        json_close(&j, ']');
    }
    outcome_json(outcome, &j);
    json_close(&j, '}');
    buf_add_c(j.out, '\n');
    buf_free(&scratch);
}

/* The path of the route's type and a name. */
static void route_path(const struct write *w, struct str name, char *out, size_t size)
{
    char path[NAMES_PATH_MAX];
    size_t n = 0;

    names_to_path(name, path);
    if (size > 1)
        out[n++] = '/';
    for (const char *c = w->type->name; *c && n + 1 < size; c++)
        out[n++] = (char)ascii_lower((unsigned char)*c);
    snprintf(out + n, size - n, "/%s", path);
}

static void set_headers(const struct write *w, const struct receipt *receipt)
{
    char text[DNAME_TEXT_MAX], path[NAMES_PATH_MAX + 32], tag_text[ETAG_TEXT_SIZE];
    size_t n;

    if (receipt->set && !w->options.dry_run) {
        struct hash128 tag = rrset_etag(receipt->set);
        http_set(w->rs, "ETag", "%s", etag_text(&tag, tag_text));
    }
    if (receipt->created && !w->options.dry_run) {
        n = dname_to_text(&w->op.owner, text);
        route_path(w, (struct str){text, n}, path, sizeof(path));
        http_set(w->rs, "Location", "%s", path);
    }
}

void write_answer(const struct write *w, struct receipt *receipt, uint64_t committed_ns)
{
    struct outcome outcome = {
        .changed = receipt->changed,
        .seq = receipt->seq,
        .serial = receipt->serial,
    };

    outcome_wait(w->api, &w->options, receipt->zone, committed_ns, &outcome);
    http_status(w->rs,
                outcome_status(&outcome, receipt->created && !w->options.dry_run ? 201 : 200));
    set_headers(w, receipt);
    if (w->options.return_manifest)
        manifest_answer_zone(w->api, w->zone, w->rs);
    else
        answer_json(w, receipt, &outcome);
    rrset_put(receipt->set);
}

/* Is the conflict with records of this name and type that nobody registered? (Others: a CNAME
 * beside other data.) */
static bool is_unregistered(const struct write *w)
{
    struct snap *snap = registry_snapshot(w->api->registry);
    const struct rrset *set = snap_find_name(snap, w->zone, &w->op.owner, w->type->code);
    bool unregistered = w->op.kind == OP_REGISTER && set && rrset_nregs(set) == 0;

    snap_put(snap);
    return unregistered;
}

/* Where the set's records stand: in an included file, if any does, else the first; NULL: nowhere.
 */
static const struct peoples_place *place_of(const struct peoples_places *all, uint16_t type)
{
    const struct peoples_place *first = NULL;

    for (size_t i = 0; i < all->n; i++) {
        if (all->p[i].type != type)
            continue;
        if (all->p[i].included)
            return &all->p[i];
        first = first ? first : &all->p[i];
    }
    return first;
}

/* Say how to replace them, or where they stand. What an included file says is changed there
 * alone. */
static void hint_at_owner(struct write *w)
{
    struct peoples_places all = {.n = 0};
    char text[DNAME_TEXT_MAX], path[NAMES_PATH_MAX + 32];
    size_t n = names_short(w->api, &w->op.owner, text);

    route_path(w, (struct str){text, n}, path, sizeof(path));
    peoples_file_places(&w->api->zones[w->zone], &w->op.owner, &all);
    const struct peoples_place *place = place_of(&all, w->type->code);
    if (place && place->included)
        problem_hint(&w->problem, "edit %s:%u, which the zone file includes", place->file,
                     place->line);
    else if (place && is_unregistered(w))
        problem_hint(&w->problem, "PUT %.80s replaces it; it stands in %s:%u", path, place->file,
                     place->line);
    else if (is_unregistered(w))
        problem_hint(&w->problem, "PUT %.80s replaces it", path);
    peoples_places_free(&all);
}

void write_refuse(struct write *w, int error)
{
    struct problem *p = &w->problem;

    outcome_fault(error, p);
    if (error == -BD_ECONFLICT && !p->hint[0] && p->field && strcmp(p->field, "name") == 0)
        hint_at_owner(w);
    if (error == -BD_ENOTFOUND && w->op.kind == OP_PUT && !p->hint[0])
        problem_hint(p, "PUT replaces what is there; POST registers a new name");
    http_problem(w->rs, p);
}
