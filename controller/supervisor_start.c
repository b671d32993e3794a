/* The first start: the binary, the children that an earlier betterdns left, the port; and in words
 * why it is refused. */
#include <stdio.h>
#include <stdlib.h>

#include <betterdns/file.h>
#include <betterdns/log.h>
#include <betterdns/portowner.h>
#include <betterdns/process.h>

#include "net.h"
#include "own.h"
#include "proof.h"
#include "supervisor_impl.h"

#define VERSION_NS (10 * NS_PER_S)
#define DIAGNOSIS_NS (3 * NS_PER_S)
#define OUTPUT_MAX 16384U

void supervisor_refuse(struct supervisor *s, const struct problem *problem)
{
    controller_started_fn *fn = s->started;
    struct problem p = *problem;

    if (!p.hint[0] && (p.error == -BD_EINVALID || p.error == -BD_ETIMEDOUT))
        problem_hint(&p, "is %s the right program? `betterdns doctor` looks at it", s->binary);
    /* Older servers keep DNS up: they are not ours to end when nothing better comes. A stop that
     * has begun already means them too. */
    s->left = !s->c->stops;
    if (s->left)
        supervisor_leave_old(s);
    s->started = NULL;
    s->state = CHILD_DOWN;
    loop_timer_at(s->timer, UINT64_MAX);
    snprintf(s->reason, sizeof(s->reason), "%.250s", p.detail);
    supervisor_note(s);
    if (fn)
        fn(s->started_arg, p.error, &p);
}

void supervisor_say_waits(struct supervisor *s)
{
    struct problem p;

    problem_set(&p, s->failed, NULL, "%s", s->reason);
    s->started(s->started_arg, -EAGAIN, &p);
}

/* ---- the server's own words ---- */

/* The user knows their own file, not our copy of it. */
static void add_words(struct supervisor *s, struct str words, struct buf *out)
{
    if (s->c->own)
        own_words(s->c->own, conf_path(s->conf), words, out);
    else
        buf_add_str(out, words);
}

static void say_words(struct supervisor *s, int error, struct str words, struct problem *p)
{
    const char *path = s->c->own ? own_path(s->c->own) : conf_path(s->conf);

    problem_set(p, error, NULL, "%s does not start with %s: %.*s", s->c->kind->name, path,
                STR_ARG(words));
    if (s->c->own)
        problem_hint(p, "mend %s, or leave server.corefile out", path);
}

static void begin(struct supervisor *s);

/* The user's configuration is refused, but an earlier one is known that was good: DNS is worth more
 * than to have it mended first. */
static bool fall_back(struct supervisor *s, struct str why)
{
    char text[256];

    str_format(text, sizeof(text), "%.*s", STR_ARG(why));
    if (!s->c->own || !own_fall_back(s->c->own, text))
        return false;
    conf_free(s->conf);
    s->conf = NULL;
    if (conf_new(s->c, s->binary, &s->conf) < 0) /* it goes by what that configuration has */
        return false;
    supervisor_leave_old(s); /* the one that lives may be just what we want */
    s->state = CHILD_DOWN;
    begin(s);
    return true;
}

static void hint_at_right(const char *binary, struct problem *p)
{
    char *real = realpath(binary, NULL); /* setcap takes no link */

    problem_hint(
        p, "allow it, as root: setcap cap_net_bind_service=+ep %s; or choose a port above 1023",
        real ? real : binary);
    free(real);
}

static void on_diagnosed(void *arg, const struct capture_end *end)
{
    struct supervisor *s = arg;
    struct controller *c = s->c;
    struct problem p;
    struct str words = {NULL, 0};
    struct buf said = {0};

    s->diagnosis = NULL;
    int error = c->kind->failure(end->output, &words);
    if (error == -BD_EINUSE && net_port_free(&c->listen, NULL, 0, &p) < 0) {
        supervisor_refuse(s, &p); /* we know by whom */
        return;
    }
    const bool late = s->failed == -BD_ETIMEDOUT && error == -BD_EINVALID;
    if (late || words.n == 0)
        buf_addf(&said, "%s%s", s->reason, late ? "" : "; it says nothing about it");
    else
        add_words(s, words, &said);
    if (error == -BD_EINVALID && fall_back(s, buf_str(&said))) {
        buf_free(&said);
        return;
    }
    if (late || words.n == 0)
        problem_set(&p, late ? s->failed : error, NULL, "%.*s", STR_ARG(buf_str(&said)));
    else
        say_words(s, error, buf_str(&said), &p);
    buf_free(&said);
    if (error == -EACCES)
        hint_at_right(s->binary, &p);
    supervisor_refuse(s, &p);
}

void supervisor_diagnose(struct supervisor *s)
{
    struct problem p;

    const struct capture_plan plan = {.argv = conf_arguments(s->conf, &s->child),
                                      .folder = s->c->own ? own_folder(s->c->own) : NULL,
                                      .deadline_ns = clock_deadline(DIAGNOSIS_NS),
                                      .output_max = OUTPUT_MAX,
                                      .whole_group = true};

    loop_timer_at(s->timer, UINT64_MAX); /* no other start meanwhile */
    int r = capture_start(s->c->loop, &plan, on_diagnosed, s, &s->diagnosis);
    if (r == 0)
        return;
    problem_set(&p, s->failed < 0 ? s->failed : -BD_EINVALID, NULL, "%s", s->reason);
    supervisor_refuse(s, &p);
}

/* ---- adoption ---- */

/* The newest living child that is what we would start; n: none. */
static unsigned choose(const struct child *living, unsigned n, const struct hash128 *fingerprint)
{
    unsigned best = n;

    for (unsigned i = 0; i < n; i++) {
        if (!hash128_eq(&living[i].fingerprint, fingerprint))
            continue;
        if (best == n || living[i].generation > living[best].generation)
            best = i;
    }
    return best;
}

static int refuse_unseen(struct supervisor *s, const struct child *child)
{
    struct problem p;

    problem_set(&p, -BD_EINUSE, NULL, "%s is held by a server that cannot be seen from here",
                child->lock_path);
    problem_hint(&p, "end the %s that an earlier betterdns started", s->c->kind->name);
    supervisor_refuse(s, &p);
    return p.error;
}

static void add_old(struct supervisor *s, const struct child *child)
{
    if (supervisor_add_old(s, child) < 0)
        log_error("an older server cannot be watched", LOG_INT("pid", child->pid));
}

void supervisor_take_unseen(struct supervisor *s)
{
    struct child living[OLD_MAX];

    if (s->state != CHILD_DOWN || s->nold > 0 || s->left)
        return;
    unsigned n = child_scan(s->c->data, living, OLD_MAX, &s->generation);
    for (unsigned i = 0; i < n; i++) {
        if (living[i].pidfd < 0)
            child_release(&living[i]);
        else
            add_old(s, &living[i]);
    }
}

static int take_living(struct supervisor *s, struct child *living, unsigned n)
{
    struct hash128 fingerprint;
    int r = conf_fingerprint(s->conf, &fingerprint);

    unsigned best = r == 0 ? choose(living, n, &fingerprint) : n;
    for (unsigned i = 0; i < n; i++) {
        if (living[i].pidfd < 0)
            return refuse_unseen(s, &living[i]);
        if (i == best)
            s->child = living[i];
        else
            add_old(s, &living[i]);
    }
    return 0;
}

int supervisor_check_port(struct supervisor *s, struct problem *ret_problem)
{
    pid_t ours[OLD_MAX + 1];
    unsigned n = 0;

    for (unsigned i = 0; i < s->nold; i++)
        ours[n++] = s->old[i].child.pid;
    if (s->child.pid > 0)
        ours[n++] = s->child.pid;
    return net_port_free(&s->c->listen, ours, n, ret_problem);
}

/* Of UDP alone: the table of TCP has a line a connection. */
void supervisor_look_for_strangers(struct supervisor *s)
{
    pid_t ours[OLD_MAX + 1] = {s->child.pid};
    char owner[128] = "", text[SOCKADDR_TEXT_SIZE], before[sizeof(s->stranger)];

    memcpy(before, s->stranger, sizeof(before));
    for (unsigned i = 0; i < s->nold; i++)
        ours[i + 1] = s->old[i].child.pid;
    s->stranger[0] = '\0';
    /* It has its socket still, and answers at its private address. */
    bool gone = net_try_bind(&s->c->listen, SOCK_DGRAM, false) == -EADDRNOTAVAIL;
    if (gone)
        snprintf(s->stranger, sizeof(s->stranger),
                 "this machine has no address %s now: no question comes",
                 sockaddr_host(&s->c->listen, text));
    else if (port_owner(&s->c->listen, true, ours, s->nold + 1, owner, sizeof(owner)) == 0)
        snprintf(s->stranger, sizeof(s->stranger),
                 "%s (UDP) is also in use by %s, which takes "
                 "questions away",
                 sockaddr_text(&s->c->listen, sockaddr_port(&s->c->listen), text), owner);
    if (strcmp(before, s->stranger) == 0)
        return;
    if (s->stranger[0])
        log_error(gone ? "the DNS server cannot be asked" : "the DNS server is not alone",
                  LOG_C("reason", s->stranger));
    else
        log_info("the DNS server is asked again, and alone");
    supervisor_note(s);
}

static int check_port(struct supervisor *s)
{
    struct problem p;

    int r = supervisor_check_port(s, &p);
    if (r < 0)
        supervisor_refuse(s, &p);
    return r;
}

void supervisor_start_alone(struct supervisor *s)
{
    s->start_waits = false;
    if (s->state == CHILD_DOWN && s->started && check_port(s) == 0)
        supervisor_event(s, CHILD_EV_START);
}

static void begin(struct supervisor *s)
{
    struct child living[OLD_MAX];

    unsigned n = child_scan(s->c->data, living, OLD_MAX, &s->generation);
    conf_sweep(s->c, living, n);
    if (take_living(s, living, n) < 0)
        return;
    if (s->child.generation > 0) {
        log_info("the DNS server still runs and is adopted", LOG_INT("pid", s->child.pid),
                 LOG_UINT("generation", s->child.generation));
        conf_adopt(s->conf, &s->child);
        snprintf(s->reason, sizeof(s->reason), "%s was adopted and not heard of yet",
                 s->c->kind->name);
        supervisor_event(s, CHILD_EV_ADOPTED);
        return;
    }
    if (s->nold > 0 && proof_is_public(s->c) &&
        !proof_is_named(s->c)) { /* which of two answers could not be told */
        log_info("a server with another configuration runs: it is ended first",
                 LOG_INT("pid", s->old[0].child.pid));
        s->start_waits = true;
        supervisor_end_old(s, false);
        return;
    }
    if (s->nold > 0)
        log_info("a server with another configuration runs: a new one starts beside it",
                 LOG_INT("pid", s->old[0].child.pid));
    if (check_port(s) == 0)
        supervisor_event(s, CHILD_EV_START);
}

static void on_version(void *arg, const struct capture_end *end)
{
    struct supervisor *s = arg;
    char version[SERVER_VERSION_SIZE];

    s->version = NULL;
    s->c->kind->version(end->output, version);
    pthread_mutex_lock(&s->c->lock);
    memcpy(s->c->status.version, version, sizeof(version));
    pthread_mutex_unlock(&s->c->lock);
    if (s->version_awaited) { /* the copies are there */
        s->version_awaited = false;
        begin(s);
    }
}
_Static_assert(sizeof(((struct controller_status *)0)->version) == SERVER_VERSION_SIZE, "equal");

/* The copies are written before anything is adopted: the living child loads what changed while
 * nobody wrote. */
static void on_first_copies(void *arg, int result)
{
    struct supervisor *s = arg;
    struct problem p;

    if (!s->started)
        return;                                /* stopped meanwhile */
    if (result == 0 || file_is_full(result)) { /* a living child has earlier copies: better that */
        s->version_awaited = s->version && s->c->kind->version_first;
        if (!s->version_awaited)
            begin(s);
        return;
    }
    problem_set(&p, result, NULL, "the live copies cannot be written in %s: %s", s->c->live,
                bd_strerror(result));
    supervisor_refuse(s, &p);
}

/* ---- the start ---- */

static void refuse_binary(void *arg)
{
    struct supervisor *s = arg;
    struct problem p;
    const char *name = s->c->binary;

    if (!s->started)
        return;
    if (!s->binary) {
        problem_set(&p, -ENOENT, "binary", "there is no %s%s", name,
                    strchr(name, '/') ? "" : " in PATH");
        problem_hint(&p, "install %s, or say where it is: server.binary", s->c->kind->name);
    } else {
        problem_set(&p, -EACCES, "binary", "%s is not an executable file", s->binary);
        problem_hint(&p, "chmod +x %s", s->binary);
    }
    supervisor_refuse(s, &p);
}

static void ask_version(struct supervisor *s)
{
    const char *version[] = {s->binary, s->c->kind->version_argument, NULL};
    const struct capture_plan plan = {
        .argv = version, .deadline_ns = clock_deadline(VERSION_NS), .output_max = OUTPUT_MAX};
    const int r = capture_start(s->c->loop, &plan, on_version, s, &s->version);
    if (r < 0) /* what cannot be executed at all is said by the start itself */
        log_debug("no version", LOG_C("binary", s->binary), LOG_ERR(r));
}

int supervisor_start(struct supervisor *s, controller_started_fn *fn, void *arg)
{
    s->started = fn;
    s->started_arg = arg;
    s->start_ns = clock_mono_ns();
    snprintf(s->reason, sizeof(s->reason), "the live copies are being written");
    supervisor_note(s);
    int r = process_find(s->c->binary, &s->binary);
    if (r == -ENOENT || r == -EACCES)
        return loop_wake(s->c->loop, refuse_binary, s);
    if (r == 0)
        r = conf_new(s->c, s->binary, &s->conf);
    if (r < 0)
        return r;
    if (s->c->kind->version_argument)
        ask_version(s);
    files_copy_all(s->c->files, on_first_copies, s);
    return 0;
}
