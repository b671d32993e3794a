/* Who is told what becomes of hosts that are removed. */
#include <betterdns/events.h>
#include <betterdns/log.h>

#include "removal.h"

#define DETAIL_MAX 400

/* What somebody did about a host, or would have done. */
struct telling {
    unsigned zone;
    uint16_t type;
    struct str name, id;
    uint64_t number;
    bool ok, dry_run;
};

static void add_event(struct engine *e, const struct telling *t, const char *detail)
{
    char zone[DNAME_TEXT_MAX], type[RRTYPE_TEXT_MAX];

    dname_to_text(&e->in->origins[t->zone], zone);
    rrtype_to_text(t->type, type);
    const struct event event = {
        .kind = EVENT_TERMINATED,
        .number = t->number,
        .zone = str_c(zone),
        .name = t->name,
        .type = str_c(type),
        .registration = t->id,
        .detail = str_c(detail),
        .ok = t->ok ? EVENT_YES : EVENT_NO,
        .dry_run = t->dry_run ? EVENT_YES : EVENT_NO,
    };
    events_add(e->options.events, &event);
}

static void describe(struct engine *e, const struct removal *r, const struct terminate_end *end,
                     bool dry_run, char detail[DETAIL_MAX])
{
    struct buf what = {0};

    terminator_tell(e->removals->terminator, &r->as, &what);
    if (dry_run)
        str_format(detail, DETAIL_MAX, "dry run: would %.*s", (int)what.n, what.p ? what.p : "");
    else
        str_format(detail, DETAIL_MAX, "%.*s: %.*s", STR_ARG(end->words), (int)what.n,
                   what.p ? what.p : "");
    buf_free(&what);
}

void told_terminated(struct engine *e, const struct removal *r, const struct terminate_end *end)
{
    bool dry_run = !e->options.terminate.enabled;
    const struct telling t = {r->zone,      r->type, r->as.name, r->as.id,
                              r->as.number, end->ok, dry_run};
    char detail[DETAIL_MAX];

    describe(e, r, end, dry_run, detail);
    e->terminated[end->ok][dry_run]++;
    if (dry_run)
        log_info("a host that stayed down is unregistered; nothing else is done, since "
                 "terminate.enabled is false",
                 LOG_STR("name", t.name), LOG_STR("id", t.id), LOG_STR("address", r->as.address),
                 LOG_UINT("registration", t.number), LOG_C("what", detail));
    else if (end->ok)
        log_info("a host that stayed down was terminated", LOG_STR("name", t.name),
                 LOG_STR("id", t.id), LOG_STR("address", r->as.address),
                 LOG_UINT("registration", t.number), LOG_C("what", detail),
                 LOG_STR("output", end->output));
    else
        log_error("a host could not be terminated", LOG_STR("name", t.name), LOG_STR("id", t.id),
                  LOG_STR("address", r->as.address), LOG_UINT("registration", t.number),
                  LOG_UINT("tries", r->failures), LOG_C("what", detail),
                  LOG_STR("output", end->output));
    add_event(e, &t, detail);
}

void told_leftover(struct engine *e, const struct reg *reg)
{
    static const char words[] = "unknown: betterdns ended while its terminator ran; it is not run "
                                "again by itself";
    struct registration as = {.number = 0};
    char name[DNAME_TEXT_MAX];
    struct dname owner;

    engine_registration(reg, &as);
    rrset_owner(reg->set->rrset, &owner);
    dname_to_text(&owner, name);
    const struct telling t = {
        reg->set->zone, rrset_type(reg->set->rrset), str_c(name), as.id, reg->number, false, false};
    log_warning("nobody knows whether a host was terminated: betterdns ended meanwhile",
                LOG_C("name", name), LOG_STR("id", as.id), LOG_UINT("registration", reg->number),
                LOG_C("next", e->options.terminate.anyway
                                  ? "it is unregistered without it"
                                  : "it stays until it comes back or somebody deletes it"));
    add_event(e, &t, words);
}
