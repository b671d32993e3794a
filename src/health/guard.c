/* May anybody be removed? */
#include "guard.h"

#include "numbers.h"
#include "times.h"

static const char *const names[] = {
    [GUARD_GO] = "go",
    [GUARD_PANIC] = "panic",
    [GUARD_ISOLATED] = "isolated",
    [GUARD_BUDGET] = "budget",
};
_Static_assert(ARRAY_SIZE(names) == GUARD_NWORDS, "one name per word");

const char *guard_word_name(enum guard_word word)
{
    return names[word];
}

static unsigned fewer(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* interface.md, "Panic". */
static bool too_many(uint64_t down, uint64_t hosts)
{
    bool large = down > 2 && down * 100 > hosts * GUARD_PANIC_PERCENT;
    bool half = down * 2 > hosts;

    return down >= 2 && (large || half);
}

void guard_start(struct guard *g)
{
    *g = (struct guard){0};
}

static bool hour_is_over(const struct guard *g)
{
    return g->blocked_ns >= GUARD_HOUR_NS;
}

static bool has_evidence(const struct guard_facts *f)
{
    if (f->witnesses > 0)
        return (uint64_t)f->answering * 2 > f->witnesses;
    return f->heard_ns > 0 && times_since(f->heard_ns, f->now_ns) <= GUARD_MINUTE_NS;
}

/* The fewest hosts that were down, in two stretches of time: what rises above both is new. */
static void follow_low(struct guard *g, const struct guard_facts *f, bool evidence, uint64_t passed)
{
    /* While nobody is heard, what goes down is one event, however long it takes. */
    if (!evidence)
        g->low_from_ns = times_after(g->low_from_ns, passed);
    if (times_since(g->low_from_ns, f->now_ns) >= GUARD_LOW_NS) {
        g->low_before = g->low;
        g->low = f->down;
        g->low_from_ns = f->now_ns;
    }
    g->low = fewer(g->low, f->down);
}

static void set_low(struct guard *g, const struct guard_facts *f)
{
    g->low = g->low_before = f->down;
    g->low_from_ns = f->now_ns;
}

/* A panic with an hour of its own: the first one, one after an hour of quiet, and one on top of
 * another. */
static bool is_new_panic(const struct guard *g, const struct guard_facts *f)
{
    unsigned low = fewer(g->low, g->low_before);

    if (!g->panic && times_since(g->ended_ns, f->now_ns) >= GUARD_HOUR_NS)
        return true;
    return too_many(f->down - low, f->hosts - low);
}

static void end_panic(struct guard *g, uint64_t now_ns)
{
    g->ended_ns = now_ns;
    if (hour_is_over(g) && g->anew)
        return;
    g->anew = hour_is_over(g);
    g->clocks_ns = now_ns;
}

bool guard_look(struct guard *g, const struct guard_facts *f)
{
    uint64_t passed = g->looked ? times_since(g->facts.now_ns, f->now_ns) : 0;
    bool evidence = has_evidence(f), panic = too_many(f->down, f->hosts);
    bool isolated = f->witnesses > 0 && !evidence, changed = panic != g->panic;

    follow_low(g, f, evidence, passed);
    /* Time counts for the hour where both of its ends have evidence, and no look stands for more
     * than a minute. */
    if (g->panic && panic && g->evidence && evidence)
        g->blocked_ns += passed < GUARD_MINUTE_NS ? passed : GUARD_MINUTE_NS;
    if (panic && is_new_panic(g, f)) {
        g->blocked_ns = 0;
        g->anew = false;
        set_low(g, f);
    }
    if (g->panic && !panic)
        end_panic(g, f->now_ns);
    /* Who could not reach us needs time for it. */
    if (g->isolated && !isolated)
        g->clocks_ns = f->now_ns;
    /* Of what happened before we know nothing. */
    if (!g->looked && !g->noted)
        g->clocks_ns = f->now_ns;
    g->panic = panic;
    g->isolated = isolated;
    g->evidence = evidence;
    g->facts = *f;
    g->looked = true;
    return changed;
}

bool guard_panic(const struct guard *g)
{
    return g->panic;
}

bool guard_isolated(const struct guard *g)
{
    return g->isolated;
}

uint64_t guard_clocks_ns(const struct guard *g)
{
    return g->clocks_ns;
}

bool guard_is_unproven(const struct guard *g, const struct verdict *v)
{
    return v->state == CHECK_UNAVAILABLE && v->failed && !v->proven && g->facts.hosts > 1 &&
           g->facts.down > 1;
}

uint64_t guard_check_ends_ns(const struct guard *g, const struct verdict *v,
                             const struct check_spec *spec)
{
    uint64_t wait = spec->deregister_after_s * NS_PER_S;
    uint64_t from = times_later(times_later(v->since_ns, v->grace_until_ns), g->clocks_ns);

    if (v->state != CHECK_UNAVAILABLE || spec->deregister_after_s == CHECK_NEVER)
        return UINT64_MAX;
    /* One that answered just now is on its way back; what an earlier run saw may be over. */
    if (!v->failed || guard_is_unproven(g, v))
        return UINT64_MAX;
    if (v->proven || g->facts.hosts < 2)
        return times_after(from, wait);
    /* Nobody else was heard since it fails. Where there is no other to be heard soon, waiting has
     * an end. */
    return times_after(from, 2 * wait);
}

uint64_t guard_lease_ends_ns(const struct guard *g, uint64_t renewed_ns, uint64_t lease_ns)
{
    const struct guard_facts *f = &g->facts;
    uint64_t end = times_after(times_later(renewed_ns, g->clocks_ns), lease_ns),
             half = lease_ns / 2;

    if (f->hosts < 2)
        return end;
    if (times_after(f->heard_ns, half) < end)
        return times_after(end, f->available > 0 ? times_later(half, GUARD_MINUTE_NS) : half);
    return too_many((uint64_t)f->down + f->late, f->hosts) ? times_after(end, half) : end;
}

static bool is_fresh(const struct guard *g, uint64_t now_ns)
{
    return g->looked && times_since(g->facts.now_ns, now_ns) <= GUARD_MINUTE_NS;
}

static bool within_budget(const struct guard *g, uint64_t now_ns, unsigned hosts)
{
    uint64_t most = (uint64_t)hosts * GUARD_BUDGET_PERCENT / 100, hour = 0;
    bool minute = false;

    for (unsigned i = 0; i < g->nremoved; i++) {
        uint64_t ago = times_since(g->removed_ns[i], now_ns);
        hour += ago <= GUARD_HOUR_NS;
        minute |= ago <= GUARD_MINUTE_NS;
    }
    return !minute && hour < (most > 1 ? most : 1);
}

/* What stands against any removal; GUARD_BUDGET: nothing, within the budget. */
static enum guard_word what_stands(const struct guard *g, uint64_t now_ns)
{
    if (!is_fresh(g, now_ns) || g->isolated)
        return GUARD_ISOLATED;
    if (!g->panic)
        return GUARD_GO;
    return hour_is_over(g) && g->evidence ? GUARD_BUDGET : GUARD_PANIC;
}

enum guard_word guard_may_terminate(const struct guard *g, uint64_t now_ns, unsigned hosts)
{
    enum guard_word word = what_stands(g, now_ns);

    if (word == GUARD_PANIC || word == GUARD_ISOLATED)
        return word;
    if (g->facts.down > 1 && !g->evidence)
        return GUARD_ISOLATED;
    return within_budget(g, now_ns, hosts) ? GUARD_GO : GUARD_BUDGET;
}

enum guard_word guard_may_expire(const struct guard *g, uint64_t now_ns, unsigned hosts)
{
    enum guard_word word = what_stands(g, now_ns);

    return word == GUARD_BUDGET && within_budget(g, now_ns, hosts) ? GUARD_GO : word;
}

static void remember(struct guard *g, uint64_t started_ns)
{
    unsigned at = 0;

    /* The note and the table both know it; so do several registrations of one host. */
    for (unsigned i = 0; i < g->nremoved; i++) {
        if (g->removed_ns[i] == started_ns)
            return;
    }
    if (g->nremoved < GUARD_REMOVALS) {
        g->removed_ns[g->nremoved++] = started_ns;
        return;
    }
    for (unsigned i = 1; i < g->nremoved; i++)
        at = g->removed_ns[i] < g->removed_ns[at] ? i : at;
    g->removed_ns[at] = times_later(g->removed_ns[at], started_ns);
}

/* It will be missing among those that are down: the next one there is another. */
static void lower_low(struct guard *g)
{
    g->low -= g->low > 0;
    g->low_before -= g->low_before > 0;
}

void guard_terminated(struct guard *g, uint64_t started_ns)
{
    remember(g, started_ns);
    if (g->looked)
        lower_low(g);
}

void guard_expired(struct guard *g, uint64_t now_ns)
{
    if (g->panic)
        remember(g, now_ns);
    lower_low(g);
}

/* A note: its version, flags, and numbers. */
#define NOTE_VERSION 1
enum { FLAG_PANIC = 1, FLAG_ISOLATED = 2, FLAG_ANEW = 4, FLAGS = 7 };
#define NOTE_NUMBERS 6
#define NOTE_HEAD (2 + 8 * NOTE_NUMBERS)
_Static_assert(NOTE_HEAD + 8 * GUARD_REMOVALS <= GUARD_NOTE_SIZE, "room for a note");

size_t guard_write(const struct guard *g, uint8_t out[GUARD_NOTE_SIZE])
{
    const uint64_t numbers[NOTE_NUMBERS] = {g->blocked_ns, g->ended_ns,   g->clocks_ns,
                                            g->low,        g->low_before, g->low_from_ns};

    out[0] = NOTE_VERSION;
    out[1] = (uint8_t)((g->panic ? FLAG_PANIC : 0) | (g->isolated ? FLAG_ISOLATED : 0) |
                       (g->anew ? FLAG_ANEW : 0));
    numbers_put(out + 2, numbers, NOTE_NUMBERS);
    numbers_put(out + NOTE_HEAD, g->removed_ns, g->nremoved);
    return NOTE_HEAD + 8 * (size_t)g->nremoved;
}

int guard_read(struct guard *g, struct str note)
{
    uint64_t numbers[NOTE_NUMBERS];
    const uint8_t *in = (const uint8_t *)note.p;

    if (note.n < NOTE_HEAD || note.n > NOTE_HEAD + 8 * GUARD_REMOVALS ||
        (note.n - NOTE_HEAD) % 8 != 0 || in[0] != NOTE_VERSION || in[1] > FLAGS)
        return -BD_ECORRUPT;
    numbers_get(in + 2, numbers, NOTE_NUMBERS);
    if (numbers[3] > UINT32_MAX || numbers[4] > UINT32_MAX)
        return -BD_ECORRUPT;
    g->noted = true;
    g->panic = in[1] & FLAG_PANIC;
    g->isolated = in[1] & FLAG_ISOLATED;
    g->anew = in[1] & FLAG_ANEW;
    g->blocked_ns = numbers[0];
    g->ended_ns = numbers[1];
    g->clocks_ns = numbers[2];
    g->low = (unsigned)numbers[3];
    g->low_before = (unsigned)numbers[4];
    g->low_from_ns = numbers[5];
    g->nremoved = (unsigned)((note.n - NOTE_HEAD) / 8);
    numbers_get(in + NOTE_HEAD, g->removed_ns, g->nremoved);
    return 0;
}
