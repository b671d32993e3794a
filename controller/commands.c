/* The operator's commands for a server that is driven by them. */
#include <stdlib.h>

#include <betterdns/process.h>

#include "internal.h"

/* Its words, NULL-terminated, in one piece: to be freed. None: NULL. */
static int copy_command(const struct controller_command *from, const char *const **ret_argv)
{
    size_t size = 0;

    if (from->n == 0)
        return 0;
    if (from->n >= SERVER_ARGS_MAX)
        return -E2BIG;
    for (unsigned i = 0; i < from->n; i++)
        size += from->words[i].n + 1;
    const char **argv = malloc((from->n + 1) * sizeof(*argv) + size);
    if (!argv)
        return -ENOMEM;
    char *at = (char *)(argv + from->n + 1);
    for (unsigned i = 0; i < from->n; i++) {
        argv[i] = at;
        memcpy(at, from->words[i].p, from->words[i].n);
        at[from->words[i].n] = '\0';
        at += from->words[i].n + 1;
    }
    argv[from->n] = NULL;
    *ret_argv = argv;
    return 0;
}

static int copy_all(struct server_commands *to, const struct controller_options *o)
{
    int r = copy_command(&o->start, &to->start);
    if (r == 0)
        r = copy_command(&o->reload, &to->reload);
    return r == 0 ? copy_command(&o->stop, &to->stop) : r;
}

/* Who first notices that there is no such program should not be the server that waits for it. */
static int look_for(const char *key, const char *const *argv, struct problem *p)
{
    char *path = NULL;

    int r = argv ? process_find(argv[0], &path) : 0;
    free(path);
    if (r == 0)
        return 0;
    if (r == -ENOENT)
        problem_set(p, r, key, "server.%s: there is no %s%s", key, argv[0],
                    strchr(argv[0], '/') ? "" : " in PATH");
    else if (r == -EACCES)
        problem_set(p, r, key, "server.%s: %s is not an executable file", key, argv[0]);
    else
        return problem_set(p, r, key, "server.%s: %s", key, bd_strerror(r));
    return problem_hint(p, "say where it is, or leave it out: server.%s", key);
}

int commands_take(struct controller *c, const struct controller_options *o, struct problem *p)
{
    if (!c->kind->by_commands)
        return 0;
    c->probe = o->probe;
    int r = copy_all(&c->commands, o);
    if (r == -E2BIG)
        return problem_set(p, -BD_EINVALID, "start", "a command has more than %d words",
                           SERVER_ARGS_MAX - 1);
    if (r < 0)
        return problem_set(p, r, NULL, "the controller: %s", bd_strerror(r));
    if (!c->commands.start)
        return problem_set(p, -BD_EINVALID, "start", "%s needs a command", c->kind->name);
    r = look_for("reload", c->commands.reload, p);
    return r == 0 ? look_for("stop", c->commands.stop, p) : r;
}

void commands_free(struct controller *c)
{
    free((void *)(uintptr_t)c->commands.start);
    free((void *)(uintptr_t)c->commands.reload);
    free((void *)(uintptr_t)c->commands.stop);
}
