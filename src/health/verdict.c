/* States of checks from their results. */
#include "verdict.h"

#include "numbers.h"
#include "times.h"

/* From then on rise is at its most, whatever it began with: 1 << 5. */
#define RELAPSES_MOST 5
_Static_assert(1 << RELAPSES_MOST == CHECK_RISE_MAX, "as many doublings as make the most of one");

void verdict_start(struct verdict *v, const struct check_spec *spec, uint64_t now_ns)
{
    *v = (struct verdict){.state = spec->initial, .since_ns = now_ns, .heard_ns = now_ns};
    if (spec->grace_ms > 0)
        v->grace_until_ns = times_after(now_ns, spec->grace_ms * NS_PER_MS);
}

static bool quiet(const struct verdict *v, uint64_t now_ns)
{
    return v->relapse_ns == 0 || times_since(v->relapse_ns, now_ns) > VERDICT_QUIET_NS;
}

unsigned verdict_rise(const struct verdict *v, const struct check_spec *spec, uint64_t now_ns)
{
    unsigned rise = spec->rise;

    if (quiet(v, now_ns))
        return rise;
    for (uint8_t i = 0; i < v->relapses && rise < CHECK_RISE_MAX; i++)
        rise *= 2;
    return rise < CHECK_RISE_MAX ? rise : CHECK_RISE_MAX;
}

static bool change(struct verdict *v, enum check_state to, uint64_t now_ns,
                   enum check_state *ret_from)
{
    if (v->state == CHECK_AVAILABLE && to == CHECK_UNAVAILABLE) {
        v->relapses = quiet(v, now_ns) ? 0 : (uint8_t)(v->relapses + (v->relapses < RELAPSES_MOST));
        /* 0 says that there was none. */
        v->relapse_ns = times_later(now_ns, 1);
    }
    *ret_from = v->state;
    v->state = to;
    v->since_ns = now_ns;
    v->row = 0;
    return true;
}

bool verdict_feed(struct verdict *v, const struct check_spec *spec, bool ok, uint64_t now_ns,
                  enum check_state *ret_from)
{
    bool against = ok != (v->state == CHECK_AVAILABLE);

    if (!v->failed)
        v->failing_ns = now_ns;
    v->proven = v->proven && !ok;
    v->failed = !ok;
    v->heard_ns = now_ns;
    if (ok || now_ns >= v->grace_until_ns)
        v->grace_until_ns = 0;
    else
        return false;
    /* UNKNOWN has two ways out: the first success ends it, failures are counted. */
    if (v->state == CHECK_UNKNOWN) {
        if (ok)
            return change(v, CHECK_AVAILABLE, now_ns, ret_from);
        against = true;
    }
    if (!against) {
        v->row = 0;
        return false;
    }
    v->row++;
    if (v->row < (ok ? verdict_rise(v, spec, now_ns) : spec->fall))
        return false;
    return change(v, ok ? CHECK_AVAILABLE : CHECK_UNAVAILABLE, now_ns, ret_from);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void verdict_asked(struct verdict *v, const struct check_spec *spec, uint64_t took_ns)
{
    uint64_t back = earlier(took_ns, spec->interval_ms * NS_PER_MS);

    back = earlier(back, spec->deregister_after_s * NS_PER_S / 2);
    v->since_ns -= earlier(back, v->since_ns);
}

uint64_t verdict_due_ns(const struct verdict *v, const struct check_spec *spec)
{
    return times_after(v->heard_ns, spec->ttl_ms * NS_PER_MS);
}

bool verdict_overdue(struct verdict *v, const struct check_spec *spec, uint64_t now_ns,
                     enum check_state *ret_from)
{
    return now_ns >= verdict_due_ns(v, spec) && verdict_feed(v, spec, false, now_ns, ret_from);
}

void verdict_prove(struct verdict *v, uint64_t heard_ns)
{
    if (v->failed && heard_ns >= v->failing_ns)
        v->proven = true;
}

/* A note: its version, the state, the relapses, three times. */
#define NOTE_VERSION 1
#define NOTE_N (3 + 3 * 8)
_Static_assert(NOTE_N <= VERDICT_NOTE_SIZE, "room for a note");

size_t verdict_write(const struct verdict *v, uint8_t out[VERDICT_NOTE_SIZE])
{
    const uint64_t times[] = {v->since_ns, v->grace_until_ns, v->relapse_ns};

    out[0] = NOTE_VERSION;
    out[1] = (uint8_t)v->state;
    out[2] = v->relapses;
    numbers_put(out + 3, times, ARRAY_SIZE(times));
    return NOTE_N;
}

int verdict_read(struct str note, uint64_t now_ns, struct verdict *ret_v)
{
    uint64_t times[3];

    if (note.n != NOTE_N)
        return -BD_ECORRUPT;
    const uint8_t *in = (const uint8_t *)note.p;
    if (in[0] != NOTE_VERSION || in[1] >= CHECK_NSTATES || in[2] > RELAPSES_MOST)
        return -BD_ECORRUPT;
    numbers_get(in + 3, times, ARRAY_SIZE(times));
    *ret_v = (struct verdict){
        .state = (enum check_state)in[1],
        .relapses = in[2],
        .since_ns = times[0],
        .grace_until_ns = times[1],
        .relapse_ns = times[2],
        .heard_ns = now_ns,
    };
    return 0;
}
