/* The controller's public functions, and its life from new to free. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <betterdns/file.h>
#include <betterdns/log.h>
#include <betterdns/pause.h>

#include "asks.h"
#include "choice.h"
#include "internal.h"
#include "own.h"
#include "publisher.h"
#include "supervisor.h"
#include "watcher.h"

/* What a stop grants to those who wait: a served change is shown long before. */
#define HURRY_NS NS_PER_S
/* Some file systems give no events. */
#define LOOK_EVERY_NS (5 * NS_PER_S)

static const char *const file_states[] = {
    [FILE_CLEAN] = "clean",         [FILE_PENDING] = "pending", [FILE_HELD] = "held",
    [FILE_REJECTED] = "rejected",   [FILE_MISSING] = "missing", [FILE_READ_ONLY] = "read-only",
    [FILE_CONTESTED] = "contested",
};
_Static_assert(ARRAY_SIZE(file_states) == FILE_NSTATES, "one name per state");

const char *file_state_name(enum file_state s)
{
    return file_states[s];
}

/* ---- new and free ---- */

static int copy_zone(struct controller *c, struct ctl_zone *z, const struct controller_zone *from)
{
    z->origin = from->origin;
    dname_to_text(&z->origin, z->name);
    z->write = from->write;
    z->ttl = from->ttl;
    z->file = str_dup(str_c(from->file));
    z->live = live_path(c->live, &z->origin);
    z->file_state = FILE_PENDING;
    int r = clock_cond_init(&z->served_cond);
    if (r < 0)
        return r;
    c->nzones++; /* from here on controller_free has to do with it */
    return z->file && z->live ? 0 : -ENOMEM;
}

/* Two with different data directories would serve each other's zones. */
static int lock_live(struct controller *c, struct problem *p)
{
    char *path = file_path(c->live, ".lock");

    int r = -ENOMEM;
    if (path)
        r = file_lock_within(path, clock_deadline(FILE_LOCK_WITHIN_NS), &c->live_lock);
    if (r == -BD_EINUSE) {
        problem_set(p, r, "live",
                    "the directory of the live copies, %s, is in use by another betterdns",
                    c->live);
        problem_hint(p, "stop it, or give this one a directory of its own: live");
    } else if (r < 0) {
        problem_set(p, r, "live", "the directory of the live copies, %s: %s", c->live,
                    bd_strerror(r));
    }
    free(path);
    return r;
}

/* Made, and absolute: the server may run with another working directory. Only looked at, it need
 * not be there. */
static int make_live(struct controller *c, const char *live, bool starts, struct problem *p)
{
    int r = starts ? file_make_dirs(live, 0750) : 0;

    if (!starts) {
        c->live = realpath(live, NULL);
        c->live = c->live ? c->live : str_dup(str_c(live));
        return c->live ? 0 : problem_set(p, -ENOMEM, NULL, "no memory");
    }
    if (r == 0) {
        c->live = realpath(live, NULL);
        r = c->live ? 0 : -errno;
    }
    if (r == 0)
        return lock_live(c, p);
    problem_set(p, r, "live", "the directory of the live copies, %s: %s", live, bd_strerror(r));
    return problem_hint(p, "it must be writable for the user that runs betterdns; or name another"
                           " one: live");
}

static int take_corefile(struct controller *c, const struct controller_options *o,
                         struct problem *p)
{
    if (!c->kind->takes_corefile)
        return problem_set(p, -BD_EINVALID, "corefile", "a Corefile is for CoreDNS, not for %s",
                           c->kind->name);
    int r = own_new(c, o->corefile, &c->own, p);
    return r < 0 ? r : choice_begin(c, o->strategy, p); /* it may not do all of them */
}

int controller_take(struct controller *c, const struct controller_options *o, bool starts,
                    struct problem *p)
{
    c->kind = server_kind_by_name(o->kind);
    if (!c->kind)
        return no_server_kind(o->kind, p);
    int r = choice_begin(c, o->strategy, p);
    if (r < 0)
        return r;
    c->listen = o->listen;
    c->keep_on_stop = o->keep_on_stop;
    c->drain_ttl = o->drain_ttl;
    c->events = o->events;
    c->status = (struct controller_status){.kind = c->kind->name};
    r = make_live(c, o->live, starts, p);
    if (r < 0)
        return r;
    c->data = str_dup(str_c(o->data));
    r = commands_take(c, o, p);
    if (r < 0)
        return r;
    const char *program = c->commands.start ? c->commands.start[0] : c->kind->binary;
    c->binary = str_dup(str_c(o->binary ? o->binary : program));
    c->zones = calloc(o->nzones, sizeof(*c->zones));
    r = c->data && c->binary && c->zones ? 0 : -ENOMEM;
    for (unsigned i = 0; r == 0 && i < o->nzones; i++)
        r = copy_zone(c, &c->zones[i], &o->zones[i]);
    if (r < 0)
        return problem_set(p, r, NULL, "the controller: %s", bd_strerror(r));
    return o->corefile ? take_corefile(c, o, p) : 0;
}

static void on_files_moved(void *arg)
{
    struct controller *c = arg;

    files_rescan(c->files);
    supervisor_look(c->supervisor);
}

static int watch_files(struct controller *c)
{
    int r = watcher_new(c->loop, LOOK_EVERY_NS, on_files_moved, c, &c->watcher);

    for (unsigned i = 0; r == 0 && i < c->nzones; i++)
        r = watcher_set_paths(c->watcher, i, (const char *[]){c->zones[i].file}, 1);
    return r == 0 && c->own ? own_watch(c->own) : r;
}

struct controller *controller_blank(void)
{
    struct controller *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    c->live_lock = -1;
    c->wait_until_ns = UINT64_MAX;
    pthread_mutex_init(&c->lock, NULL);
    return c;
}

int controller_new(const struct controller_options *options, struct loop *loop, struct registry *r,
                   struct controller **ret_controller, struct problem *ret_problem)
{
    struct controller *c = controller_blank();
    if (!c)
        return problem_set(ret_problem, -ENOMEM, NULL, "the controller: no memory");
    c->loop = loop;
    c->registry = r;
    int error = controller_take(c, options, true, ret_problem);
    if (error < 0)
        goto fail;
    error = supervisor_new(c, &c->supervisor);
    if (error == 0)
        error = asks_new(&c->asks);
    if (error == 0)
        error = files_new(c, &c->files);
    if (error == 0)
        error = watch_files(c);
    if (error < 0) {
        problem_set(ret_problem, error, NULL, "the controller: %s", bd_strerror(error));
        goto fail;
    }
    *ret_controller = c;
    return 0;
fail:
    controller_free(c);
    return error;
}

void controller_free(struct controller *c)
{
    if (!c)
        return;
    watcher_free(c->watcher);
    files_free(c->files);
    asks_free(c->asks);
    publisher_free(c->publisher);
    supervisor_free(c->supervisor);
    own_free(c->own);
    for (unsigned i = 0; i < c->nzones; i++) {
        pthread_cond_destroy(&c->zones[i].served_cond);
        faults_free(&c->zones[i].faults);
        faults_free(&c->zones[i].notes);
        free(c->zones[i].file);
        free(c->zones[i].live);
    }
    free(c->zones);
    free(c->data);
    free(c->live);
    if (c->live_lock >= 0)
        close(c->live_lock);
    free(c->binary);
    commands_free(c);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

/* ---- start and stop ---- */

int controller_start(struct controller *c, controller_started_fn *fn, void *arg)
{
    int r = supervisor_start(c->supervisor, fn, arg);

    return r < 0 ? r : files_start(c->files); /* last: what has failed before needs no thread */
}

static void on_server_stopped(void *arg)
{
    struct controller *c = arg;

    c->stopped(c->stopped_arg);
}

static void on_files_stopped(void *arg, int result)
{
    struct controller *c = arg;

    (void)result;
    supervisor_stop(c->supervisor, c->keep_on_stop, on_server_stopped, c);
}

static void end_waits(struct controller *c, uint64_t until_ns)
{
    pthread_mutex_lock(&c->lock);
    c->wait_until_ns = until_ns;
    for (unsigned i = 0; i < c->nzones; i++)
        pthread_cond_broadcast(&c->zones[i].served_cond);
    pthread_mutex_unlock(&c->lock);
}

void controller_hurry(struct controller *c, bool stops)
{
    pthread_mutex_lock(&c->lock);
    c->stops = stops;
    pthread_mutex_unlock(&c->lock);
    end_waits(c, clock_deadline(HURRY_NS));
}

void controller_leave(struct controller *c, void (*done)(void *arg), void *arg)
{
    c->keep_on_stop = true;
    controller_stop(c, done, arg);
}

void controller_stop(struct controller *c, void (*done)(void *arg), void *arg)
{
    c->stopped = done;
    c->stopped_arg = arg;
    end_waits(c, 0);
    files_stop(c->files, on_files_stopped, c);
}

/* ---- what others ask ---- */

static bool is_served(const struct ctl_zone *z, uint32_t serial)
{
    return z->served != 0 && !serial_gt(serial, z->served);
}

static const char *trouble(const struct ctl_zone *z)
{
    return z->unwritten[0] ? z->unwritten : z->trouble;
}

static void say_why(const struct controller *c, const struct ctl_zone *z, uint32_t serial,
                    char reason[200])
{
    if (c->wait_until_ns != UINT64_MAX)
        snprintf(reason, 200, "%s",
                 c->stops ? "betterdns is stopping" : "betterdns reads its configuration again");
    else if (c->unproven[0])
        snprintf(reason, 200, "nobody can tell whether it is served: %s", c->unproven);
    else if (!c->ready)
        snprintf(reason, 200, "%s is %s: %.120s", c->kind->name, c->status.state,
                 c->status.reason[0] ? c->status.reason : "no answer yet");
    else
        snprintf(reason, 200, "%s still shows serial %u, the change is in %u%s%.120s",
                 c->kind->name, z->served, serial, trouble(z)[0] ? "; " : "", trouble(z));
}

int controller_wait_served(struct controller *c, unsigned zone, uint32_t serial,
                           uint64_t deadline_ns, uint64_t *ret_served_ns, char reason[200])
{
    struct ctl_zone *z = &c->zones[zone];
    int r = 0;

    PAUSE_POINT("controller: about to wait");
    pthread_mutex_lock(&c->lock);
    while (!is_served(z, serial) && !c->unproven[0] && r != ETIMEDOUT) {
        bool mine = deadline_ns < c->wait_until_ns;
        struct timespec until = clock_timespec(mine ? deadline_ns : c->wait_until_ns);
        r = pthread_cond_timedwait(&z->served_cond, &c->lock, &until);
    }
    bool served = is_served(z, serial);
    if (served)
        *ret_served_ns = z->served_ns;
    else
        say_why(c, z, serial, reason);
    pthread_mutex_unlock(&c->lock);
    return served ? 0 : -BD_ETIMEDOUT;
}

static void zone_status(const struct controller *c, const struct ctl_zone *z, uint64_t now,
                        struct controller_zone_status *out)
{
    bool behind = z->newest != 0 && !is_served(z, z->newest) && !c->unproven[0];

    *out = (struct controller_zone_status){.served_serial = z->served,
                                           .lag_ns = behind ? now - z->behind_ns : 0,
                                           .load_ns = z->load_ns,
                                           .file_state = z->file_state,
                                           .exported_seq = z->exported_seq,
                                           .published = z->published,
                                           .late = z->late,
                                           .last_error_at = z->last_error_at,
                                           .live = z->live};
    if (z->faults.n > 0)
        memcpy(out->error, z->faults.at[0].message, sizeof(out->error));
    memcpy(out->trouble, trouble(z), sizeof(out->trouble));
    memcpy(out->last_error, z->last_error, sizeof(out->last_error));
}
_Static_assert(sizeof(((struct controller_zone_status *)0)->trouble) ==
                   sizeof(((struct ctl_zone *)0)->trouble),
               "equal");
_Static_assert(sizeof(((struct ctl_zone *)0)->unwritten) == sizeof(((struct ctl_zone *)0)->trouble),
               "equal");

/* The first zone that is late, for want of another reason. */
static void status_reason(const struct controller *c, char reason[256])
{
    for (unsigned i = 0; i < c->nzones && reason[0] == '\0'; i++)
        if (trouble(&c->zones[i])[0])
            snprintf(reason, 256, "%.40s %.200s", c->zones[i].name, trouble(&c->zones[i]));
}

void controller_status(struct controller *c, struct controller_status *ret_status,
                       struct controller_zone_status *ret_zones)
{
    uint64_t now = clock_mono_ns();
    struct controller_choice choice;

    controller_strategy(c, &choice);
    pthread_mutex_lock(&c->lock);
    *ret_status = c->status;
    ret_status->choice = choice;
    status_reason(c, ret_status->reason);
    for (unsigned i = 0; ret_zones && i < c->nzones; i++)
        zone_status(c, &c->zones[i], now, &ret_zones[i]);
    pthread_mutex_unlock(&c->lock);
}

bool controller_ready(struct controller *c)
{
    pthread_mutex_lock(&c->lock);
    bool ready = c->ready;
    pthread_mutex_unlock(&c->lock);
    return ready;
}

static size_t copy_faults(struct controller *c, const struct faults *f,
                          struct controller_fault *ret_faults, size_t max)
{
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < f->n && i < max; i++)
        ret_faults[i] = f->at[i];
    size_t all = f->all;
    pthread_mutex_unlock(&c->lock);
    return all;
}

size_t controller_faults(struct controller *c, unsigned zone, struct controller_fault *ret_faults,
                         size_t max)
{
    return copy_faults(c, &c->zones[zone].faults, ret_faults, max);
}

size_t controller_notes(struct controller *c, unsigned zone, struct controller_fault *ret_notes,
                        size_t max)
{
    return copy_faults(c, &c->zones[zone].notes, ret_notes, max);
}

/* ---- what the operator says ---- */

static int ask(struct controller *c, unsigned zone, enum ask_kind kind, uint64_t deadline_ns,
               struct problem *ret_problem)
{
    struct ask *a = ask_new(kind, zone, deadline_ns);

    if (!a)
        return problem_set(ret_problem, -ENOMEM, NULL, "no memory");
    int r = asks_put(c->asks, a);
    if (r < 0) {
        free(a);
        return problem_set(ret_problem, r, NULL, "betterdns is stopping");
    }
    files_ask(c->files);
    return asks_wait(c->asks, a, ret_problem);
}

int controller_accept(struct controller *c, unsigned zone, uint64_t deadline_ns,
                      struct problem *ret_problem)
{
    return ask(c, zone, ASK_ACCEPT, deadline_ns, ret_problem);
}

int controller_discard(struct controller *c, unsigned zone, uint64_t deadline_ns,
                       struct problem *ret_problem)
{
    return ask(c, zone, ASK_DISCARD, deadline_ns, ret_problem);
}
