/* What is known of a name beside its records. */
#include "explain.h"

#include <stdio.h>
#include <stdlib.h>

static struct explain_touch *touch_of(struct explain *e, uint16_t type)
{
    const struct explain_touch *known = explain_touch_of(e, type);

    if (known)
        return &e->touches[known - e->touches];
    struct explain_touch *touches = reallocarray(e->touches, e->ntouches + 1, sizeof(*touches));
    if (!touches)
        return NULL;
    e->touches = touches;
    touches[e->ntouches] = (struct explain_touch){.type = type};
    return &touches[e->ntouches++];
}

static int note_touch(struct explain *e, uint16_t type, bool deleted,
                      const struct history_change *c)
{
    struct explain_touch *t = touch_of(e, type);
    char *actor = str_dup(c->actor);

    if (!t || !actor) {
        free(actor);
        return -ENOMEM;
    }
    free(t->actor);
    t->actor = actor;
    t->deleted = deleted;
    snprintf(t->source, sizeof(t->source), "%s", c->source);
    t->c = (struct history_change){.seq = c->seq, .time = c->time};
    t->c.actor = (struct str){actor, c->actor.n};
    return 0;
}

static bool has_registration(const struct rrset *set, uint64_t number)
{
    struct registration reg;

    for (size_t i = 0; set && i < rrset_nregs(set); i++) {
        rrset_reg(set, i, &reg);
        if (reg.number == number)
            return true;
    }
    return false;
}

static int note_registered(struct explain *e, const struct history_diff *d, uint64_t seq)
{
    struct registration reg;

    for (size_t i = 0; d->after && i < rrset_nregs(d->after); i++) {
        rrset_reg(d->after, i, &reg);
        if (has_registration(d->before, reg.number))
            continue;
        struct explain_registered *larger =
            reallocarray(e->registered, e->nregistered + 1, sizeof(*larger));
        if (!larger)
            return -ENOMEM;
        e->registered = larger;
        larger[e->nregistered++] = (struct explain_registered){reg.number, seq};
    }
    return 0;
}

static int see_change(void *arg, const struct history_change *c)
{
    int r = 0;

    for (size_t i = 0; i < c->ndiffs && r == 0; i++) {
        const struct history_diff *d = &c->diffs[i];
        r = note_touch(arg, rrset_type(d->after ? d->after : d->before), !d->after, c);
        if (r == 0)
            r = note_registered(arg, d, c->seq);
    }
    return r;
}

int explain_read(const struct api *api, unsigned zone, const struct dname *name,
                 struct explain *ret_explain)
{
    const struct history_filter filter = {.zone = zone, .name = name};
    struct explain e = {.ntouches = 0};

    int r = registry_history(api->registry, &filter, see_change, &e);
    if (r == 0 && peoples_file_places(&api->zones[zone], name, &e.lines) == -ENOMEM)
        r = -ENOMEM;
    for (size_t i = 0; i < e.ntouches; i++)
        e.touches[i].c.source = e.touches[i].source;
    if (r == 0)
        *ret_explain = e;
    else
        explain_free(&e);
    return r;
}

void explain_free(struct explain *e)
{
    for (size_t i = 0; i < e->ntouches; i++)
        free(e->touches[i].actor);
    free(e->touches);
    free(e->registered);
    peoples_places_free(&e->lines);
}

const struct explain_touch *explain_touch_of(const struct explain *e, uint16_t type)
{
    for (size_t i = 0; i < e->ntouches; i++)
        if (e->touches[i].type == type)
            return &e->touches[i];
    return NULL;
}

uint64_t explain_registered_in(const struct explain *e, uint64_t number)
{
    for (size_t i = e->nregistered; i-- > 0;)
        if (e->registered[i].number == number)
            return e->registered[i].seq;
    return 0;
}

const struct explain_touch *explain_last_touch(const struct explain *e)
{
    const struct explain_touch *last = NULL;

    for (size_t i = 0; i < e->ntouches; i++)
        if (!last || e->touches[i].c.seq > last->c.seq)
            last = &e->touches[i];
    return last;
}
