/* The server's configuration file: what is written into it, and where. */
#include "conf_impl.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <betterdns/file.h>
#include <betterdns/sockaddr.h>

#include "corefile.h"
#include "own.h"

#define DIRS 8U
#define DIR_NUMBER_SIZE 2U
_Static_assert(DIRS <= 10, "one digit");

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
    if (r == 0)
        r = conf_reload_new(f);
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
    conf_reload_free(f);
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

bool conf_decide_polls(struct conf *f)
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

/* The folder for what it writes itself: two generations may live beside each other. */
static void choose_dir(struct conf *f, const struct child *child)
{
    if (f->dir)
        snprintf(f->dir + f->dir_n, DIR_NUMBER_SIZE, "%u", child->generation % DIRS);
}

static struct server_config describe(struct conf *f, const struct child *child)
{
    choose_dir(f, child);
    if (f->proof == PROOF_REVISION)
        snprintf(f->nsid, sizeof(f->nsid), "%s.%u", child->nsid, f->revision);
    else
        snprintf(f->nsid, sizeof(f->nsid), "%s", child->nsid);
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
    conf_decide_polls(f);
    f->revision = revision;
    conf_reload_begin(f, revision);
}

/* Made, and empty: the number in a PID file that a killed server has left may be another process'
 * by now, and a server that finds it does not start. */
static int make_dir(const char *path)
{
    struct dirent *e;

    int r = file_make_dirs(path, 0750);
    DIR *d = r == 0 ? opendir(path) : NULL;
    while (d && (e = readdir(d)))
        if (unlinkat(dirfd(d), e->d_name, 0) < 0)
            unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR); /* an empty one; "." and ".." are none */
    if (d)
        closedir(d);
    return r;
}

int conf_write(struct conf *f, const struct child *child, bool beside)
{
    int r = set_path(f, beside ? child->generation : 0);

    begin(f, 1);
    choose_dir(f, child);
    if (r == 0 && f->c->kind->writes)
        r = make_dir(f->dir);
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

bool conf_adopted_differs(struct conf *f, const struct child *child)
{
    struct buf text = {0};

    f->revision = f->reload.seen;
    bool differs = build(f, child, &text) < 0 || !str_eq(buf_str(&text), buf_str(&f->text));
    buf_free(&text);
    return differs;
}

int conf_write_again(struct conf *f, const struct child *child, unsigned revision)
{
    f->revision = revision;
    return write_file(f, child);
}

const char *const *conf_arguments(struct conf *f, const struct child *child)
{
    struct server_config config = describe(f, child);

    f->c->kind->arguments(&config, f->argv);
    return f->argv;
}
