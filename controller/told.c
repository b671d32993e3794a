#include "told.h"

#include <stdio.h>

#include <betterdns/events.h>

static void tell(struct controller *c, const struct ctl_zone *z, enum event_kind kind,
                 const char *detail)
{
    const struct event event = {.kind = kind, .zone = str_c(z->name), .detail = str_c(detail)};

    events_add(c->events, &event);
}

void told_published(struct controller *c, struct ctl_zone *z, uint32_t serial, uint64_t took_ns)
{
    char detail[96];

    if (z->told_serial == serial) /* a new child shows what the last one did */
        return;
    z->told_serial = serial;
    if (took_ns > 0)
        snprintf(detail, sizeof(detail), "serial %u, %llu ms after its copy was written", serial,
                 (unsigned long long)(took_ns / NS_PER_MS));
    else
        snprintf(detail, sizeof(detail), "serial %u", serial);
    tell(c, z, EVENT_PUBLISHED, detail);
}

void told_escalated(struct controller *c, const struct ctl_zone *z, uint32_t serial,
                    const char *then)
{
    char detail[160];

    snprintf(detail, sizeof(detail), "serial %u is late: %s", serial, then);
    tell(c, z, EVENT_ESCALATED, detail);
}

void told_not_replaced(struct controller *c, const char *why)
{
    const struct event event = {.kind = EVENT_ESCALATED, .detail = str_c(why)};

    events_add(c->events, &event);
}

void told_config_rejected(struct controller *c, const char *why)
{
    const struct event event = {.kind = EVENT_REJECTED, .detail = str_c(why)};

    events_add(c->events, &event);
}

void told_rejected_why(struct controller *c, const struct ctl_zone *z, const char *file,
                       const char *why)
{
    struct controller_fault fault = {.line = 0};

    str_format(fault.file, sizeof(fault.file), "%s", file);
    str_format(fault.message, sizeof(fault.message), "%s", why);
    told_rejected(c, z, &fault);
}

void told_rejected(struct controller *c, const struct ctl_zone *z,
                   const struct controller_fault *fault)
{
    char detail[sizeof(fault->file) + sizeof(fault->message) + 32];

    if (fault->line > 0)
        snprintf(detail, sizeof(detail), "%s:%u:%u: %s", fault->file, fault->line, fault->column,
                 fault->message);
    else
        snprintf(detail, sizeof(detail), "%s: %s", fault->file, fault->message);
    tell(c, z, EVENT_REJECTED, detail);
}

/* The first says enough: /status has them all. */
void told_rejected_all(struct controller *c, const struct ctl_zone *z, const struct faults *faults)
{
    if (faults->n > 0)
        told_rejected(c, z, &faults->at[0]);
}
