/* How the server is told to read its configuration and its zones again, and when it is believed to
 * have done so. */
#include "conf_impl.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <betterdns/log.h>

#include "own.h"
#include "publish_table.h"

#define CHECK_EVERY_NS (500 * NS_PER_MS)
#define RETRY_NS (60 * NS_PER_S)
/* Where the child's sockets cannot be seen: many times as long as two instances were seen at once
 * (1.5 ms, two busy cores). */
#define BLIND_NS (50 * NS_PER_MS)

int conf_reload_new(struct conf *f)
{
    const struct server_commands *commands = &f->c->commands;
    int r = 0;

    f->proof = proof_of_reload(f->c->kind, proof_is_named(f->c));
    if (commands->reload)
        r = control_new(f->c->loop, commands->reload, &f->reload_command);
    if (r == 0 && commands->stop)
        r = control_new(f->c->loop, commands->stop, &f->stop_command);
    return r;
}

void conf_reload_free(struct conf *f)
{
    control_free(f->reload_command);
    control_free(f->stop_command);
}

void conf_reload_begin(struct conf *f, unsigned revision)
{
    f->next_check_ns = 0;
    reload_begin(&f->reload, f->proof, revision);
}

bool conf_end(struct conf *f)
{
    return f->stop_command && control_run(f->stop_command) == 0;
}

/* ---- telling ---- */

/* It reads every zone. */
static uint64_t patience(struct conf *f)
{
    struct controller *c = f->c;
    uint64_t load_ns = 0;

    pthread_mutex_lock(&c->lock);
    for (unsigned i = 0; i < c->nzones; i++)
        load_ns += c->zones[i].load_ns;
    pthread_mutex_unlock(&c->lock);
    return publish_patience_ns(load_ns);
}

/* What the server has read is in force. */
static void note_in_force(struct conf *f, unsigned revision)
{
    if (f->c->own)
        own_in_force(f->c->own, revision);
}

/* One that reads its configuration too is told by a new one. */
static int renew(struct conf *f, const struct child *child)
{
    const unsigned newest = f->reload.seen > f->revision ? f->reload.seen : f->revision;

    conf_decide_polls(f);
    int r = conf_write_again(f, child, newest + 1);
    if (r == 0)
        r = child_signal(child, f->c->kind->reload_signal);
    if (r < 0)
        return r;
    const uint64_t now = clock_mono_ns(), patience_ns = patience(f);
    reload_sent(&f->reload, f->revision, now, patience_ns);
    resend_start(&f->resend, child, now, patience_ns);
    if (f->c->own)
        own_sent(f->c->own, f->revision);
    if (!reload_outstanding(&f->reload))
        note_in_force(f, f->revision);
    return 0;
}

/* It compares times, and the time of a file is that of its writing, not of its rename: of a copy
 * that was written while the server read an earlier one it would say that it is read already. The
 * kernel's own time stamps are some milliseconds old. */
static void renew_time(struct controller *c, struct ctl_zone *z, const struct timespec times[2])
{
    struct people_stat copy, renewed;
    struct stat st;

    pthread_mutex_lock(&c->lock);
    bool outstanding = z->renewing = z->outstanding;
    copy = z->copy;
    pthread_mutex_unlock(&c->lock);
    if (!outstanding)
        return;
    int fd = open(z->live, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    bool done = fd >= 0 && fstat(fd, &st) == 0;
    renewed = done ? people_stat_of(&st) : copy;
    /* Another one, which was written just now, is told of next; or it is not ours. */
    done =
        done && people_stat_eq(&renewed, &copy) && futimens(fd, times) == 0 && fstat(fd, &st) == 0;
    if (fd >= 0)
        close(fd);
    pthread_mutex_lock(&c->lock);
    if (done && people_stat_eq(&z->copy, &copy))
        z->copy = people_stat_of(&st);
    z->renewing = false;
    pthread_mutex_unlock(&c->lock);
}

static void renew_times(struct conf *f)
{
    struct timespec now[2];

    clock_gettime(CLOCK_REALTIME, &now[0]);
    now[1] = now[0];
    for (unsigned i = 0; i < f->c->nzones; i++)
        renew_time(f->c, &f->c->zones[i], now);
}

/* One that reads its zones alone is told each time, whatever it does at that moment. */
static int tell(struct conf *f, const struct child *child)
{
    return f->reload_command ? control_run(f->reload_command)
                             : child_signal(child, f->c->kind->reload_signal);
}

int conf_reload(struct conf *f, const struct child *child)
{
    const struct server_kind *kind = f->c->kind;

    if (kind->by_time)
        renew_times(f);
    if (!kind->rereads)
        return tell(f, child);
    return reload_may_send(&f->reload) ? renew(f, child) : -EAGAIN;
}

void conf_reload_last(struct conf *f, const struct child *child)
{
    const struct server_kind *kind = f->c->kind;
    int r = 0;

    if (kind->by_time)
        renew_times(f);
    if (f->reload_command)
        r = control_run_last(f->reload_command);
    else if (!kind->rereads)
        r = tell(f, child);
    else if (f->reload.seen != 0) /* before its first answer it would end it */
        r = renew(f, child);

    if (r < 0)
        log_warning("the server could not be told of the last copies", LOG_C("path", f->path),
                    LOG_ERR(r));
}

bool conf_is_telling(const struct conf *f)
{
    return f->reload_command && control_is_running(f->reload_command);
}

/* ---- believing ---- */

/* Does no earlier instance answer any more? */
static bool is_alone(const struct conf *f, const struct child *child, uint64_t now)
{
    const struct server_kind *kind = f->c->kind;
    int overlaps = kind->overlaps ? kind->overlaps(child->pid) : 0;

    return overlaps == 0 || (overlaps < 0 && now - f->reload.seen_ns > BLIND_NS);
}

/* One that does not read its configuration goes on with the old one: that is tried again later. */
static void give_up_late(struct conf *f, const struct child *child, uint64_t now)
{
    bool busy = reload_outstanding(&f->reload) && now >= f->reload.deadline_ns &&
                resend_busy(&f->resend, child);

    if (reload_check(&f->reload, now, busy) != RELOAD_GIVEN_UP)
        return;
    log_warning("the server did not read its configuration again: its own log says why",
                LOG_C("path", f->path), LOG_UINT("revision", f->revision));
    f->next_check_ns = now + RETRY_NS;
    if (f->c->own)
        own_refused(f->c->own);
}

bool conf_heard(struct conf *f, const struct child *child, unsigned revision)
{
    uint64_t now = clock_mono_ns();
    enum reload_trust trust = reload_heard(&f->reload, revision, now);

    if (trust == RELOAD_LOOK && is_alone(f, child, now)) {
        trust = reload_alone(&f->reload, revision);
        note_in_force(f, revision);
    }
    if (reload_outstanding(&f->reload) && resend_due(&f->resend, child, now))
        child_signal(child, f->c->kind->reload_signal);
    give_up_late(f, child, now);
    return trust == RELOAD_TRUST;
}

/* ---- what is to be read ---- */

void conf_recheck(struct conf *f)
{
    f->next_check_ns = 0;
}

void conf_sync(struct conf *f, const struct child *child)
{
    uint64_t now = clock_mono_ns();

    if (now < f->next_check_ns || !reload_may_send(&f->reload))
        return;
    f->next_check_ns = now + CHECK_EVERY_NS;
    bool differs = conf_decide_polls(f) || (f->c->own && own_is_due(f->c->own));
    if (f->revision == 0)
        differs = conf_adopted_differs(f, child) || differs;
    if (!differs && f->reload.seen == f->revision)
        return;
    int r = conf_reload(f, child);
    if (r < 0) {
        log_warning("the server's configuration could not be renewed", LOG_C("path", f->path),
                    LOG_ERR(r));
        f->next_check_ns = now + RETRY_NS;
        return;
    }
    log_info("the server reads its configuration again", LOG_C("path", f->path),
             LOG_UINT("revision", f->revision));
}
