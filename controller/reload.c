/* The rule of the one signal. */
#include "reload.h"

#include "publish_table.h"

void reload_begin(struct reload *r, unsigned revision)
{
    *r = (struct reload){.settled = revision};
}

bool reload_outstanding(const struct reload *r)
{
    return r->expected != 0;
}

void reload_sent(struct reload *r, unsigned revision, uint64_t now, uint64_t patience_ns)
{
    r->expected = revision;
    r->sent_ns = now;
    r->deadline_ns = now + patience_ns;
    r->extended = false;
}

enum reload_trust reload_heard(const struct reload *r, unsigned revision)
{
    if (revision > r->settled) /* also one that had been given up */
        return RELOAD_LOOK;
    return r->expected == 0 && revision == r->settled ? RELOAD_TRUST : RELOAD_DOUBT;
}

void reload_alone(struct reload *r, unsigned revision)
{
    r->settled = revision;
    if (revision >= r->expected)
        r->expected = 0;
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
