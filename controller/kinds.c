/* The tables of server kinds and strategies, and what others see of them. */
#include "kinds.h"

#include <betterdns/controller.h>

#include "choice.h"

#define KIND(word) &server_##word,
#define STRATEGY(word) &strategy_##word,

static const struct server_kind *const kinds[] = {SERVER_KINDS(KIND)};
static const struct strategy *const strategies[] = {STRATEGIES(STRATEGY)};

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

/* What of a kind concerns others. */
static struct controller_kind shown(const struct server_kind *k)
{
    return (struct controller_kind){.name = k->name,
                                    .program = k->binary,
                                    .package = k->package,
                                    .releases = k->releases,
                                    .by_commands = k->by_commands,
                                    .takes_corefile = k->takes_corefile};
}

bool controller_kind(unsigned i, struct controller_kind *ret_kind)
{
    if (i >= ARRAY_SIZE(kinds))
        return false;
    *ret_kind = shown(kinds[i]);
    return true;
}

bool controller_kind_named(const char *name, struct controller_kind *ret_kind)
{
    const struct server_kind *k = server_kind_by_name(name);

    if (k)
        *ret_kind = shown(k);
    return k != NULL;
}

bool controller_way(unsigned i, struct controller_way *ret_way)
{
    if (i > ARRAY_SIZE(strategies))
        return false;
    *ret_way = i == 0 ? (struct controller_way){CHOICE_AUTO, CHOICE_AUTO_HELP}
                      : (struct controller_way){strategies[i - 1]->name, strategies[i - 1]->help};
    return true;
}
