/* Events of changes. */
#include "tell.h"

#include <stdio.h>

#include <betterdns/events.h>
#include <betterdns/rrtype.h>

/* A change of a million records would push everything else out of the ring. */
#define MOST 10000U
/* Of so many record sets `changed` is told one by one. */
#define EACH_MOST 100U

struct teller {
    struct events *events;
    const struct dname *origins;
    uint64_t seq;
    struct str source;
    unsigned told;
    unsigned zone; /* which the texts below are of */
    const struct diff *diff;
    char origin[DNAME_TEXT_MAX], name[DNAME_TEXT_MAX], type[RRTYPE_TEXT_MAX];
    size_t norigin, nname;
};

static void name_diff(struct teller *t, const struct diff *d)
{
    const struct rrset *set = d->after ? d->after : d->before;
    struct dname owner;

    t->diff = d;
    if (t->zone != d->zone)
        t->norigin = dname_to_text(&t->origins[d->zone], t->origin);
    t->zone = d->zone;
    rrset_owner(set, &owner);
    t->nname = dname_to_text(&owner, t->name);
    rrtype_to_text(rrset_type(set), t->type);
}

static void tell(struct teller *t, enum event_kind kind, const struct registration *reg,
                 struct str detail)
{
    const struct event ev = {
        .kind = kind,
        .seq = t->seq,
        .number = reg ? reg->number : 0,
        .zone = {t->origin, t->norigin},
        .name = {t->name, t->nname},
        .type = str_c(t->type),
        .registration = reg ? reg->id : (struct str){0},
        .detail = detail,
    };

    if (t->told++ < MOST)
        events_add(t->events, &ev);
}

/* ---- registrations ---- */

static bool has_id(const struct rrset *set, struct str id)
{
    struct registration reg;

    for (size_t i = 0; set && i < rrset_nregs(set); i++) {
        rrset_reg(set, i, &reg);
        if (str_eq(reg.id, id))
            return true;
    }
    return false;
}

/* One without an id waits for its first registration. A host that only got a new number is still
 * there. Of one that is gone the detail is whose doing it was. */
static int tell_registration(void *teller, const struct registration *before,
                             const struct registration *after)
{
    struct teller *t = teller;

    if (!after && before->id.n > 0 && !has_id(t->diff->after, before->id))
        tell(t, EVENT_UNREGISTERED, before, t->source);
    if (!before && after->id.n > 0)
        tell(t, EVENT_REGISTERED, after, (struct str){0});
    return 0;
}

/* ---- records ---- */

/* The first that asks for it, or NULL. */
static const struct registration *who_asks(const struct rrset *set, struct str rdata,
                                           struct registration *reg)
{
    for (size_t i = 0; i < rrset_nregs(set); i++) {
        rrset_reg(set, i, reg);
        if (rdset_has(rrset_type(set), &reg->asked, rdata))
            return reg;
    }
    return NULL;
}

/* Those withdrawn in one version that the other has, and not withdrawn. */
static void tell_records(struct teller *t, const struct rrset *one, const struct rrset *other,
                         enum event_kind kind)
{
    struct rdset hidden = rrset_withdrawn(one);
    struct rdset hidden_there = other ? rrset_withdrawn(other) : (struct rdset){0};
    struct rdset there = other ? rrset_rdatas(other) : (struct rdset){0};
    const uint8_t *at = hidden.p;
    uint16_t type = rrset_type(one);
    struct registration reg;
    struct str rdata;

    while (hidden.count > 0 && rdset_next(&hidden, &at, &rdata)) {
        struct buf text = {0};
        bool gone = kind == EVENT_RESTORED && !rdset_has(type, &there, rdata);
        if (gone || rdset_has(type, &hidden_there, rdata))
            continue;
        rdata_to_text(type, (const uint8_t *)rdata.p, rdata.n, &text);
        if (text.error == 0)
            tell(t, kind, who_asks(t->diff->after, rdata, &reg), buf_str(&text));
        buf_free(&text);
    }
}

static void tell_withdrawn(struct teller *t)
{
    const struct rrset *before = t->diff->before, *after = t->diff->after;

    if (!after)
        return;
    if (before)
        tell_records(t, before, after, EVENT_RESTORED);
    tell_records(t, after, before, EVENT_WITHDRAWN);
}

/* ---- the change ---- */

/* "http: 30 192.0.2.7": what there is now. */
static void tell_set(struct teller *t, const struct change *c, const struct diff *d)
{
    struct rdset set = d->after ? rrset_rdatas(d->after) : (struct rdset){0};
    const uint8_t *at = set.p;
    struct buf text = {0};
    struct str rdata;
    char detail[240];

    name_diff(t, d);
    buf_addf(&text, "%s:", change_source_name(c->source));
    if (d->after)
        buf_addf(&text, " %u", rrset_ttl(d->after));
    else
        buf_addf(&text, " nothing");
    while (set.count > 0 && text.n < sizeof(detail) && rdset_next(&set, &at, &rdata)) {
        buf_add_c(&text, ' ');
        rdata_to_text(rrset_type(d->after), (const uint8_t *)rdata.p, rdata.n, &text);
    }
    str_format(detail, sizeof(detail), "%.*s", STR_ARG(buf_str(&text)));
    buf_free(&text);
    tell(t, EVENT_CHANGED, NULL, str_c(detail));
}

/* Of many in one zone: only how many there are. */
static void tell_zone(struct teller *t, const struct change *c, const struct diff *first, size_t n,
                      unsigned left_out)
{
    char detail[160];

    name_diff(t, first);
    t->nname = 0;
    t->type[0] = '\0';
    int at =
        snprintf(detail, sizeof(detail), "%s: %zu record sets", change_source_name(c->source), n);
    if (left_out > 0)
        snprintf(detail + at, sizeof(detail) - (size_t)at, "; %u more events of it are left out",
                 left_out);
    tell(t, EVENT_CHANGED, NULL, str_c(detail));
}

static void tell_zones(struct teller *t, const struct change *c)
{
    const struct diffs *d = &c->diffs;
    unsigned left_out = t->told > MOST ? t->told - MOST : 0;

    t->told = 0;
    /* They are in order of zone. */
    for (size_t i = 0, next; i < d->n; i = next) {
        for (next = i + 1; next < d->n && d->p[next].zone == d->p[i].zone;)
            next++;
        tell_zone(t, c, &d->p[i], next - i, left_out);
        left_out = 0;
    }
}

void tell_change(struct events *events, const struct dname *origins, const struct change *c)
{
    struct teller t = {
        .events = events,
        .origins = origins,
        .seq = c->receipt.seq,
        .source = str_c(change_source_name(c->source)),
        .zone = UINT32_MAX,
    };
    const bool each = c->diffs.n <= EACH_MOST;

    if (!events || c->diffs.n == 0)
        return;
    for (size_t i = 0; i < c->diffs.n; i++) {
        const struct diff *d = &c->diffs.p[i];
        name_diff(&t, d);
        registrations_compare(d->before, d->after, tell_registration, &t);
        tell_withdrawn(&t);
        if (each)
            tell_set(&t, c, d);
    }
    if (!each)
        tell_zones(&t, c);
}
