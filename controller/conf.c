/* The server's configuration file. */
#include "conf.h"

#include <stdio.h>
#include <stdlib.h>

#include <betterdns/file.h>
#include <betterdns/log.h>

#include "internal.h"

#define CHECK_EVERY_NS (500 * NS_PER_MS)
#define RELOAD_NS (30 * NS_PER_S) /* a zone of a million records takes 8 s */
#define RETRY_NS (60 * NS_PER_S)

struct conf {
    struct controller *c;
    const char *binary;
    char *path;
    struct server_zone *zones;
    struct buf text;    /* as written */
    unsigned revision;  /* as written; 0: adopted, not known yet */
    unsigned seen;      /* the greatest that the child showed */
    uint64_t reload_ns; /* the signal that is outstanding gives up then; 0: none is */
    uint64_t next_check_ns;
    char nsid[CHILD_NSID_SIZE + 12];
    const char *argv[SERVER_ARGS_MAX];
};

int conf_new(struct controller *c, const char *binary, struct conf **ret_conf)
{
    struct buf path = {0};

    struct conf *f = calloc(1, sizeof(*f));
    if (!f)
        return -ENOMEM;
    f->c = c;
    f->binary = binary;
    f->zones = calloc(c->nzones, sizeof(*f->zones));
    buf_addf(&path, "%s/%s", c->live, c->kind->config_name);
    f->path = path.p;
    if (!f->zones || path.error) {
        conf_free(f);
        return -ENOMEM;
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
    free(f->zones);
    free(f->path);
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
    bool changed = false;

    pthread_mutex_lock(&c->lock);
    for (unsigned i = 0; i < c->nzones; i++) {
        unsigned now = f->zones[i].poll_ms;
        f->zones[i].poll_ms = c->strategy->poll_ms(now, c->zones[i].nrecords, c->nzones);
        changed = changed || now != f->zones[i].poll_ms;
    }
    pthread_mutex_unlock(&c->lock);
    return changed;
}

static struct server_config describe(struct conf *f, const struct child *child)
{
    snprintf(f->nsid, sizeof(f->nsid), "%s.%u", child->nsid, f->revision);
    return (struct server_config){.binary = f->binary,
                                  .path = f->path,
                                  .listen = &f->c->listen,
                                  .private = child->has_private ? &child->private : NULL,
                                  .nsid = f->nsid,
                                  .zones = f->zones,
                                  .nzones = f->c->nzones};
}

static int build(struct conf *f, const struct child *child, struct buf *out)
{
    struct server_config config = describe(f, child);

    f->c->kind->write_config(&config, out);
    return out->error;
}

int conf_fingerprint(struct conf *f, struct hash128 *ret_fingerprint)
{
    struct child nobody = child_none();
    struct buf text = {0};

    for (unsigned i = 0; i < f->c->nzones; i++)
        f->zones[i].poll_ms = 0;
    f->revision = 0;
    int r = build(f, &nobody, &text);
    if (r == 0)
        *ret_fingerprint = child_fingerprint(f->binary, buf_str(&text));
    buf_free(&text);
    return r;
}

static int write_file(struct conf *f, const struct child *child)
{
    struct buf text = {0};

    int r = build(f, child, &text);
    if (r == 0)
        r = file_write_atomic(f->path, buf_str(&text), 0640, false);
    if (r < 0) {
        buf_free(&text);
        return r;
    }
    buf_free(&f->text);
    f->text = text;
    return 0;
}

int conf_write(struct conf *f, const struct child *child)
{
    decide_polls(f);
    f->revision = f->seen = 1;
    f->reload_ns = f->next_check_ns = 0;
    return write_file(f, child);
}

void conf_adopt(struct conf *f)
{
    decide_polls(f);
    f->revision = f->seen = 0;
    f->reload_ns = f->next_check_ns = 0;
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

static void reload(struct conf *f, const struct child *child, uint64_t now)
{
    f->revision = (f->seen > f->revision ? f->seen : f->revision) + 1;
    int r = write_file(f, child);
    if (r == 0)
        r = child_signal(child, f->c->kind->reload_signal);
    if (r < 0) {
        log_warning("the server's configuration could not be renewed", LOG_C("path", f->path),
                    LOG_ERR(r));
        f->next_check_ns = now + RETRY_NS;
        return;
    }
    f->reload_ns = now + RELOAD_NS;
    log_info("the server reads its configuration again", LOG_C("path", f->path),
             LOG_UINT("revision", f->revision));
}

void conf_sync(struct conf *f, const struct child *child, unsigned revision)
{
    uint64_t now = clock_mono_ns();

    if (revision > f->seen) /* a late answer shows an earlier one */
        f->seen = revision;
    if (f->reload_ns > 0) {
        if (f->seen < f->revision && now < f->reload_ns)
            return;
        if (f->seen < f->revision) {
            log_warning("the server did not take its new configuration", LOG_C("path", f->path));
            f->next_check_ns = now + RETRY_NS;
        }
        f->reload_ns = 0;
    }
    if (now < f->next_check_ns)
        return;
    f->next_check_ns = now + CHECK_EVERY_NS;
    bool differs = decide_polls(f);
    if (f->revision == 0)
        differs = adopted_differs(f, child) || differs;
    if (differs || f->seen != f->revision)
        reload(f, child, now);
}

const char *const *conf_arguments(struct conf *f, const struct child *child)
{
    struct server_config config = describe(f, child);

    f->c->kind->arguments(&config, f->argv);
    return f->argv;
}
