/* Files that exports have displaced: whoever had one open may write to it still. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <betterdns/error.h>
#include <betterdns/log.h>

#include "people/people.h"
#include "told.h"

#define SOON_NS (2 * NS_PER_S)   /* for so long it is looked at often */
#define QUIET_NS (10 * NS_PER_S) /* where leases do not work, nobody writes any more after it */

void people_add_prev(struct people *p, char *path, const struct hash128 *expected, uint64_t now)
{
    struct prev *v = calloc(1, sizeof(*v));

    if (!v) { /* the next start finds it */
        free(path);
        return;
    }
    *v = (struct prev){.path = path, .texts = p->texts, .since_ns = now, .next = p->prevs};
    if (expected) {
        v->known = true;
        v->expected = *expected;
    }
    p->prevs = v;
}

static void free_prev(struct prev *v)
{
    free(v->path);
    free(v);
}

void people_free_prevs(struct people *p)
{
    while (p->prevs) {
        struct prev *next = p->prevs->next;
        free_prev(p->prevs);
        p->prevs = next;
    }
}

/* ---- looking after one ---- */

/* A save that is refused gets its place again, so that its author sees it there: while nobody has
 * touched ours since. */
static bool put_back(struct people *p, struct prev *v)
{
    char *resolved = people_resolve(people_zone(p)->file);

    bool back = resolved && v->known && p->file == FILE_CLEAN && people_is_ours(p) &&
                people_stands(p) &&
                renameat2(AT_FDCWD, v->path, AT_FDCWD, resolved, RENAME_EXCHANGE) == 0;
    free(resolved);
    if (!back)
        return false;
    v->expected = p->plain; /* ours is beside it now */
    v->texts = p->texts;
    p->unsure = true;
    p->moved = true;
    p->look_ns = 0;
    return true;
}

/* It may be the only copy of what somebody wrote. */
static void keep_saved(struct people *p, const struct prev *v, const char *why)
{
    struct buf kept = {0};

    int r = people_move_aside(people_zone(p)->file, "saved", v->path, &kept);
    log_error("what somebody wrote to a displaced zone file cannot be merged, and is kept",
              LOG_C("zone", people_zone(p)->name), LOG_C("kept", r == 0 ? kept.p : v->path),
              LOG_C("reason", why));
    told_rejected_why(p->c, people_zone(p), r == 0 ? kept.p : v->path, why);
    buf_free(&kept);
}

static void forget_authored(struct people *p)
{
    buf_free(&p->authored);
    free(p->authored_path);
    p->authored_path = NULL;
}

void people_drop_authored(struct people *p)
{
    if (p->authored_path)
        unlink(p->authored_path);
    forget_authored(p);
}

static void keep_comments(struct people *p, const char *path)
{
    struct buf kept = {0};

    int r = people_move_aside(people_zone(p)->file, "saved", path, &kept);
    log_warning("two saves came at once: both are merged, and the comments of one are kept beside "
                "the file",
                LOG_C("zone", people_zone(p)->name), LOG_C("kept", r == 0 ? kept.p : path));
    buf_free(&kept);
}

void people_keep_authored(struct people *p)
{
    keep_comments(p, p->authored_path);
    forget_authored(p);
}

/* What a displaced save asks for is in the zone; its comments go back into the file. */
static void take_text(struct people *p, struct prev *v, const struct saved *saved, struct buf *text)
{
    struct buf kept = {0};

    if (!v->known) { /* what people have written since it was displaced is not known either */
        if (people_has_own_comments(p, buf_str(text)))
            keep_comments(p, v->path);
        else
            unlink(v->path);
        return;
    }
    if (saved->verdict == SAVE_STALE) {
        if (people_move_aside(people_zone(p)->file, "held", v->path, &kept) == 0)
            people_find_held(p);
        buf_free(&kept);
        return;
    }
    if (v->texts != p->texts) { /* in the file stand comments that this text does not have */
        keep_comments(p, v->path);
        return;
    }
    p->texts++;
    p->authored = *text;
    p->authored_path = v->path;
    *text = (struct buf){0};
    v->path = NULL;
}

/* true: it is done with. */
static bool merge_prev(struct people *p, struct prev *v, struct buf *text, uint64_t now)
{
    struct faults faults = {0};
    struct problem problem = {0};
    struct saved saved;

    const struct people_merging merging = {buf_str(text), NULL, false,
                                           clock_deadline(PEOPLE_RETRY_NS)};
    int r = people_merge(p, &merging, &saved, &faults, &problem);
    bool done = r == 0 && saved.verdict != SAVE_TOO_MANY;
    if (done) {
        if (saved.verdict == SAVE_MERGED)
            log_info("what was written to a displaced zone file is merged",
                     LOG_C("zone", people_zone(p)->name), LOG_UINT("seq", saved.seq),
                     LOG_UINT("added", saved.added), LOG_UINT("deleted", saved.deleted));
        p->urgent = p->moved = true;
        take_text(p, v, &saved, text);
    } else if (r < 0 && !people_refuses(r)) {
        v->look_ns = now + NS_PER_S;
    } else if (!put_back(p, v)) {
        keep_saved(p, v,
                   r == 0         ? "it deletes many records"
                   : faults.n > 0 ? faults.at[0].message
                                  : bd_strerror(r));
        done = true;
    }
    faults_free(&faults);
    return done;
}

static bool is_ours(struct people *p, const struct prev *v, const struct hash128 *content)
{
    if (v->known)
        return hash128_eq(content, &v->expected);
    return registry_export_known(p->c->registry, p->zone, content, NULL);
}

/* Somebody has it open. The directory's events, and the regular look, tell of the end. */
static void wait_for_writer(struct people *p, struct prev *v, uint64_t again_ns, uint64_t now)
{
    bool soon = now - v->since_ns < SOON_NS;

    v->look_ns = soon ? again_ns : UINT64_MAX;
    if (soon || v->told)
        return;
    v->told = true;
    log_info("somebody has a zone file open that was exported since: it is looked after",
             LOG_C("zone", people_zone(p)->name), LOG_C("file", v->path));
}

static bool is_no_text(int error)
{
    return error == -BD_ESYNTAX || error == -EFBIG || error == -EISDIR || error == -EINVAL ||
           error == -EXDEV;
}

/* true: it is done with. */
static bool look_at(struct people *p, struct prev *v, uint64_t now)
{
    struct save_fault fault = {0};
    struct save_text text;
    uint64_t again_ns = 0;
    bool done = false;

    int r = save_read(&v->reader, v->path, &text, &again_ns, &fault);
    if (r == -EAGAIN) {
        wait_for_writer(p, v, again_ns, now);
        return false;
    }
    if (r == -ENOENT)
        return true;
    if (r < 0 && is_no_text(r)) {
        keep_saved(p, v, fault.message);
        return true;
    }
    if (r < 0) { /* no descriptors, no memory, no rights: that may pass */
        v->look_ns = now + PEOPLE_RETRY_NS;
        return false;
    }
    if (!is_ours(p, v, &text.content))
        done = merge_prev(p, v, &text.text, now);
    else if (text.leased || now - v->since_ns >= QUIET_NS)
        done = unlink(v->path) == 0 || errno == ENOENT;
    else
        v->look_ns = v->since_ns + QUIET_NS;
    if (!done && v->look_ns <= now)
        v->look_ns = now + PEOPLE_RETRY_NS;
    buf_free(&text.text);
    return done;
}

uint64_t people_prevs_next(const struct people *p)
{
    uint64_t next_ns = UINT64_MAX;

    for (const struct prev *v = p->prevs; v; v = v->next)
        next_ns = v->look_ns < next_ns ? v->look_ns : next_ns;
    return next_ns;
}

uint64_t people_look_prevs(struct people *p, uint64_t now, bool look)
{
    for (struct prev **at = &p->prevs; *at;) {
        struct prev *v = *at;
        if ((look || v->look_ns <= now) && look_at(p, v, now)) {
            *at = v->next;
            free_prev(v);
            continue;
        }
        at = &v->next;
    }
    return people_prevs_next(p);
}

/* ---- what a crash left ---- */

struct left {
    struct people *p;
    uint64_t now;
    unsigned newest; /* of those that are held */
};

static void found_prev(void *arg, const char *path, unsigned n)
{
    struct left *left = arg;
    char *copy = str_dup(str_c(path));

    (void)n;
    if (copy)
        people_add_prev(left->p, copy, NULL, left->now);
}

static void found_held(void *arg, const char *path, unsigned n)
{
    struct left *left = arg;
    char *copy = n > left->newest ? str_dup(str_c(path)) : NULL;

    if (!copy)
        return;
    free(left->p->held);
    left->p->held = copy;
    left->newest = n;
}

/* An export that never came to the exchange: then it would have another name. */
static bool found_temp(void *arg, const char *path)
{
    (void)arg;
    return unlink(path) == 0;
}

void people_find_held(struct people *p)
{
    struct left left = {.p = p};

    free(p->held);
    p->held = NULL;
    people_each_aside(people_zone(p)->file, "held", found_held, &left);
    p->dirty = true;
}

void people_find_left(struct people *p, uint64_t now)
{
    struct left left = {.p = p, .now = now};
    char *resolved = people_resolve(people_zone(p)->file);

    if (resolved)
        file_each_left(resolved, found_temp, p);
    free(resolved);
    people_each_aside(people_zone(p)->file, "prev", found_prev, &left);
    people_find_held(p);
}
