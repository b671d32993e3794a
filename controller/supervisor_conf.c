/* When the child's configuration is looked at: with its answers, and when something has changed. */
#include <stdlib.h>
#include <unistd.h>

#include <betterdns/file.h>
#include <betterdns/sockaddr.h>

#include "own.h"
#include "proof.h"
#include "supervisor_impl.h"

#define WHY_NS (10 * NS_PER_S) /* it reads the zones first */
#define WHY_BYTES_MAX 16384U

/* What an adopted one reads, and how often, may have been decided by another configuration. */
static void sync_conf(struct supervisor *s)
{
    if (s->state == CHILD_READY || s->state == CHILD_REPLACING ||
        (s->state == CHILD_STARTING && s->child.adopted))
        conf_sync(s->conf, &s->child);
}

/* The child has read another configuration than at its start: a later betterdns is to adopt it by
 * that one. */
static void note_fingerprint(struct supervisor *s)
{
    struct conf *fresh;

    if (conf_new(s->c, s->binary, &fresh) < 0)
        return;
    if (conf_fingerprint(fresh, &s->child.fingerprint) == 0)
        s->child.unnoted = true;
    conf_free(fresh);
    child_note(&s->child);
}

/* ---- why the user's configuration is refused ---- */

/* To be freed. */
static char *why_path(const struct supervisor *s)
{
    struct buf path = {0};

    buf_addf(&path, "%s/%s.why", s->c->live, s->c->kind->config_name);
    if (path.error)
        buf_free(&path);
    return path.p;
}

static void remove_why(const struct supervisor *s)
{
    char *path = why_path(s);

    if (path)
        unlink(path);
    free(path);
}

static void told_why(struct supervisor *s, struct str output)
{
    struct str words = {NULL, 0};
    char *path = why_path(s);

    if (path && output.n > 0)
        (void)s->c->kind->failure(output, &words);
    if (path)
        own_told_why(s->c->own, path, words);
    free(path);
    remove_why(s);
    supervisor_note(s);
}

static void on_why(void *arg, const struct capture_end *end)
{
    struct supervisor *s = arg;

    s->why = NULL;
    told_why(s, end->late ? (struct str){NULL, 0} : end->output);
}

/* The server has said it, but to the log alone: a second one is to say it to us. */
static void ask_why(struct supervisor *s)
{
    char host[SOCKADDR_HOST_SIZE];
    const char *argv[SERVER_ARGS_MAX];
    struct buf text = {0};
    char *path = why_path(s);

    if (s->why || !own_asks_why(s->c->own, sockaddr_host(&s->child.asked, host), &text))
        goto out;
    int r = path ? text.error : -ENOMEM;
    if (r == 0)
        r = file_write_atomic(path, buf_str(&text), 0640, false);
    const struct server_config config = {.binary = s->binary, .path = path};
    const struct capture_plan plan = {.argv = argv,
                                      .folder = own_folder(s->c->own),
                                      .deadline_ns = clock_deadline(WHY_NS),
                                      .output_max = WHY_BYTES_MAX};
    s->c->kind->arguments(&config, argv);
    if (r == 0)
        r = capture_start(s->c->loop, &plan, on_why, s, &s->why);
    if (r < 0)
        told_why(s, (struct str){NULL, 0});
out:
    free(path);
    buf_free(&text);
}

void supervisor_cancel_captures(struct supervisor *s)
{
    if (s->why)
        remove_why(s);
    capture_cancel(s->version);
    capture_cancel(s->diagnosis);
    capture_cancel(s->why);
    s->version = s->diagnosis = s->why = NULL;
}

bool supervisor_heard(void *arg, unsigned revision)
{
    struct supervisor *s = arg;
    bool sure = conf_heard(s->conf, &s->child, revision);

    if (s->c->own && own_renewed(s->c->own))
        note_fingerprint(s);
    if (s->c->own)
        ask_why(s);
    /* Of one that does not say who it is, where others answer too, no answer is sure beside a
     * stranger. */
    sure = sure && !(s->stranger[0] && !s->child.has_private && !proof_is_named(s->c));

    sync_conf(s);
    return sure;
}

void supervisor_look(struct supervisor *s)
{
    struct own *own = s->c->own;

    if (!own || s->state != CHILD_READY)
        return;
    own_look(own);
    if (own_is_due(own))
        supervisor_exchanged(s);
    supervisor_note(s);
}

void supervisor_exchanged(struct supervisor *s)
{
    if (!s->conf || s->child.pidfd < 0)
        return;
    conf_recheck(s->conf);
    sync_conf(s);
}
