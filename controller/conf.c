/* The server's configuration file and the signal. */
#include "conf.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <betterdns/file.h>
#include <betterdns/log.h>
#include <betterdns/process.h>
#include <betterdns/sockaddr.h>

#include "control.h"
#include "corefile.h"
#include "internal.h"
#include "own.h"
#include "publish_table.h"
#include "reload.h"

#define CHECK_EVERY_NS (500 * NS_PER_MS)
#define RETRY_NS (60 * NS_PER_S)
/* Where the child's sockets cannot be seen: many times as long as two instances were seen at once
 * (1.5 ms, two busy cores). */
#define BLIND_NS (50 * NS_PER_MS)
#define DIRS 8U
#define DIR_NUMBER_SIZE 2U
_Static_assert(DIRS <= 10, "one digit");

struct conf {
    struct controller *c;
    const char *binary;
    char *path;
    char *dir;    /* ends in the number of a generation's own, */
    size_t dir_n; /* which stands here */
    char version[SERVER_VERSION_SIZE];
    struct server_zone *zones;
    struct buf text;   /* as written */
    unsigned revision; /* as written; 0: adopted, not known yet */
    unsigned seen;     /* the greatest that the child showed, */
    uint64_t seen_ns;  /* and when it did so first */
    struct reload reload;
    struct control *reload_command, *stop_command; /* NULL: a signal */
    uint64_t cpu;                                  /* of the child, when it was signalled */
    uint64_t next_check_ns;
    char nsid[CHILD_NSID_SIZE + 12];
    const char *argv[SERVER_ARGS_MAX];
};

/* generation 0: the file that a child reads which nobody lives beside. To be freed. */
static char *path_of(const struct controller *c, unsigned generation)
{
    struct buf path = {0};

    buf_addf(&path, "%s/%s", c->live, c->kind->config_name);
    if (generation > 0)
        buf_addf(&path, ".%u", generation);
    if (path.error)
        buf_free(&path);
    return path.p;
}

static int set_path(struct conf *f, unsigned generation)
{
    char *path = path_of(f->c, generation);

    if (!path)
        return -ENOMEM;
    free(f->path);
    f->path = path;
    return 0;
}

int conf_new(struct controller *c, const char *binary, struct conf **ret_conf)
{
    struct buf dir = {0};

    struct conf *f = calloc(1, sizeof(*f));
    if (!f)
        return -ENOMEM;
    f->c = c;
    f->binary = binary;
    f->zones = calloc(c->nzones, sizeof(*f->zones));
    f->path = path_of(c, 0);
    buf_addf(&dir, "%s/server.", c->live);
    f->dir_n = dir.n;
    buf_add(&dir, "0123456789", DIR_NUMBER_SIZE);
    f->dir = dir.p;
    int r = f->zones && f->path && !dir.error ? 0 : -ENOMEM;
    if (r == 0 && c->commands.reload)
        r = control_new(c->loop, c->commands.reload, &f->reload_command);
    if (r == 0 && c->commands.stop)
        r = control_new(c->loop, c->commands.stop, &f->stop_command);
    if (r < 0) {
        conf_free(f);
        return r;
    }
    for (unsigned i = 0; i < c->nzones; i++)
        f->zones[i] = (struct server_zone){.name = c->zones[i].name, .path = c->zones[i].live};
    *ret_conf = f;
    return 0;
}

void conf_free(struct conf *f)
{
    if (!f)
        return;
    control_free(f->reload_command);
    control_free(f->stop_command);
    free(f->zones);
    free(f->path);
    free(f->dir);
    buf_free(&f->text);
    free(f);
}

const char *conf_path(const struct conf *f)
{
    return f->path;
}

/* Decides anew how often each zone is looked at; did anything change? */
static bool decide_polls(struct conf *f)
{
    struct controller *c = f->c;
    struct poll_facts facts = {.nzones = c->nzones};
    uint64_t now = clock_mono_ns();
    bool changed = false;

    if (c->own) /* it says so itself */
        return false;
    pthread_mutex_lock(&c->lock);
    for (unsigned i = 0; i < c->nzones; i++)
        facts.nbusy += rate_is_busy(&c->zones[i].changes, now);
    for (unsigned i = 0; i < c->nzones; i++) {
        struct ctl_zone *z = &c->zones[i];
        facts.now_ms = f->zones[i].poll_ms;
        facts.nrecords = z->nrecords;
        facts.load_ns = z->load_known ? z->load_ns : 0;
        facts.busy = z->changes.busy;
        f->zones[i].poll_ms = z->poll_ms = c->kind->polls ? c->strategy->poll_ms(&facts) : 0;
        changed = changed || facts.now_ms != z->poll_ms;
    }
    pthread_mutex_unlock(&c->lock);
    return changed;
}

/* The folder for what it writes itself. Two generations may live beside each other; what one that
 * is long gone has left there hurts no other. */
static void choose_dir(struct conf *f, const struct child *child)
{
    if (f->dir)
        snprintf(f->dir + f->dir_n, DIR_NUMBER_SIZE, "%u", child->generation % DIRS);
}

static struct server_config describe(struct conf *f, const struct child *child)
{
    choose_dir(f, child);
    snprintf(f->nsid, sizeof(f->nsid), "%s.%u", child->nsid, f->revision);
    return (struct server_config){.binary = f->binary,
                                  .path = f->path,
                                  .listen = &f->c->listen,
                                  .commands = &f->c->commands,
                                  .private = child->has_private ? &child->asked : NULL,
                                  .nsid = f->nsid,
                                  .dir = f->dir,
                                  .version = f->version,
                                  .zones = f->zones,
                                  .nzones = f->c->nzones};
}

static int build(struct conf *f, const struct child *child, struct buf *out)
{
    struct server_config config = describe(f, child);
    char host[SOCKADDR_HOST_SIZE] = "";

    if (config.private)
        sockaddr_host(config.private, host);
    if (f->c->own)
        corefile_fill(own_text(f->c->own), host, config.nsid, out);
    else
        f->c->kind->write_config(&config, out);
    return out->error;
}

static void note_version(struct conf *f)
{
    pthread_mutex_lock(&f->c->lock);
    memcpy(f->version, f->c->status.version, sizeof(f->version));
    pthread_mutex_unlock(&f->c->lock);
}

int conf_fingerprint(struct conf *f, struct hash128 *ret_fingerprint)
{
    struct child nobody = child_none();
    struct buf text = {0};

    note_version(f);
    for (unsigned i = 0; i < f->c->nzones; i++)
        f->zones[i].poll_ms = 0;
    f->revision = 0;
    int r = build(f, &nobody, &text);
    if (r == 0)
        *ret_fingerprint = child_fingerprint(f->binary, buf_str(&text));
    buf_free(&text);
    return r;
}

/* Nobody reads it before it is told to. */
static int write_in_place(const char *path, struct str text)
{
    int fd = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = file_overwrite(fd, text);
    close(fd);
    return r;
}

static int write_file(struct conf *f, const struct child *child)
{
    struct buf text = {0};

    int r = build(f, child, &text);
    if (r == 0)
        r = file_write_atomic(f->path, buf_str(&text), 0640, false);
    if (file_is_full(r) && write_in_place(f->path, buf_str(&text)) == 0)
        r = 0;
    if (r < 0) {
        buf_free(&text);
        return r;
    }
    buf_free(&f->text);
    f->text = text;
    return 0;
}

static void begin(struct conf *f, unsigned revision)
{
    decide_polls(f);
    f->revision = f->seen = revision;
    f->next_check_ns = 0;
    reload_begin(&f->reload, revision);
}

int conf_write(struct conf *f, const struct child *child, bool beside)
{
    int r = set_path(f, beside ? child->generation : 0);

    begin(f, 1);
    choose_dir(f, child);
    if (r == 0 && f->c->kind->writes)
        r = file_make_dirs(f->dir, 0750);
    return r < 0 ? r : write_file(f, child);
}

void conf_forget(const struct controller *c, unsigned generation)
{
    char *path = generation > 0 ? path_of(c, generation) : NULL;

    if (path)
        unlink(path);
    free(path);
}

static bool lives(unsigned generation, const struct child *living, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (living[i].generation == generation)
            return true;
    return false;
}

void conf_sweep(const struct controller *c, const struct child *living, unsigned n)
{
    struct str name = str_c(c->kind->config_name);
    struct dirent *e;
    uint64_t generation;

    DIR *d = opendir(c->live);
    while (d && (e = readdir(d))) {
        struct str entry = str_c(e->d_name);
        if (!str_starts(entry, name) || entry.n <= name.n + 1 || entry.p[name.n] != '.')
            continue;
        entry = (struct str){entry.p + name.n + 1, entry.n - name.n - 1};
        if (str_u64(entry, UINT32_MAX, &generation) == 0 && !lives((unsigned)generation, living, n))
            conf_forget(c, (unsigned)generation);
    }
    if (d)
        closedir(d);
}

void conf_adopt(struct conf *f, const struct child *child)
{
    char *own = path_of(f->c, child->generation);

    if (own && access(own, F_OK) == 0)
        set_path(f, child->generation);
    free(own);
    begin(f, 0);
    buf_reset(&f->text);
    if (file_read(f->path, 16U << 20, &f->text) < 0)
        buf_reset(&f->text); /* then it is written anew */
}

/* The first answer of an adopted child: is what it read what we would have written? */
static bool adopted_differs(struct conf *f, const struct child *child)
{
    struct buf text = {0};

    f->revision = f->seen;
    bool differs = build(f, child, &text) < 0 || !str_eq(buf_str(&text), buf_str(&f->text));
    buf_free(&text);
    return differs;
}

/* ---- the signal ---- */

/* Its answers do not show the revision. */
static bool is_blind(const struct conf *f)
{
    return f->c->own && !own_has_nsid(f->c->own);
}

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

static int renew(struct conf *f, const struct child *child)
{
    uint64_t now = clock_mono_ns();

    decide_polls(f);
    f->revision = (f->seen > f->revision ? f->seen : f->revision) + 1;
    int r = write_file(f, child);
    if (r == 0)
        r = child_signal(child, f->c->kind->reload_signal);
    if (r < 0)
        return r;
    reload_sent(&f->reload, f->revision, now, patience(f));
    if (f->c->own)
        own_sent(f->c->own, f->revision);
    if (is_blind(f)) { /* what it does with that is not to be seen */
        reload_alone(&f->reload, f->revision);
        f->seen = f->revision;
        own_in_force(f->c->own, f->revision);
    }
    f->cpu = child_cpu(child);
    return 0;
}

/* It compares times, and the time of a file is that of its writing, not of its rename: of a copy
 * that was written while the server read an earlier one it would say that it is read already. The
 * kernel's own time stamps are some milliseconds old. */
static void renew_times(struct conf *f)
{
    struct controller *c = f->c;
    struct timespec now[2];

    clock_gettime(CLOCK_REALTIME, &now[0]);
    now[1] = now[0];
    for (unsigned i = 0; i < c->nzones; i++) {
        pthread_mutex_lock(&c->lock);
        bool outstanding = c->zones[i].outstanding;
        pthread_mutex_unlock(&c->lock);
        if (outstanding)
            utimensat(AT_FDCWD, c->zones[i].live, now, AT_SYMLINK_NOFOLLOW);
    }
}

/* One whose identifier says nothing of it is told at once, each time. */
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
    if (!kind->shows_revision)
        return tell(f, child);
    return reload_outstanding(&f->reload) || f->seen == 0 ? -EAGAIN : renew(f, child);
}

void conf_reload_last(struct conf *f, const struct child *child)
{
    int r = 0;

    if (f->c->kind->by_time)
        renew_times(f);
    if (!f->c->kind->shows_revision)
        r = tell(f, child);
    else if (f->seen != 0) /* before its first answer it would end it */
        r = renew(f, child);

    if (r < 0)
        log_warning("the server could not be told of the last copies", LOG_C("path", f->path),
                    LOG_ERR(r));
}

bool conf_end(struct conf *f)
{
    return f->stop_command && control_run(f->stop_command) == 0;
}

/* Does no earlier instance answer any more? */
static bool is_alone(const struct conf *f, const struct child *child, uint64_t now)
{
    const struct server_kind *kind = f->c->kind;
    int overlaps = kind->overlaps ? kind->overlaps(child->pid) : 0;

    return overlaps == 0 || (overlaps < 0 && now - f->seen_ns > BLIND_NS);
}

bool conf_heard(struct conf *f, const struct child *child, unsigned revision)
{
    uint64_t now = clock_mono_ns();

    if (is_blind(f)) {
        if (f->seen == 0) /* adopted */
            f->seen = f->revision = 1;
        return true;
    }
    if (revision > f->seen) { /* a late answer shows an earlier one */
        f->seen = revision;
        f->seen_ns = now;
    }
    enum reload_trust trust = reload_heard(&f->reload, revision);
    if (trust == RELOAD_LOOK && is_alone(f, child, now)) {
        reload_alone(&f->reload, revision);
        if (f->c->own)
            own_in_force(f->c->own, revision);
        trust = reload_heard(&f->reload, revision);
    }
    bool busy = reload_outstanding(&f->reload) && now >= f->reload.deadline_ns &&
                child_worked(f->cpu, child_cpu(child));
    if (reload_check(&f->reload, now, busy) == RELOAD_GIVEN_UP) {
        log_warning("the server did not read its configuration again: its own log says why",
                    LOG_C("path", f->path), LOG_UINT("revision", f->revision));
        f->next_check_ns = now + RETRY_NS;
        if (f->c->own)
            own_refused(f->c->own);
    }
    /* Where the identifier says nothing of it, a reload may be going on at any time. */
    if (!f->c->kind->shows_revision && !is_alone(f, child, now))
        return false;
    return trust == RELOAD_TRUST;
}

void conf_recheck(struct conf *f)
{
    f->next_check_ns = 0;
}

void conf_sync(struct conf *f, const struct child *child)
{
    uint64_t now = clock_mono_ns();

    if (now < f->next_check_ns || f->seen == 0 || reload_outstanding(&f->reload))
        return;
    f->next_check_ns = now + CHECK_EVERY_NS;
    bool differs = decide_polls(f) || (f->c->own && own_is_due(f->c->own));
    if (f->revision == 0)
        differs = adopted_differs(f, child) || differs;
    if (!differs && f->seen == f->revision)
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

const char *const *conf_arguments(struct conf *f, const struct child *child)
{
    struct server_config config = describe(f, child);

    f->c->kind->arguments(&config, f->argv);
    return f->argv;
}
