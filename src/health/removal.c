/* The end of hosts that stay down. This version ends none. */
#include "engine.h"

int removal_new(struct engine *e, struct problem *ret_problem)
{
    (void)e;
    (void)ret_problem;
    return 0;
}

void removal_free(struct engine *e)
{
    (void)e;
}

int removal_start(struct engine *e)
{
    (void)e;
    return 0;
}

void removal_stop(struct engine *e)
{
    (void)e;
}

void removal_host_changed(struct engine *e, struct host *host)
{
    (void)e;
    (void)host;
}

void removal_host_gone(struct engine *e, struct host *host)
{
    (void)e;
    (void)host;
}

void removal_second(struct engine *e, uint64_t running_ns)
{
    (void)e;
    (void)running_ns;
}

bool removal_terminating(const struct host *host)
{
    (void)host;
    return false;
}
