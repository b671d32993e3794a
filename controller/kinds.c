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

/* ---- names that are none ---- */

static const char *kind_name(unsigned i)
{
    return i < ARRAY_SIZE(kinds) ? kinds[i]->name : NULL;
}

static const char *way_name(unsigned i)
{
    struct controller_way way;

    return controller_way(i, &way) ? way.name : NULL;
}

static int refuse(const char *key, const char *what, const char *name,
                  const char *(*there)(unsigned i), struct problem *p)
{
    struct buf all = {0};

    for (unsigned i = 0; there(i); i++)
        buf_addf(&all, "%s%s", i > 0 ? ", " : "", there(i));
    problem_set(p, -BD_EINVALID, key, "'%.60s' is no %s; there is: %.*s", name, what,
                STR_ARG(buf_str(&all)));
    buf_free(&all);
    return -BD_EINVALID;
}

int no_server_kind(const char *name, struct problem *ret_problem)
{
    return refuse("kind", "server kind", name, kind_name, ret_problem);
}

int no_strategy(const char *name, struct problem *ret_problem)
{
    return refuse("strategy", "strategy", name, way_name, ret_problem);
}
