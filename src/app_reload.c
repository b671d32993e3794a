/* The configuration's file, read again. */
#include "app_reload.h"

#include <betterdns/log.h>

#define SENTENCE_SIZE 400

static void note(struct parts *p, const char *what, char trouble[RELOAD_TROUBLE_SIZE])
{
    str_format(trouble, RELOAD_TROUBLE_SIZE, "the configuration file is not in force: %s", what);
    const struct event event = {.kind = EVENT_REJECTED, .detail = str_c(trouble)};
    events_add(p->events, &event);
}

/* All of them go into the log, the first is remembered. */
static void say_faults(struct parts *p, struct str faults, char trouble[RELOAD_TROUBLE_SIZE])
{
    char text[SENTENCE_SIZE];
    struct str line;
    bool first = true;

    while (str_cut(&faults, '\n', &line)) {
        log_error("the configuration is not valid", LOG_STR("fault", line));
        str_format(text, sizeof(text), "%.*s", STR_ARG(line));
        if (first)
            note(p, text, trouble);
        first = false;
    }
}

static void say_unreadable(struct parts *p, const char *path, int error,
                           char trouble[RELOAD_TROUBLE_SIZE])
{
    char text[SENTENCE_SIZE];

    log_error("the configuration cannot be read", LOG_C("file", path), LOG_ERR(error));
    str_format(text, sizeof(text), "%s: %s", path, bd_strerror(error));
    note(p, text, trouble);
}

void reload_unfit(struct parts *p, const struct config *c, const struct problem *why,
                  char trouble[RELOAD_TROUBLE_SIZE])
{
    const char *what = why->detail[0] ? why->detail : bd_strerror(why->error);

    log_error("the configuration cannot be put in force", LOG_C("file", c->path),
              LOG_C("reason", what), LOG_C("hint", why->hint));
    note(p, what, trouble);
}

struct config *reload_read(struct parts *p, const struct config *now,
                           char trouble[RELOAD_TROUBLE_SIZE])
{
    struct config *next = NULL;
    struct problem why = {0};
    struct buf faults = {0};

    int r = config_load(now->path, &next, &faults);
    if (r < 0 && faults.n > 0)
        say_faults(p, buf_str(&faults), trouble);
    else if (r < 0)
        say_unreadable(p, now->path, r, trouble);
    buf_free(&faults);
    if (r < 0)
        return NULL;
    if (parts_check(p, now, next, &why) == 0)
        return next;
    reload_unfit(p, next, &why, trouble);
    config_free(next);
    return NULL;
}
