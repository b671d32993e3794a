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

/* For so long it is looked at often, and never removed: who has found the file by its name before
 * the exchange may not have it open yet, as far as the kernel tells. At a stop there is less time.
 */
#define SOON_NS (2 * NS_PER_S)
#define SOON_AT_A_STOP_NS (100 * NS_PER_MS)

/* Where leases do not work nobody tells of a writer, who may sit at another machine: what was
 * displaced is kept for so long, and after it until nobody here is seen to have it open. Of more
 * files or bytes than that the oldest go sooner, but not before 10 s. */
#define KEEP_NS (3600 * NS_PER_S)
#define KEEP_LEAST_NS (10 * NS_PER_S)
#define KEEP_FILES 64U
#define KEEP_BYTES ((uint64_t)64 << 20)
#define SEARCH_EVERY_NS (5 * NS_PER_S) /* all that processes have open is much to look at */

void people_add_prev(struct people *p, char *path, const struct hash128 *expected, uint64_t now)
{
    struct prev *v = calloc(1, sizeof(*v));

    if (!v) { /* the next start finds it */
        free(path);
        return;
    }
    *v = (struct prev){.path = path, .texts = p->texts, .since_ns = now, .next = p->prevs};
    if (expected) {
        v->known = v->settled = true;
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

static uint64_t age(const struct prev *v, uint64_t now)
{
    return now > v->since_ns ? now - v->since_ns : 0;
}

/* ---- what somebody wrote there ---- */

/* A save that is refused gets its place again, so that its author sees it there: while nobody has
 * touched ours since. */
static bool put_back(struct people *p, struct prev *v, uint64_t now)
{
    char *resolved = people_resolve(people_zone(p)->file);

    bool back = resolved && v->known && p->file == FILE_CLEAN && people_is_ours(p) &&
                people_stands(p) &&
                renameat2(AT_FDCWD, v->path, AT_FDCWD, resolved, RENAME_EXCHANGE) == 0;
    free(resolved);
    if (!back)
        return false;
    v->expected = p->plain; /* ours is beside it now, and somebody may have that open */
    v->texts = p->texts;
    v->since_ns = now;
    p->unsure = true;
    p->moved = true;
    p->look_ns = 0;
    return true;
}

/* A copy: whoever writes there still is heard, too. */
static int keep(struct people *p, struct prev *v, const char *suffix, struct str text,
                struct buf *ret_kept)
{
    int r = people_put_aside(people_zone(p)->file, suffix, text, ret_kept);

    if (r < 0 && !v->unkept)
        log_warning("what somebody wrote to a displaced zone file cannot be kept beside the file "
                    "yet: it stays there",
                    LOG_ERR(r), LOG_C("zone", people_zone(p)->name), LOG_C("file", v->path));
    v->unkept = r < 0;
    return r;
}

static void say_saved(struct people *p, const char *kept, const char *why)
{
    log_error("what somebody wrote to a displaced zone file cannot be merged, and is kept",
              LOG_C("zone", people_zone(p)->name), LOG_C("kept", kept), LOG_C("reason", why));
    told_rejected_why(p->c, people_zone(p), kept, why);
}

/* It may be the only copy of what somebody wrote. */
static int keep_saved(struct people *p, struct prev *v, struct str text, const char *why)
{
    struct buf kept = {0};

    int r = keep(p, v, "saved", text, &kept);
    if (r == 0)
        say_saved(p, kept.p, why);
    buf_free(&kept);
    return r;
}

/* The same of what cannot be read. */
static void move_saved(struct people *p, const struct prev *v, const char *why)
{
    struct buf kept = {0};

    int r = people_move_aside(people_zone(p)->file, "saved", v->path, &kept);
    say_saved(p, r == 0 ? kept.p : v->path, why);
    buf_free(&kept);
}

static int keep_comments(struct people *p, struct prev *v, struct str text)
{
    struct buf kept = {0};

    int r = keep(p, v, "saved", text, &kept);
    if (r == 0)
        log_warning("two saves came at once: both are merged, and the comments of one are kept "
                    "beside the file",
                    LOG_C("zone", people_zone(p)->name), LOG_C("kept", kept.p));
    buf_free(&kept);
    return r;
}

static int keep_held(struct people *p, struct prev *v, struct str text)
{
    struct buf kept = {0};

    int r = keep(p, v, "held", text, &kept);
    if (r == 0) {
        people_say_held(p, kept.p);
        people_find_held(p);
    }
    buf_free(&kept);
    return r;
}

/* ---- the text that the next export is made of ---- */

static struct prev *forget_authored(struct people *p)
{
    struct prev *v = p->prevs;

    while (v && !v->authored)
        v = v->next;
    if (v) {
        v->authored = false;
        v->look_ns = 0;
    }
    return v;
}

void people_drop_authored(struct people *p)
{
    forget_authored(p);
    buf_free(&p->authored);
}

/* Where it cannot be kept it is read again: its records are in the zone, its comments are not. */
void people_keep_authored(struct people *p)
{
    struct prev *v = forget_authored(p);

    if (v && keep_comments(p, v, buf_str(&p->authored)) < 0)
        v->known = v->settled = false;
    buf_free(&p->authored);
}

static void take_authored(struct people *p, struct prev *v, struct buf *text)
{
    people_drop_authored(p);
    v->authored = true;
    v->texts = ++p->texts;
    p->authored = *text;
    *text = (struct buf){0};
}

/* What a displaced save asks for is in the zone; its comments go back into the file. Below 0: they
 * are not kept yet. */
static int take_text(struct people *p, struct prev *v, const struct saved *saved, struct buf *text)
{
    if (!v->known) /* what people have written since it was displaced is not known either */
        return people_has_own_comments(p, buf_str(text)) ? keep_comments(p, v, buf_str(text)) : 0;
    if (saved->verdict == SAVE_STALE)
        return keep_held(p, v, buf_str(text));
    if (v->texts == p->texts) {
        take_authored(p, v, text);
        return 0;
    }
    /* In the file stand comments that this text does not have. */
    int r = keep_comments(p, v, buf_str(text));
    if (r < 0)
        v->known = false; /* it is no earlier state when it is found to be in the zone */
    return r;
}

/* 0: nothing that stands there is anybody's only copy. */
static int merge_prev(struct people *p, struct prev *v, struct buf *text, uint64_t now)
{
    struct faults faults = {0};
    struct problem problem = {0};
    struct saved saved;

    const struct people_merging merging = {buf_str(text), NULL, false,
                                           clock_deadline(PEOPLE_RETRY_NS)};
    int r = people_merge(p, &merging, &saved, &faults, &problem);
    if (r == 0 && saved.verdict != SAVE_TOO_MANY) {
        if (saved.verdict == SAVE_MERGED)
            log_info("what was written to a displaced zone file is merged",
                     LOG_C("zone", people_zone(p)->name), LOG_UINT("seq", saved.seq),
                     LOG_UINT("added", saved.added), LOG_UINT("deleted", saved.deleted));
        p->urgent = p->moved = true;
        r = take_text(p, v, &saved, text);
    } else if (r < 0 && !people_refuses(r)) {
        v->look_ns = now + NS_PER_S;
    } else if (put_back(p, v, now)) {
        r = -EAGAIN;
    } else {
        r = keep_saved(p, v, buf_str(text),
                       r == 0         ? "it deletes many records"
                       : faults.n > 0 ? faults.at[0].message
                                      : bd_strerror(r));
    }
    faults_free(&faults);
    return r;
}

/* ---- looking after one ---- */

static bool is_ours(struct people *p, const struct prev *v, const struct hash128 *content)
{
    if (v->settled)
        return hash128_eq(content, &v->expected);
    return registry_export_known(p->c->registry, p->zone, content, NULL);
}

/* Somebody has it open. The directory's events, and the regular look, tell of the end; without a
 * lease, time does. */
static void wait_for_writer(struct people *p, struct prev *v, uint64_t again_ns, uint64_t now)
{
    bool soon = v->unleased || age(v, now) < SOON_NS;

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

static void note_leases(struct people *p, bool leased)
{
    p->dirty = p->dirty || p->unleased == leased;
    p->unleased = !leased;
}

/* Without a lease it stays for long, and need not be read again and again. */
static bool is_untouched(const struct prev *v)
{
    struct people_stat st;

    return v->settled && v->unleased && people_stat(v->path, &st) == 0 &&
           people_stat_eq(&st, &v->seen);
}

/* What it holds stands elsewhere, too. true: it is done with. */
static bool may_go(struct prev *v, uint64_t now, uint64_t soon_ns)
{
    if (v->authored) { /* but for its comments: the export comes first */
        v->look_ns = UINT64_MAX;
        return false;
    }
    uint64_t go_ns = v->since_ns + (v->unleased ? KEEP_NS : soon_ns);
    v->look_ns = go_ns > now ? go_ns : now + PEOPLE_RETRY_NS;
    if (v->unleased || go_ns > now) /* see remove_old */
        return false;
    return unlink(v->path) == 0 || errno == ENOENT;
}

/* true: it is done with. */
static bool look_at(struct people *p, struct prev *v, uint64_t now, uint64_t soon_ns)
{
    struct save_fault fault = {0};
    struct save_text text;
    uint64_t again_ns = 0;

    if (is_untouched(v))
        return may_go(v, now, soon_ns);
    int r = save_read(&v->reader, v->path, &text, &again_ns, &fault);
    if (r == -EAGAIN) {
        wait_for_writer(p, v, again_ns, now);
        return false;
    }
    if (r == -ENOENT)
        return true;
    if (r < 0 && is_no_text(r)) {
        move_saved(p, v, fault.message);
        return true;
    }
    v->look_ns = now + PEOPLE_RETRY_NS;
    if (r < 0) /* no descriptors, no memory, no rights: that may pass */
        return false;
    note_leases(p, text.leased);
    if (!is_ours(p, v, &text.content))
        r = merge_prev(p, v, &text.text, now);
    buf_free(&text.text);
    if (r < 0)
        return false;
    v->settled = true;
    v->expected = text.content;
    v->seen = text.stat;
    v->unleased = !text.leased;
    return may_go(v, now, soon_ns);
}

uint64_t people_prevs_next(const struct people *p)
{
    uint64_t next_ns = UINT64_MAX;

    for (const struct prev *v = p->prevs; v; v = v->next)
        next_ns = v->look_ns < next_ns ? v->look_ns : next_ns;
    return next_ns;
}

/* ---- all of them ---- */

/* Marks those that may go if nobody has them open; the newest come first. How many? */
static size_t mark_old(struct people *p, uint64_t now)
{
    size_t kept = 0, old = 0;
    uint64_t bytes = 0;

    for (struct prev *v = p->prevs; v; v = v->next) {
        v->old = false;
        if (!v->unleased || !v->settled || v->authored)
            continue;
        kept++;
        bytes += (uint64_t)v->seen.size;
        bool many = kept > KEEP_FILES || bytes > KEEP_BYTES;
        v->old = age(v, now) >= (many ? KEEP_LEAST_NS : KEEP_NS);
        old += v->old;
    }
    return old;
}

static void search(struct people *p, size_t n)
{
    struct people_writable *files = calloc(n, sizeof(*files));
    size_t i = 0;

    for (struct prev *v = p->prevs; files && v; v = v->next)
        if (v->old)
            files[i++] = (struct people_writable){v->path, v->seen.dev, v->seen.ino, false};
    people_find_writers(files, i);
    i = 0;
    for (struct prev *v = p->prevs; v; v = v->next)
        if (v->old)
            v->old = files && !files[i++].open;
    free(files);
}

/* Just before it goes nobody has written there either. */
static bool remove_old(const struct prev *v)
{
    return v->old && is_untouched(v) && (unlink(v->path) == 0 || errno == ENOENT);
}

uint64_t people_look_prevs(struct people *p, uint64_t now, enum people_looks looks)
{
    uint64_t soon_ns = looks == PEOPLE_LOOK_LAST ? SOON_AT_A_STOP_NS : SOON_NS;
    size_t old = p->search_ns <= now ? mark_old(p, now) : 0;

    if (old > 0) {
        search(p, old);
        p->search_ns = now + SEARCH_EVERY_NS;
    }
    for (struct prev **at = &p->prevs; *at;) {
        struct prev *v = *at;
        bool due = looks != PEOPLE_LOOK_DUE || v->look_ns <= now;
        if ((old > 0 && remove_old(v)) || (due && look_at(p, v, now, soon_ns))) {
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
