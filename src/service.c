#include "service.h"

#include <stdio.h>
#include <stdlib.h>

#include <betterdns/buf.h>
#include <betterdns/clock.h>
#include <betterdns/log.h>
#include <betterdns/sockaddr.h>

#include "starting.h"

#define LOOK_EVERY_NS (2 * NS_PER_S)
#define RETRY_NS (100 * NS_PER_MS)

struct service {
    struct service_parts parts;
    struct controller_zone_status *zones;
    bool ready, reloading, stopping;
    char said[SERVICE_SENTENCE_SIZE]; /* the last STATUS */
    uint64_t cpu_ns;
    struct loop_timer *look, *watchdog, *retry; /* NULL where there is no notify */
    bool failing, stuck; /* the log knows that nobody hears us, that the committer hangs */
};

/* ---- messages ---- */

static void note_failure(struct service *s, int r)
{
    if (!s->failing)
        log_warning("the supervisor cannot be told anything (NOTIFY_SOCKET)", LOG_ERR(r));
    s->failing = true;
}

static void flush(struct service *s)
{
    struct buf *unsent = s->parts.unsent;
    size_t sent = 0;

    while (sent < unsent->n) {
        const char *message = unsent->p + sent;
        int r = notify_send(s->parts.notify, message);
        if (r == -EAGAIN || r == -ENOBUFS) {
            loop_timer_at(s->retry, clock_deadline(RETRY_NS));
            break;
        }
        if (r < 0)
            note_failure(s, r);
        else
            s->failing = false;
        sent += strlen(message) + 1;
    }
    if (sent > 0)
        memmove(unsent->p, unsent->p + sent, unsent->n - sent);
    unsent->n -= sent;
}

static void on_retry(void *arg)
{
    flush(arg);
}

__attribute__((format(printf, 2, 3))) static void say(struct service *s, const char *format, ...)
{
    va_list args;

    if (!s->parts.notify)
        return;
    va_start(args, format);
    buf_vaddf(s->parts.unsent, format, args);
    va_end(args);
    buf_add_c(s->parts.unsent, '\0');
    if (s->parts.unsent->error) { /* no memory: the next look says it again */
        buf_free(s->parts.unsent);
        s->said[0] = '\0';
        return;
    }
    flush(s);
}

/* ---- how it stands ---- */

__attribute__((format(printf, 2, 3))) static void add(char *out, const char *format, ...)
{
    size_t n = strlen(out);
    va_list args;

    va_start(args, format);
    vsnprintf(out + n, SERVICE_SENTENCE_SIZE - n, format, args);
    va_end(args);
}

static void add_server(const struct service *s, const struct controller_status *now, char *out)
{
    const struct sockaddr_storage *listen = &s->parts.listen;
    char text[SOCKADDR_TEXT_SIZE];

    if (!controller_ready(s->parts.controller)) {
        add(out, "%s is %s", now->kind, now->state);
        if (now->reason[0])
            add(out, ": %s", now->reason);
        return;
    }
    add(out, "%s%s%s answers for %u zone%s on %s", now->kind, now->version[0] ? " " : "",
        now->version, s->parts.nzones, s->parts.nzones == 1 ? "" : "s",
        sockaddr_text(listen, sockaddr_port(listen), text));
    if (now->reason[0])
        add(out, "; %s", now->reason);
}

/* The people's files that wait for somebody. */
static void add_files(const struct service *s, char *out)
{
    for (unsigned i = 0; i < s->parts.nzones; i++) {
        enum file_state state = s->zones[i].file_state;
        char name[DNAME_TEXT_MAX];

        if (state != FILE_HELD && state != FILE_REJECTED && state != FILE_CONTESTED)
            continue;
        dname_to_text(&s->parts.origins[i], name);
        add(out, "; the zone file of %s is %s", name, file_state_name(state));
    }
}

static void add_registry(const struct service *s, char *out)
{
    struct registry_stats stats;

    registry_stats(s->parts.registry, &stats);
    if (stats.read_only)
        add(out, "; read-only: %s", stats.read_only_reason);
    else if (stats.full)
        add(out, "; there is no room on the disk for changes");
}

void service_sentence(struct service *s, char out[SERVICE_SENTENCE_SIZE])
{
    struct controller_status now;

    out[0] = '\0';
    controller_status(s->parts.controller, &now, s->zones);
    add_server(s, &now, out);
    add_files(s, out);
    add_registry(s, out);
    if (s->reloading)
        add(out, "; a reload waits for what is under way");
    if (s->parts.trouble && s->parts.trouble[0])
        add(out, "; %s", s->parts.trouble);
    notify_clean(out); /* a server's own words may hold anything */
}

static void say_status(struct service *s)
{
    char now[SERVICE_SENTENCE_SIZE];

    service_sentence(s, now);
    if (strcmp(now, s->said) == 0)
        return;
    memcpy(s->said, now, sizeof(now));
    say(s, "STATUS=%s", now);
}

/* ---- as time goes by ---- */

/* What a reload and a start wait for has deadlines of its own; the rest is our own work. */
static bool goes_on(struct service *s)
{
    struct controller_status now;

    if (s->ready)
        return s->reloading;
    controller_status(s->parts.controller, &now, NULL);
    return starting_progress(&s->cpu_ns, LOOK_EVERY_NS) || strcmp(now.state, "starting") == 0;
}

static void on_look(void *arg)
{
    struct service *s = arg;

    loop_timer_at(s->look, clock_deadline(LOOK_EVERY_NS));
    if (!s->stopping && goes_on(s))
        say(s, STARTING_MORE_TIME);
    if (!s->stopping)
        say_status(s);
}

static void note_stuck(struct service *s, const struct registry_stats *stats, bool stuck)
{
    if (stuck && !s->stuck)
        log_error("the committer makes no progress: the watchdog is not told that all is well",
                  LOG_UINT("seconds", stats->working_ns / NS_PER_S));
    if (!stuck && s->stuck)
        log_info("the committer makes progress again");
    s->stuck = stuck;
}

/* That the loop turns is shown by our being here. */
static void on_watchdog(void *arg)
{
    struct service *s = arg;
    const uint64_t limit_ns = notify_watchdog_ns(s->parts.notify);
    struct registry_stats stats;

    loop_timer_at(s->watchdog, clock_deadline(limit_ns / 2));
    registry_stats(s->parts.registry, &stats);
    note_stuck(s, &stats, stats.working_ns > limit_ns);
    if (!s->stuck)
        say(s, "WATCHDOG=1");
}

/* ---- life ---- */

static int make_timers(struct service *s)
{
    struct loop *loop = s->parts.loop;

    int r = loop_timer_new(loop, on_retry, s, &s->retry);
    if (r == 0)
        r = loop_timer_new(loop, on_look, s, &s->look);
    if (r == 0)
        r = loop_timer_new(loop, on_watchdog, s, &s->watchdog);
    if (r < 0)
        return r;
    loop_timer_at(s->retry, 0); /* what the one before has left */
    loop_timer_at(s->look, 0);
    if (notify_watchdog_ns(s->parts.notify) > 0)
        loop_timer_at(s->watchdog, 0);
    return 0;
}

int service_new(const struct service_parts *parts, struct service **ret_service)
{
    struct service *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    s->parts = *parts;
    s->zones = calloc(parts->nzones, sizeof(*s->zones));
    int r = !s->zones ? -ENOMEM : parts->notify ? make_timers(s) : 0;
    if (r < 0) {
        service_free(s);
        return r;
    }
    *ret_service = s;
    return 0;
}

void service_free(struct service *s)
{
    if (!s)
        return;
    loop_timer_free(s->retry);
    loop_timer_free(s->look);
    loop_timer_free(s->watchdog);
    free(s->zones);
    free(s);
}

void service_ready(struct service *s)
{
    if (!s)
        return;
    s->ready = true;
    s->reloading = false;
    say(s, "READY=1");
    if (s->parts.notify)
        say_status(s);
}

/* sd_notify(3): the time makes clear which READY=1 is the answer. */
void service_reloading(struct service *s)
{
    if (!s || !s->ready)
        return;
    s->reloading = true;
    say(s, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)clock_mono_ns() / 1000);
}

void service_reloaded(struct service *s)
{
    if (s && s->ready)
        service_ready(s);
}

void service_stopping(struct service *s)
{
    if (!s)
        return;
    s->stopping = true;
    say(s, "STOPPING=1");
}
