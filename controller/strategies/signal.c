/* The strategy "signal": the server does not look at its files; after each new copy a signal makes
 * it read all of them again. Quicker than "file" for small zones, at a price: CoreDNS closes its
 * TCP connections each time (coredns-facts.md). */
#include "conf.h"
#include "kinds.h"

static unsigned signal_poll_ms(const struct poll_facts *facts)
{
    (void)facts;
    return 0;
}

/* One signal serves all zones: those whose copies were there before it was sent are shown by it
 * too, and are not asked for again. */
static int signal_publish(const struct target *target, const struct publication *publication)
{
    (void)publication;
    return conf_reload(target->conf, target->child);
}

const struct strategy strategy_signal = {
    .name = "signal",
    .help = "it is told, and closes TCP connections",
    .stronger = &strategy_restart,
    .reads_all = true,
    .poll_ms = signal_poll_ms,
    .publish = signal_publish,
};
