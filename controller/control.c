/* A command of the operator's that makes the server do something. */
#include "control.h"

#include <stdlib.h>

#include <betterdns/capture.h>
#include <betterdns/clock.h>
#include <betterdns/error.h>
#include <betterdns/log.h>
#include <betterdns/process.h>

#include "kinds.h"

#define COMMAND_NS (30 * NS_PER_S)
#define OUTPUT_MAX 1000U

struct control {
    struct loop *loop;
    char *program;
    const char *argv[SERVER_ARGS_MAX];
    struct capture *running;
    bool again;
};

static int start(struct control *c);

static void on_end(void *arg, const struct capture_end *end)
{
    struct control *c = arg;

    c->running = NULL;
    if (end->late || end->code != 0)
        log_warning("a command to the DNS server has failed", LOG_C("command", c->program),
                    LOG_INT("code", end->code), LOG_STR("output", str_trim(end->output)));
    if (!c->again)
        return;
    c->again = false;
    int r = start(c);
    if (r < 0)
        log_warning("a command to the DNS server cannot be started", LOG_C("command", c->program),
                    LOG_ERR(r));
}

static int start(struct control *c)
{
    const struct capture_plan plan = {
        .argv = c->argv, .deadline_ns = clock_deadline(COMMAND_NS), .output_max = OUTPUT_MAX};

    return capture_start(c->loop, &plan, on_end, c, &c->running);
}

int control_new(struct loop *loop, const char *const *argv, struct control **ret_control)
{
    struct control *c = calloc(1, sizeof(*c));
    if (!c)
        return -ENOMEM;
    c->loop = loop;
    int r = process_find(argv[0], &c->program);
    if (r < 0) {
        control_free(c);
        return r;
    }
    c->argv[0] = c->program;
    for (size_t n = 1; n < SERVER_ARGS_MAX && argv[n]; n++)
        c->argv[n] = argv[n];
    *ret_control = c;
    return 0;
}

int control_run(struct control *c)
{
    if (!c->running)
        return start(c);
    c->again = true;
    return 0;
}

void control_free(struct control *c)
{
    if (!c)
        return;
    capture_cancel(c->running);
    free(c->program);
    free(c);
}
