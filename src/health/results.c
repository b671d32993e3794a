/* What a result makes of a target: its state, its history, who is told. */
#include <stdlib.h>

#include "inner.h"

/* Of each transition's output that much is kept; the last output is kept whole. */
#define OUTPUT_BRIEF 250
#define TRANSITIONS_FIRST 4

/* Not within a character of UTF-8. */
static uint32_t cut(struct str output, size_t most)
{
    size_t n = most;

    if (output.n <= most)
        return (uint32_t)output.n;
    while (n + 3 > most && (output.p[n] & 0xc0) == 0x80)
        n--;
    return (uint32_t)n;
}

/* Without memory the one before stays. */
static void keep_output(struct target *t, struct str output)
{
    uint32_t n = cut(output, HEALTH_OUTPUT_MAX);

    if (n > t->output_cap || n < t->output_cap / 4) {
        char *p = realloc(t->output, n + 1U);
        if (!p)
            return;
        t->output = p;
        t->output_cap = n;
    }
    if (n > 0)
        memcpy(t->output, output.p, n);
    t->noutput = n;
}

/* A ring that is full once it has HEALTH_TRANSITIONS_MAX; until then first is 0. */
static struct transition *next_transition(struct target *t)
{
    struct transitions *all = t->transitions;

    if (all && all->n == HEALTH_TRANSITIONS_MAX) {
        struct transition *oldest = &all->ring[all->first];
        all->first = (all->first + 1) % HEALTH_TRANSITIONS_MAX;
        free(oldest->output);
        return oldest;
    }
    if (!all || all->n == all->cap) {
        unsigned cap = all ? 2 * all->cap : TRANSITIONS_FIRST;
        if (cap > HEALTH_TRANSITIONS_MAX)
            cap = HEALTH_TRANSITIONS_MAX;
        struct transitions *more = realloc(all, sizeof(*all) + cap * sizeof(all->ring[0]));
        if (!more)
            return NULL;
        if (!all)
            *more = (struct transitions){0};
        more->cap = cap;
        t->transitions = all = more;
    }
    return &all->ring[all->n++];
}

static void keep_transition(struct target *t, enum check_state from, struct str output)
{
    struct transition *one = next_transition(t);

    if (!one)
        return;
    *one = (struct transition){
        .time = t->since,
        .from = (uint8_t)from,
        .to = (uint8_t)t->verdict.state,
        .output = str_dup((struct str){output.p, cut(output, OUTPUT_BRIEF)}),
    };
}

static void changed(struct engine *e, struct target *t, enum check_state from, struct str output)
{
    target_count(e, &(struct target){.verdict.state = from, .local = t->local}, -1);
    target_count(e, t, 1);
    t->since = clock_real_s();
    t->down_ns = engine_running_ns(e);
    keep_transition(t, from, output);
    notes_touch(e, t);
    told_transition(e, t, from, output);
    engine_dirty(e, t->set);
    if (t->reg)
        engine_judge(e, t->reg->host);
    if (t->verdict.state == CHECK_AVAILABLE)
        removal_target_alive(e, t);
}

static void took(struct engine *e, struct target *t, const struct probe_end *end)
{
    uint64_t now = engine_running_ns(e);

    t->ok = end->ok;
    t->latency_ns = end->latency_ns;
    t->heard = clock_real_s();
    keep_output(t, end->output);
    if (end->ok) {
        t->alive_ns = now > 0 ? now : 1;
        engine_heard(e, t->local, now);
        e->in->passed++;
    } else {
        verdict_prove(&t->verdict, e->heard_ns);
        e->in->failed++;
    }
}

/* A configuration that does not let us ask is no failure of the host: what is known of it stays. */
static void not_asked(struct target *t, const struct probe_end *end)
{
    t->ok = false;
    t->latency_ns = 0;
    t->heard = clock_real_s();
    keep_output(t, end->output);
}

void target_result(struct engine *e, struct target *t, const struct probe_end *end)
{
    enum check_state from;

    if (end->unasked) {
        not_asked(t, end);
        return;
    }
    bool change = verdict_feed(&t->verdict, &t->check->spec, end->ok, engine_running_ns(e), &from);

    took(e, t, end);
    if (change && !end->ok)
        verdict_asked(&t->verdict, &t->check->spec, end->latency_ns);
    if (change)
        changed(e, t, from, end->output);
}

void target_anew(struct engine *e, struct target *t)
{
    enum check_state from = t->verdict.state;

    verdict_start(&t->verdict, &t->check->spec, engine_running_ns(e));
    t->down_ns = engine_running_ns(e);
    if (t->verdict.state != from)
        changed(e, t, from, STR("the host has registered again"));
}

void target_silent(struct engine *e, struct target *t)
{
    const struct probe_end end = {.output = STR("no report in time")};
    const struct check_spec *spec = &t->check->spec;
    uint64_t now = engine_running_ns(e);
    enum check_state from;

    if (now < verdict_due_ns(&t->verdict, spec))
        return;
    bool change = verdict_overdue(&t->verdict, spec, now, &from);
    took(e, t, &end);
    if (change)
        changed(e, t, from, end.output);
}
