/* Whether other options could be put in force: what can be known while a controller runs. */
#include <stdlib.h>

#include "internal.h"
#include "net.h"

#define VERSION_NS (2 * NS_PER_S)
#define CHILDREN_MAX 16

static int check_program(const struct controller *c, struct problem *p)
{
    struct controller_program program;

    int r = controller_program(c->kind->name, c->binary, clock_deadline(VERSION_NS), &program, p);
    if (r == 0)
        free(program.path);
    return r;
}

static int check_port(const struct controller *c, struct problem *p)
{
    pid_t ours[CHILDREN_MAX];
    const unsigned n = controller_children(c->data, ours, CHILDREN_MAX);

    return net_port_free(&c->listen, ours, n, p);
}

int controller_check(const struct controller_options *options, struct problem *ret_problem)
{
    struct controller *c = controller_blank();

    if (!c)
        return problem_set(ret_problem, -ENOMEM, NULL, "the controller: no memory");
    int r = controller_take(c, options, false, ret_problem);
    if (r == 0)
        r = check_program(c, ret_problem);
    if (r == 0)
        r = check_port(c, ret_problem);
    controller_free(c);
    return r;
}
