/* What stands in a people's file: ours, somebody's save, or nothing that can be read. */
#include <stdio.h>
#include <stdlib.h>

#include <betterdns/error.h>
#include <betterdns/history.h>
#include <betterdns/log.h>

#include "people/people.h"
#include "told.h"

#define BUSY_NS (10 * NS_PER_S)

static void gone(struct people *p, uint64_t now)
{
    struct ctl_zone *z = people_zone(p);

    if (p->missing_ns == 0) {
        p->missing_ns = p->looked ? now : now - PEOPLE_MISSING_NS; /* never made yet: at once */
        p->missing_told = !p->ever_there;
    }
    p->content = (struct hash128){{0}};
    people_wait_no_more(p);
    people_become(p, FILE_MISSING, "the file has vanished");
    if (p->missing_told)
        return;
    if (now - p->missing_ns < PEOPLE_RENAMED_NS) {
        p->look_ns = p->missing_ns + PEOPLE_RENAMED_NS;
        return;
    }
    p->missing_told = true;
    log_warning(z->write ? "a zone file has vanished and will be written again"
                         : "a zone file has vanished",
                LOG_C("zone", z->name), LOG_C("file", z->file));
}

static void unreadable(struct people *p, const struct save_fault *fault)
{
    struct ctl_zone *z = people_zone(p);

    p->content = (struct hash128){{0}};
    people_wait_no_more(p);
    bool is_new = people_become(p, FILE_REJECTED, fault->message);
    if (p->faults.n > 0) {
        p->faults.at[0].line = fault->line;
        p->faults.at[0].column = fault->column;
    }
    if (!is_new)
        return;
    log_error("a zone file cannot be read: nothing that is served changes", LOG_C("zone", z->name),
              LOG_C("file", z->file), LOG_UINT("line", fault->line),
              LOG_C("reason", fault->message));
    told_rejected_all(p->c, z, &p->faults);
}

/* The file and what it includes. */
static int read_whole(struct people *p, struct people_text *ret_text, uint64_t *again_ns,
                      struct save_fault *fault)
{
    struct save_text read;

    int r = save_read(&p->reader, people_zone(p)->file, &read, again_ns, fault);
    if (r < 0)
        return r;
    struct people_text text = {.text = read.text, .stat = read.stat, .plain = read.content};
    r = people_read_included(p, buf_str(&text.text), &text.plain, &text.content, again_ns);
    if (r < 0) {
        snprintf(fault->message, sizeof(fault->message), "%s", bd_strerror(r));
        buf_free(&text.text);
        return r;
    }
    *ret_text = text;
    return 0;
}

/* An editor saves in a moment; who keeps it open for long keeps his save from being seen. */
static void note_writer(struct people *p, uint64_t now)
{
    struct ctl_zone *z = people_zone(p);

    if (p->busy_ns == 0)
        p->busy_ns = now;
    if (now - p->busy_ns < BUSY_NS || p->waiting[0])
        return;
    snprintf(p->waiting, sizeof(p->waiting),
             "somebody has it open to write: what was saved is read when it is closed");
    log_warning("a zone file stays open to somebody who writes: it is read when it is closed",
                LOG_C("zone", z->name), LOG_C("file", z->file));
    p->dirty = true;
}

/* It says nothing of the file. */
static bool is_passing(int error)
{
    return error == -ENOMEM || error == -EMFILE || error == -ENFILE || error == -EIO ||
           error == -ESTALE;
}

static void note_obstacle(struct people *p, uint64_t now, const struct save_fault *fault)
{
    struct ctl_zone *z = people_zone(p);

    p->look_ns = now + PEOPLE_RETRY_NS;
    p->unsure = true;
    if (p->busy_ns > 0 && p->waiting[0])
        return;
    p->busy_ns = now;
    p->dirty = true;
    str_format(p->waiting, sizeof(p->waiting), "it cannot be read yet: %s", fault->message);
    log_warning("a zone file cannot be read yet", LOG_C("zone", z->name), LOG_C("file", z->file),
                LOG_C("reason", fault->message));
}

int people_read(struct people *p, uint64_t now, struct people_text *ret_text)
{
    struct save_fault fault = {0};
    uint64_t again_ns = UINT64_MAX;

    int r = read_whole(p, ret_text, &again_ns, &fault);
    p->look_ns = r == -EAGAIN ? again_ns : UINT64_MAX;
    if (r == -EAGAIN) {
        note_writer(p, now);
        return r;
    }
    if (is_passing(r)) {
        note_obstacle(p, now, &fault);
        return r;
    }
    if (p->busy_ns > 0) {
        p->busy_ns = 0;
        people_wait_no_more(p);
    }
    p->unread = r < 0;
    p->unsure = false;
    if (r == -ENOENT) {
        gone(p, now);
        return r;
    }
    p->missing_ns = 0;
    p->ever_there = true;
    if (r < 0)
        unreadable(p, &fault);
    else
        p->seen = ret_text->stat;
    return r;
}

/* ---- it is in the zone ---- */

/* A file with the marker of this very state, as after a start: no export is due. */
static void note_marker(struct people *p, const struct snap *s)
{
    struct hash128 mine = registry_marker_hash(s, p->zone);

    if (p->marked && p->mark_seq == snap_seq(s) && hash128_eq(&p->mark_hash, &mine))
        p->exported_serial = snap_zone(s, p->zone)->serial;
}

/* Changes since its marker are not forgotten (rule 11). */
static void keep_since(struct people *p, struct str text)
{
    struct hash128 hash;
    uint64_t seq;

    if (zp_find_marker(text, &seq, &hash) < 0)
        seq = UINT64_MAX;
    registry_keep_since(p->c->registry, p->zone, seq);
}

void people_keep_good(struct people *p, struct str text)
{
    buf_reset(&p->good);
    if (text.n <= PEOPLE_GOOD_MAX)
        buf_add_str(&p->good, text);
    if (text.n > PEOPLE_GOOD_MAX || p->good.error < 0)
        buf_free(&p->good);
}

void people_taken(struct people *p, const struct people_text *text)
{
    people_become(p, FILE_CLEAN, "");
    p->content = text->content;
    p->plain = text->plain;
    p->seen = text->stat;
    p->unread = false;
    p->missing_ns = 0;
    p->exported_serial = 0;
    p->settled = false;
    people_wait_no_more(p);
    people_keep_good(p, buf_str(&text->text));
    keep_since(p, buf_str(&text->text));
}

/* The registry has noted it with each save, but not of a file that it finds unchanged at start. */
static void note_included(struct people *p, struct str text)
{
    struct people_parsed parsed;

    if (p->nincluded == 0 || people_parse(p, text, NULL, NULL, &parsed) < 0)
        return;
    registry_note_included(p->c->registry, p->zone, parsed.zone);
    people_parsed_free(&parsed);
}

static void found_ours(struct people *p, const struct snap *s, const struct people_text *text)
{
    note_included(p, buf_str(&text->text));
    people_taken(p, text);
    if (!people_is_ours(p)) /* a save after all, or from before our start */
        p->texts++;
    p->marked = zp_find_marker(buf_str(&text->text), &p->mark_seq, &p->mark_hash) == 0;
    note_marker(p, s);
}

/* ---- looking ---- */

/* Touched, or written again as it was. */
static bool is_same(const struct people *p, const struct people_text *text)
{
    return (p->file == FILE_CLEAN || p->file == FILE_HELD || p->file == FILE_REJECTED) &&
           hash128_eq(&text->content, &p->content);
}

/* An acceptance of it was given up as too late, or failed: it may have come in all the same. */
static void look_again(struct people *p)
{
    if (!p->waiting[0])
        return;
    p->unsure = true;
    p->look_ns = clock_deadline(PEOPLE_RETRY_NS);
}

bool people_take(struct people *p, const struct snap *s, const struct people_text *text)
{
    struct problem problem;
    bool same = is_same(p, text), clean = p->file == FILE_CLEAN;

    if (same && clean) { /* what waited was another text */
        people_wait_no_more(p);
        return true;
    }
    if (registry_export_known(p->c->registry, p->zone, &text->content, &p->exported_seq)) {
        found_ours(p, s, text);
        return true;
    }
    if (same) {
        look_again(p);
        return false;
    }
    return people_save(p, text, false, clock_deadline(PEOPLE_RETRY_NS), &problem) == 0;
}

bool people_stands(const struct people *p)
{
    struct people_stat st;

    return people_stat(people_zone(p)->file, &st) == 0 && people_stat_eq(&st, &p->seen);
}

static bool has_moved(const struct people *p)
{
    struct people_stat st;

    if (!p->looked || p->unread || p->unsure || people_included_moved(p))
        return true;
    int r = people_stat(people_zone(p)->file, &st);
    return r < 0 ? p->file != FILE_MISSING : !people_stat_eq(&st, &p->seen);
}

void people_look(struct people *p, const struct snap *s, uint64_t now)
{
    struct people_text text;

    if (!has_moved(p) && p->look_ns > now)
        return;
    if (people_read(p, now, &text) == 0) {
        people_take(p, s, &text);
        buf_free(&text.text);
    }
    if (!p->looked && p->look_ns == UINT64_MAX) {
        people_find_left(p, now);
        p->looked = true;
    }
}
