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
        log_warning("a command to the DNS server has failed", LOG_C("command", c->argv[0]),
                    LOG_INT("code", end->code), LOG_STR("output", str_trim(end->output)));
    if (!c->again)
        return;
    c->again = false;
    int r = start(c);
    if (r < 0)
        log_warning("a command to the DNS server cannot be started", LOG_C("command", c->argv[0]),
                    LOG_ERR(r));
}

/* Its program is looked for each time: what was there may be gone, or be there again. To be freed.
 */
static int find(const struct control *c, const char *argv[SERVER_ARGS_MAX], char **ret_program)
{
    int r = process_find(c->argv[0], ret_program);

    memcpy(argv, c->argv, sizeof(c->argv));
    argv[0] = *ret_program;
    return r;
}

static int start(struct control *c)
{
    const char *argv[SERVER_ARGS_MAX];
    const struct capture_plan plan = {
        .argv = argv, .deadline_ns = clock_deadline(COMMAND_NS), .output_max = OUTPUT_MAX};
    char *program = NULL;

    int r = find(c, argv, &program);
    if (r == 0)
        r = capture_start(c->loop, &plan, on_end, c, &c->running);
    free(program);
    return r;
}

int control_new(struct loop *loop, const char *const *argv, struct control **ret_control)
{
    struct control *c = calloc(1, sizeof(*c));
    if (!c)
        return -ENOMEM;
    c->loop = loop;
    for (size_t n = 0; n < SERVER_ARGS_MAX - 1 && argv[n]; n++)
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

bool control_is_running(const struct control *c)
{
    return c->running != NULL;
}

int control_run_last(struct control *c)
{
    const char *argv[SERVER_ARGS_MAX];
    char *program = NULL;

    capture_cancel(c->running);
    c->running = NULL;
    c->again = false;
    int r = find(c, argv, &program);
    if (r == 0)
        r = capture_unattended(argv);
    free(program);
    return r;
}

void control_free(struct control *c)
{
    if (!c)
        return;
    capture_cancel(c->running);
    free(c);
}
