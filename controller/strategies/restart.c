/* The strategy "restart": a new server beside the old one on the same port, which reads everything
 * at its start; once it shows the newest copies the old one ends. It needs nothing of the server
 * but that it starts. TCP connections to the old one close, and a query that waits in its socket at
 * that moment is lost (coredns-facts.md). */
#include "conf.h"
#include "kinds.h"
#include "supervisor.h"

#include <errno.h>

static unsigned restart_poll_ms(const struct poll_facts *facts)
{
    (void)facts;
    return 0;
}

/* A successor that is loading already may have read an older copy, or come to nothing: it is asked
 * for again until a server shows the newest. One that was adopted and is not ready is no server to
 * be replaced, and two without private addresses could not be told apart: there the signal does. */
static int restart_publish(const struct target *target, const struct publication *publication)
{
    (void)publication;
    int r = supervisor_replace(target->supervisor);
    if (r == -ENOTCONN || r == -EADDRNOTAVAIL)
        return conf_reload(target->conf, target->child);
    return r == 0 ? -EAGAIN : r;
}

const struct strategy strategy_restart = {
    .name = "restart",
    .help = "a new one beside it",
    .reads_all = true,
    .poll_ms = restart_poll_ms,
    .publish = restart_publish,
};
