/* What an earlier run has left: terminations that it began and whose end nobody knows, and those
 * that were done but for the last step. Their terminators do not run a second time by themselves.
 */
#include <stdlib.h>

#include <betterdns/log.h>

#include "removal.h"
#include "times.h"

#define UNKNOWN "unknown: betterdns ended meanwhile"
#define CAME_BACK "failed: the host came back"

struct results {
    struct job job;
    const char *result;
    size_t n;
    uint64_t numbers[];
};

static void results_run(struct job *job, struct registry *r)
{
    const struct results *w = (struct results *)job;

    for (size_t i = 0; i < w->n; i++) {
        int error =
            registry_terminated(r, w->numbers[i], str_c(w->result), clock_deadline(JOB_SUBMIT_NS));
        if (error < 0)
            log_warning("what became of a termination cannot be written",
                        LOG_UINT("registration", w->numbers[i]), LOG_ERR(error));
    }
}

static void results_done(struct job *job, struct engine *e)
{
    (void)e;
    free(job);
}

static int write_results(struct engine *e, const uint64_t *numbers, size_t n, const char *result)
{
    struct results *w = n > 0 ? calloc(1, sizeof(*w) + n * sizeof(w->numbers[0])) : NULL;

    if (!w)
        return n > 0 ? -ENOMEM : 0;
    *w = (struct results){
        .job = {.run = results_run, .done = results_done}, .result = result, .n = n};
    memcpy(w->numbers, numbers, n * sizeof(*numbers));
    engine_job(e, &w->job);
    return 0;
}

/* ---- at start ---- */

struct loading {
    struct engine *engine;
    uint64_t now_ns;
    uint64_t *unknown;
    size_t n, cap;
    size_t leftovers_cap;
};

static int grow(void **list, size_t *cap, size_t n, size_t size)
{
    size_t more = *cap ? 2 * *cap : 16;
    void *p = n < *cap ? *list : reallocarray(*list, more, size);

    if (!p)
        return -ENOMEM;
    *cap = n < *cap ? *cap : more;
    *list = p;
    return 0;
}

static int add_unknown(struct loading *l, uint64_t number)
{
    void *list = l->unknown;
    int r = grow(&list, &l->cap, l->n, sizeof(*l->unknown));

    l->unknown = list;
    if (r == 0)
        l->unknown[l->n++] = number;
    return r;
}

static int add_leftover(struct loading *l, uint64_t number, bool done)
{
    struct removals *rs = l->engine->removals;
    void *list = rs->leftovers;
    int r = grow(&list, &l->leftovers_cap, rs->nleftovers, sizeof(*rs->leftovers));

    rs->leftovers = list;
    if (r == 0)
        rs->leftovers[rs->nleftovers++] = (struct leftover){number, done};
    return r;
}

/* Where nothing is ever run, nothing can have been half done. */
static int take_row(void *arg, const struct registry_termination *t)
{
    struct loading *l = arg;
    struct engine *e = l->engine;
    const struct reg *reg = engine_reg(e, t->number);
    bool failed = t->result.p && str_starts(t->result, STR("failed"));
    bool unknown = !t->result.p || str_starts(t->result, STR("unknown"));
    bool acts = terminator_acts(e->removals->terminator);
    int r = 0;

    if (times_since(t->started_ns, l->now_ns) <= GUARD_HOUR_NS)
        guard_terminated(&e->guard, t->started_ns);
    if (!t->result.p)
        r = add_unknown(l, t->number);
    if (r < 0 || !reg || failed)
        return r;
    if (!t->result.p && acts)
        told_leftover(e, reg);
    return add_leftover(l, t->number, !unknown || !acts);
}

int leftover_load(struct engine *e)
{
    struct loading l = {.engine = e, .now_ns = engine_running_ns(e)};
    int r = registry_terminations(e->registry, 0, take_row, &l);

    if (r == 0)
        r = write_results(e, l.unknown, l.n, UNKNOWN);
    free(l.unknown);
    return r;
}

/* ---- later ---- */

static struct leftover *find(const struct engine *e, const struct host *host)
{
    const struct removals *rs = e->removals;

    if (rs->nleftovers == 0)
        return NULL;
    for (const struct reg *reg = host->regs; reg; reg = reg->next_of_host)
        for (size_t i = 0; i < rs->nleftovers; i++)
            if (rs->leftovers[i].number == reg->number)
                return &rs->leftovers[i];
    return NULL;
}

const struct leftover *leftover_of(const struct engine *e, const struct host *host)
{
    return find(e, host);
}

void leftover_forget(struct engine *e, const struct host *host)
{
    struct removals *rs = e->removals;
    struct leftover *left;

    while ((left = find(e, host))) {
        uint64_t number = left->number;
        *left = rs->leftovers[--rs->nleftovers];
        write_results(e, &number, 1, CAME_BACK);
    }
}
