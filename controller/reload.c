/* The rule of telling a server to read, and of believing it. */
#include "reload.h"

#include "publish_table.h"

void reload_begin(struct reload *r, enum proof proof, unsigned revision)
{
    *r = (struct reload){.proof = proof, .seen = revision, .settled = revision};
}

bool reload_outstanding(const struct reload *r)
{
    return r->expected != 0;
}

bool reload_may_send(const struct reload *r)
{
    return r->expected == 0 && r->seen != 0;
}

void reload_sent(struct reload *r, unsigned revision, uint64_t now, uint64_t patience_ns)
{
    if (r->proof != PROOF_REVISION) { /* what it does with that is not to be seen */
        r->seen = revision;
        return;
    }
    r->expected = revision;
    r->sent_ns = now;
    r->deadline_ns = now + patience_ns;
    r->extended = false;
}

static void note_seen(struct reload *r, unsigned revision, uint64_t now)
{
    if (revision <= r->seen) /* a late answer shows an earlier one */
        return;
    r->seen = revision;
    r->seen_ns = now;
}

enum reload_trust reload_heard(struct reload *r, unsigned revision, uint64_t now)
{
    note_seen(r, r->proof == PROOF_REVISION ? revision : 1, now);
    if (r->proof == PROOF_NONE)
        return RELOAD_TRUST;
    if (r->proof == PROOF_PROCESSES) /* it may be reading at any time */
        return RELOAD_LOOK;
    if (revision > r->settled) /* also one that had been given up */
        return RELOAD_LOOK;
    return r->expected == 0 && revision == r->settled ? RELOAD_TRUST : RELOAD_DOUBT;
}

enum reload_trust reload_alone(struct reload *r, unsigned revision)
{
    if (r->proof != PROOF_REVISION)
        return RELOAD_TRUST;
    r->settled = revision;
    if (revision >= r->expected)
        r->expected = 0;
    return r->expected == 0 ? RELOAD_TRUST : RELOAD_DOUBT;
}

enum reload_late reload_check(struct reload *r, uint64_t now, bool busy)
{
    if (r->expected == 0 || now < r->deadline_ns)
        return RELOAD_IN_TIME;
    if (busy && !r->extended) {
        r->extended = true;
        r->deadline_ns = r->sent_ns + publish_patience_ns(now - r->sent_ns);
        return RELOAD_EXTENDED;
    }
    r->expected = 0;
    return RELOAD_GIVEN_UP;
}
