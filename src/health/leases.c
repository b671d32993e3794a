/* Leases: who has not renewed for half of it, and who not at all. Renewals only reach the
 * registry's book, so each lease is looked up there from time to time: when half of it would be
 * over, more often from then on, and each second once it is overdue. A wheel of seconds says when
 * each is looked up; what is due only after a turn of it is passed on, without a look. */
#include <stdlib.h>

#include <betterdns/lease.h>

#include "engine.h"
#include "times.h"

#define SECONDS 256
/* So many are looked up each second though it is not their turn: of a small fleet every renewal is
 * a sign of life at once. */
#define LISTEN 8
/* A late one is looked up so often in the second half of its lease. */
#define LATE_LOOKS 32

struct leases {
    struct reg *slots[SECONDS]; /* by the second of the next look */
    uint64_t second;            /* the last one that was looked at */
    uint64_t begun_ns;          /* what the book says of times before is of an earlier run */
    unsigned listen;            /* the slot to go on with */
};

int leases_new(struct engine *e)
{
    e->leases = calloc(1, sizeof(*e->leases));
    if (!e->leases)
        return -ENOMEM;
    e->leases->begun_ns = engine_running_ns(e);
    e->leases->second = e->leases->begun_ns / NS_PER_S;
    return 0;
}

void leases_free(struct engine *e)
{
    free(e->leases);
    e->leases = NULL;
}

/* ---- the wheel ---- */

static void take_out(struct reg *reg)
{
    if (!reg->lease_at)
        return;
    *reg->lease_at = reg->lease_next;
    if (reg->lease_next)
        reg->lease_next->lease_at = reg->lease_at;
    reg->lease_at = NULL;
}

static void put(struct leases *l, struct reg *reg, uint64_t due_ns)
{
    uint64_t second = due_ns / NS_PER_S + 1;

    if (second <= l->second)
        second = l->second + 1;
    struct reg **slot = &l->slots[second % SECONDS];
    take_out(reg);
    reg->lease_at = slot;
    reg->lease_next = *slot;
    if (*slot)
        (*slot)->lease_at = &reg->lease_next;
    *slot = reg;
}

/* ---- looking one up ---- */

static uint64_t length_ns(const struct reg *reg)
{
    return reg->lease_s * NS_PER_S;
}

static void listen_to(struct engine *e, struct reg *reg)
{
    uint64_t renewed = registry_renewed_ns(e->registry, reg->number);

    if (renewed <= reg->renewed_ns)
        return;
    reg->renewed_ns = renewed;
    if (renewed > e->leases->begun_ns)
        engine_heard(e, reg->local, renewed);
}

static uint64_t next_look_ns(const struct reg *reg, uint64_t now_ns)
{
    uint64_t half = length_ns(reg) / 2, soon = now_ns + half / LATE_LOOKS;
    uint64_t end = times_after(reg->renewed_ns, length_ns(reg));

    if (reg->late)
        return times_earlier(soon, end);
    return times_after(reg->renewed_ns, half);
}

/* True: something of it changed. */
static bool look(struct engine *e, struct reg *reg, uint64_t now_ns)
{
    listen_to(e, reg);
    /* The book does not know it: then it begins now. */
    if (reg->renewed_ns == 0)
        reg->renewed_ns = now_ns;
    uint64_t ago = times_since(reg->renewed_ns, now_ns);
    bool overdue = ago >= length_ns(reg), late = !overdue && ago > length_ns(reg) / 2;
    bool changed = overdue != reg->overdue || late != reg->late;

    reg->overdue = overdue;
    reg->late = late;
    put(e->leases, reg, next_look_ns(reg, now_ns));
    return changed;
}

/* ---- what is called from outside ---- */

void leases_reg_added(struct engine *e, struct reg *reg)
{
    if (reg->lease_s > 0)
        look(e, reg, engine_running_ns(e)); /* it is judged anyway */
}

void leases_reg_changed(struct engine *e, struct reg *reg)
{
    take_out(reg);
    reg->overdue = reg->late = false;
    leases_reg_added(e, reg);
}

void leases_reg_gone(struct engine *e, struct reg *reg)
{
    (void)e;
    take_out(reg);
    reg->overdue = reg->late = false;
}

/* It has not had half of its lease yet, whatever the book says. */
static bool has_time(const struct reg *reg, uint64_t now_ns)
{
    return !reg->late && !reg->overdue && next_look_ns(reg, now_ns) > now_ns;
}

static void look_at_slot(struct engine *e, struct reg **slot, uint64_t now_ns)
{
    struct reg *reg, *mine = *slot;

    /* Off the wheel first: one that is put into the same slot again has a whole turn to wait. */
    if (mine)
        mine->lease_at = &mine;
    *slot = NULL;
    while ((reg = mine)) {
        take_out(reg);
        if (has_time(reg, now_ns))
            put(e->leases, reg, next_look_ns(reg, now_ns));
        else if (look(e, reg, now_ns))
            engine_judge(e, reg->host);
    }
}

static void listen_to_some(struct engine *e, uint64_t now_ns)
{
    struct leases *l = e->leases;
    unsigned heard = 0;

    for (unsigned i = 0; i < SECONDS && heard < LISTEN; i++) {
        struct reg *next;
        l->listen = (l->listen + 1) % SECONDS;
        for (struct reg *reg = l->slots[l->listen]; reg && heard < LISTEN; reg = next, heard++) {
            next = reg->lease_next;
            if (look(e, reg, now_ns))
                engine_judge(e, reg->host);
        }
    }
}

void leases_second(struct engine *e, uint64_t running_ns)
{
    struct leases *l = e->leases;
    uint64_t now = running_ns / NS_PER_S;

    if (times_since(l->second, now) > SECONDS)
        l->second = now - SECONDS;
    while (l->second < now) {
        l->second++;
        look_at_slot(e, &l->slots[l->second % SECONDS], running_ns);
    }
    listen_to_some(e, running_ns);
}

uint64_t leases_expires_ns(struct engine *e, const struct reg *reg)
{
    uint64_t renewed = reg->lease_s > 0 ? registry_renewed_ns(e->registry, reg->number) : 0;

    return renewed > 0 ? times_after(renewed, length_ns(reg)) : 0;
}

uint64_t leases_ends_ns(const struct engine *e, const struct reg *reg)
{
    return reg->lease_s > 0 ? guard_lease_ends_ns(&e->guard, reg->renewed_ns, length_ns(reg))
                            : UINT64_MAX;
}
