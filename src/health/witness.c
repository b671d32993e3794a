/* Witnesses: what must answer, else we are the ones who are cut off. They are targets of no record,
 * probed like the others. */
#include <stdlib.h>

#include <betterdns/log.h>

#include "inner.h"

#define QUIET_NS (10 * NS_PER_S)
/* While somebody is down it matters whether it is us. */
#define DOWN_NS (2 * NS_PER_S)
/* One lost packet is no lost network. */
#define FAILURES 2

int witness_new(struct engine *e)
{
    struct engine_inner *in = e->in;

    in->witnesses = calloc(e->options.nwitnesses + 1UL, sizeof(*in->witnesses));
    if (!in->witnesses)
        return -ENOMEM;
    for (unsigned i = 0; i < e->options.nwitnesses; i++) {
        const struct health_witness *from = &e->options.witnesses[i];
        struct witness *w = &in->witnesses[i];
        *w = (struct witness){.refused_is_ok = from->refused_is_ok};
        w->target.place = TARGET_NOT_DUE;
        w->target.naddress = from->naddress;
        memcpy(w->target.address, from->address, sizeof(from->address));
        int r = check_text_get(e, from->check, ASKED_AS_WITNESS, &w->target.check);
        if (r < 0)
            return r;
        in->nwitnesses++;
    }
    return schedule_room(e);
}

void witness_free(struct engine *e)
{
    struct engine_inner *in = e->in;

    for (unsigned i = 0; i < in->nwitnesses; i++) {
        schedule_remove(e, &in->witnesses[i].target);
        check_text_put(e, in->witnesses[i].target.check);
    }
    free(in->witnesses);
    in->witnesses = NULL;
    in->nwitnesses = 0;
}

/* All at once: until each was heard, nobody may be removed. */
void witness_start(struct engine *e)
{
    for (unsigned i = 0; i < e->in->nwitnesses; i++)
        schedule_at(e, &e->in->witnesses[i].target, engine_mono_ns(e));
}

uint64_t witness_interval_ns(const struct engine *e)
{
    return e->ndown > 0 ? DOWN_NS : QUIET_NS;
}

static bool answers(const struct witness *w)
{
    return w->target.heard && w->failures < FAILURES;
}

static void say(const struct witness *w, struct str output)
{
    if (answers(w))
        log_info("a witness answers", LOG_STR("check", w->target.check->spec.url));
    else
        log_warning(
            "a witness does not answer: unless more than half of them do, nobody is removed",
            LOG_STR("check", w->target.check->spec.url), LOG_STR("output", output));
}

void witness_probed(struct engine *e, struct target *t, const struct probe_end *end)
{
    struct witness *w = (struct witness *)t;
    bool first = !t->heard, before = answers(w);

    t->ok = end->ok || (end->refused && w->refused_is_ok);
    t->heard = clock_real_s();
    /* One that fails at first is not known to answer. */
    if (t->ok) {
        w->failures = 0;
        engine_heard(e, local_has(e, target_rdata(t)), engine_running_ns(e));
    } else {
        w->failures = first ? FAILURES : w->failures + (w->failures < FAILURES);
    }
    if (first || answers(w) != before)
        say(w, end->output);
}

unsigned witness_answering(const struct engine *e)
{
    unsigned n = 0;

    for (unsigned i = 0; i < e->in->nwitnesses; i++)
        n += answers(&e->in->witnesses[i]);
    return n;
}

bool witness_all_heard(const struct engine *e)
{
    for (unsigned i = 0; i < e->in->nwitnesses; i++)
        if (!e->in->witnesses[i].target.heard)
            return false;
    return true;
}

/* What was planned while all was quiet comes too late once somebody is down. */
void witness_hurry(struct engine *e)
{
    uint64_t now = engine_mono_ns(e);

    for (unsigned i = 0; i < e->in->nwitnesses; i++) {
        struct target *t = &e->in->witnesses[i].target;
        if (t->place != TARGET_NOT_DUE && t->due_ns > now + DOWN_NS)
            schedule_at(e, t, now);
    }
}
