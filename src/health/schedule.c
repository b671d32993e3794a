/* When each target is probed: a heap of those that wait for their time. One that is being probed
 * is not in it, so that no target is ever probed twice at once. */
#include <stdlib.h>

#include <betterdns/log.h>

#include "inner.h"

/* New targets a second that are probed at once; more of them are spread over their interval. */
#define BURST_MOST 100
/* Probes that are begun before descriptors get their turn. */
#define TURN_MOST 200
/* The interval is shortened by up to this part, so that what began together parts. */
#define JITTER 20

/* ---- the heap ---- */

static void put(struct engine_inner *in, size_t place, struct target *t)
{
    in->heap[place] = t;
    t->place = place;
}

static void up(struct engine_inner *in, size_t place, struct target *t)
{
    while (place > 0) {
        size_t parent = (place - 1) / 2;
        if (in->heap[parent]->due_ns <= t->due_ns)
            break;
        put(in, place, in->heap[parent]);
        place = parent;
    }
    put(in, place, t);
}

static void down(struct engine_inner *in, size_t place, struct target *t)
{
    for (;;) {
        size_t child = 2 * place + 1;
        if (child >= in->nheap)
            break;
        if (child + 1 < in->nheap && in->heap[child + 1]->due_ns < in->heap[child]->due_ns)
            child++;
        if (t->due_ns <= in->heap[child]->due_ns)
            break;
        put(in, place, in->heap[child]);
        place = child;
    }
    put(in, place, t);
}

static void take_out(struct engine_inner *in, struct target *t)
{
    size_t place = t->place;

    if (place == TARGET_NOT_DUE)
        return;
    t->place = TARGET_NOT_DUE;
    struct target *last = in->heap[--in->nheap];
    if (last == t)
        return;
    if (place > 0 && last->due_ns < in->heap[(place - 1) / 2]->due_ns)
        up(in, place, last);
    else
        down(in, place, last);
}

/* For all targets there are, also those in flight: they come back without a failure. */
int schedule_room(struct engine *e)
{
    struct engine_inner *in = e->in;
    size_t all = in->nwitnesses + 1;

    for (unsigned i = 0; i < CHECK_NSTATES; i++)
        all += e->nstate[i];
    if (all <= in->heap_cap)
        return 0;
    size_t cap = in->heap_cap ? 2 * in->heap_cap : 64;
    while (cap < all)
        cap *= 2;
    struct target **heap = reallocarray(in->heap, cap, sizeof(struct target *));
    if (!heap)
        return -ENOMEM;
    in->heap = heap;
    in->heap_cap = cap;
    return 0;
}

void schedule_at(struct engine *e, struct target *t, uint64_t mono_ns)
{
    struct engine_inner *in = e->in;

    take_out(in, t);
    t->due_ns = mono_ns;
    up(in, in->nheap++, t);
}

void schedule_remove(struct engine *e, struct target *t)
{
    take_out(e->in, t);
    if (!t->probe)
        return;
    e->ways->cancel(e, t);
    t->probe = NULL;
    e->in->in_flight--;
}

uint64_t schedule_next_ns(const struct engine *e)
{
    return e->in->nheap > 0 ? e->in->heap[0]->due_ns : NEVER;
}

/* xorshift64*: only to part what would come together. */
uint64_t engine_random(struct engine *e, uint64_t below)
{
    uint64_t x = e->in->random;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    e->in->random = x;
    return below > 0 ? (x * UINT64_C(0x2545f4914f6cdd1d) >> 11) % below : 0;
}

/* ---- when ---- */

static uint64_t interval_of(const struct engine *e, const struct target *t)
{
    return t->set ? t->check->spec.interval_ms * NS_PER_MS : witness_interval_ns(e);
}

/* Who speaks for itself is due when it was silent for too long, in running time: that may stand
 * still, so look again then. */
static void schedule_silence(struct engine *e, struct target *t)
{
    uint64_t due = verdict_due_ns(&t->verdict, &t->check->spec);
    uint64_t running = engine_running_ns(e);
    uint64_t left = due > running ? due - running : NS_PER_S;

    schedule_at(e, t, engine_mono_ns(e) + left);
}

void schedule_first(struct engine *e, struct target *t)
{
    struct engine_inner *in = e->in;
    uint64_t now = engine_mono_ns(e);

    if (t->check->spec.kind == CHECK_TTL) {
        schedule_silence(e, t);
        return;
    }
    if (now - in->burst_ns >= NS_PER_S) {
        in->burst_ns = now;
        in->burst = 0;
    }
    bool at_once = !in->starting && in->burst++ < BURST_MOST;
    schedule_at(e, t, at_once ? now : now + engine_random(e, interval_of(e, t)));
}

static void schedule_again(struct engine *e, struct target *t)
{
    uint64_t interval = interval_of(e, t);
    uint64_t now = engine_mono_ns(e);
    uint64_t due = t->begun_ns + interval - engine_random(e, interval / JITTER);

    schedule_at(e, t, due > now ? due : now);
}

/* ---- what is due ---- */

static void overdue(struct engine *e, struct target *t)
{
    target_silent(e, t);
    schedule_silence(e, t);
}

static void begin(struct engine *e, struct target *t, uint64_t now_ns)
{
    if (t->set && now_ns > t->due_ns && now_ns - t->due_ns > interval_of(e, t))
        e->in->late++;
    t->begun_ns = now_ns;
    int r = e->ways->probe(e, t);
    if (r == 0) {
        e->in->in_flight++;
        return;
    }
    /* That we cannot probe says nothing about the host. */
    log_warning("a check cannot be made now; it is tried again",
                LOG_STR("check", t->check->spec.url), LOG_ERR(r));
    schedule_again(e, t);
    if (t->due_ns < now_ns + NS_PER_S)
        schedule_at(e, t, now_ns + NS_PER_S);
}

void schedule_turn(struct engine *e, uint64_t now_ns)
{
    struct engine_inner *in = e->in;

    for (unsigned i = 0; i < TURN_MOST && schedule_next_ns(e) <= now_ns; i++) {
        struct target *t = in->heap[0];
        take_out(in, t);
        if (t->check->spec.kind == CHECK_TTL)
            overdue(e, t);
        else
            begin(e, t, now_ns);
    }
}

void engine_probed(struct engine *e, struct target *t, const struct probe_end *end)
{
    t->probe = NULL;
    e->in->in_flight--;
    if (t->set)
        target_result(e, t, end);
    else
        witness_probed(e, t, end);
    schedule_again(e, t);
}
