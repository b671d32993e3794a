/* The tables of server kinds and strategies. */
#include "kinds.h"

static const struct server_kind *const kinds[] = {&server_coredns, &server_bind, &server_nsd,
                                                  &server_knot, &server_exec};
static const struct strategy *const strategies[] = {&strategy_file, &strategy_signal,
                                                    &strategy_restart};

const struct server_kind *server_kind_by_name(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    return NULL;
}

const struct strategy *strategy_by_name(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(strategies); i++)
        if (strcmp(strategies[i]->name, name) == 0)
            return strategies[i];
    return NULL;
}

const char *server_kind_names(void)
{
    return "coredns, bind, nsd, knot, exec";
}

const char *strategy_names(void)
{
    return "file, signal, restart";
}
