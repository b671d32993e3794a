/* Writing the zone into what people wrote: only the record sets that differ are touched. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <betterdns/error.h>
#include <betterdns/history.h>
#include <betterdns/log.h>
#include <betterdns/pause.h>

#include "people/people.h"
#include "people/zone.h"

struct edit {
    struct people *p;
    const struct snap *s;
    struct zone_diff diff;
    /* Sets with records of included files: they stay as they are. */
    struct zp_edit_set *fixed;
    size_t nfixed;
    struct buf text, marker;
    struct hash128 content; /* of the text as it was compared last, with what it includes */
};

/* ---- the text ---- */

static int add_text(void *arg, struct str piece)
{
    struct buf *out = arg;

    buf_add(out, piece.p, piece.n);
    return out->error;
}

static bool is_fixed(const struct edit *e, const struct zp_edit_set *set)
{
    for (size_t i = 0; i < e->nfixed; i++)
        if (e->fixed[i].type == set->type && dname_eq(&e->fixed[i].owner, &set->owner))
            return true;
    return false;
}

static void remove_set(struct zone_diff *d, size_t i)
{
    memmove(&d->sets[i], &d->sets[i + 1], (d->n - i - 1) * sizeof(*d->sets));
    d->n--;
}

/* How the text differs from the snapshot, but for what cannot be helped. */
static int compare(struct edit *e, struct str text)
{
    const struct hash128 plain = hash128(text.p ? text.p : "", text.n);
    struct people_parsed parsed;

    e->diff.n = 0;
    int r = people_parse(e->p, text, NULL, NULL, &parsed);
    if (r < 0)
        return r;
    e->content = people_content(&parsed.parsing, &plain);
    r = zone_diff_add(&e->diff, parsed.zone, e->s, e->p->zone);
    for (size_t i = 0; e->nfixed > 0 && i < e->diff.n;)
        if (is_fixed(e, &e->diff.sets[i]))
            remove_set(&e->diff, i);
        else
            i++;
    people_parsed_free(&parsed);
    return r;
}

/* The zone has it otherwise, by a rollback say; the file that has it is not ours to write. */
static int fix(struct edit *e, size_t where)
{
    const struct zp_edit_set *set = &e->diff.sets[where];
    char name[DNAME_TEXT_MAX], why[256];

    struct zp_edit_set *fixed = realloc(e->fixed, (e->nfixed + 1) * sizeof(*fixed));
    if (!fixed)
        return -ENOMEM;
    e->fixed = fixed;
    dname_to_text(&set->owner, name);
    snprintf(why, sizeof(why), "%.180s stands in an included file, and the zone has it otherwise",
             name);
    if (!faults_has(&e->p->notes, why)) {
        log_warning(why, LOG_C("zone", people_zone(e->p)->name));
        faults_add(&e->p->notes, people_zone(e->p)->file, 0, 0, why);
    }
    e->fixed[e->nfixed++] = *set;
    remove_set(&e->diff, where);
    return 0;
}

/* The sets of diff into the text; e->text is the result. */
static int edit(struct edit *e, struct str text)
{
    struct people_parsing g;
    struct buf out = {0};
    size_t where = 0;
    int r = people_parsing_open(e->p, &g), again = 0;

    if (r < 0)
        return r;
    do {
        const struct zp_edits edits = {e->diff.sets, e->diff.n, buf_str(&e->marker)};
        buf_reset(&out);
        r = zp_edit(text, &g.options, &edits, add_text, &out, &where);
        if (r == -BD_ECONFLICT)
            again = fix(e, where);
    } while (r == -BD_ECONFLICT && again == 0);
    people_parsing_close(&g);
    if (again < 0)
        r = again;
    if (r < 0) {
        buf_free(&out);
        return r;
    }
    buf_free(&e->text);
    e->text = out;
    return 0;
}

static int print(struct edit *e)
{
    int r = zone_print(e->s, e->p->zone, &e->text);

    if (r == 0)
        e->content = hash128(e->text.p, e->text.n);
    return r;
}

/* An editor that is ours has failed: what people wrote is kept, and the zone printed. */
static int print_anew(struct edit *e, struct str text, const char *why)
{
    struct ctl_zone *z = people_zone(e->p);
    struct buf kept = {0};

    int r = people_put_aside(z->file, "orig", text, &kept);
    if (r == 0) {
        log_error("a zone file could not be edited and is written anew: this is an error in "
                  "betterdns, please report it",
                  LOG_C("zone", z->name), LOG_C("file", z->file), LOG_C("kept", kept.p),
                  LOG_C("reason", why));
        buf_reset(&e->text);
        r = print(e);
    }
    buf_free(&kept);
    return r;
}

/* Edits, reads the result back, and where it is not the snapshot edits once more (rule 9). */
static int edit_and_check(struct edit *e, struct str text)
{
    struct str from = text;
    struct buf first;
    int r = edit(e, from);

    for (unsigned i = 0; r == 0; i++) {
        r = compare(e, buf_str(&e->text));
        if (r < 0 || e->diff.n == 0)
            break;
        if (i == 1)
            return print_anew(e, text, "it was not the zone when read back");
        first = e->text;
        e->text = (struct buf){0};
        r = edit(e, buf_str(&first));
        buf_free(&first);
    }
    if (r < 0 && r != -ENOMEM)
        return print_anew(e, text, bd_strerror(r));
    return r;
}

/* 0: e->text is the file from now on; 1: it shows the snapshot as it is. */
static int make_text(struct edit *e, struct str text)
{
    struct people *p = e->p;
    bool anew = p->missing_ns > 0 || p->discards, again = false;

    zone_marker(e->s, p->zone, &e->marker);
    if (e->marker.error)
        return e->marker.error;
    if (anew && p->good.n > 0 && p->authored.n == 0) {
        text = buf_str(&p->good);
        again = true;
    }
    int r = p->missing_ns > 0 && text.n == 0 ? -BD_ESYNTAX : compare(e, text);
    if (anew && people_refuses(r)) {
        if (p->authored.n > 0)
            people_keep_authored(p);
        return print(e);
    }
    if (r < 0)
        return r;
    if (e->diff.n == 0 && p->marked && p->authored.n == 0 && !again)
        return 1;
    return edit_and_check(e, text);
}

/* ---- the file ---- */

int people_settle(struct people *p)
{
    if (p->settled)
        return 0;
    int r = registry_export_end(p->c->registry, p->zone, p->exported_seq, &p->content);
    p->settled = r == 0;
    return r;
}

static void took_place(struct people *p, const struct snap *s, const struct edit *e,
                       const struct people_new *n, const struct people_swap *swap)
{
    p->exported_seq = p->mark_seq = snap_seq(s);
    p->mark_hash = registry_marker_hash(s, p->zone);
    p->content = e->content;
    p->seen = swap->written;
    p->unsure = true;
    p->look_ns = clock_deadline(PEOPLE_SURE_NS);
    if (people_is_ours(p))
        p->fights = 0;
    p->plain = p->written = n->content;
    p->marked = true;
    p->missing_ns = 0;
    p->window = swap->window;
    people_keep_good(p, buf_str(&e->text));
    registry_keep_since(p->c->registry, p->zone, p->mark_seq);
}

/* So that whatever a crash leaves is known as ours, its hash is durable before the exchange. */
static int replace(struct people *p, const struct snap *s, const struct edit *e, uint64_t now)
{
    struct registry *r = p->c->registry;
    struct people_swap swap;
    struct people_new n;

    int result = p->missing_ns > 0 ? 0 : people_settle(p);
    if (result < 0)
        return result;
    result = people_prepare(&n, people_zone(p)->file, p->missing_ns == 0, buf_str(&e->text),
                            p->unwritten);
    if (result < 0)
        return result;
    result = registry_export_begin(r, p->zone, snap_seq(s), &e->content);
    if (result < 0) {
        people_abort(&n);
        return result;
    }
    p->settled = false; /* also where it fails: the exchange may have been made */
    PAUSE_POINT("people: begun");
    /* Cheap, and just before the exchange: what it displaces is nearly always what was read. */
    if (p->missing_ns == 0 && !people_stands(p)) {
        people_abort(&n);
        return -BD_ECONFLICT;
    }
    const struct hash128 old = p->plain;
    result = people_exchange(&n, people_zone(p)->file, &old, &swap, p->unwritten);
    if (swap.foreign)
        log_info("a save came in the moment of an export: it is merged",
                 LOG_C("zone", people_zone(p)->name), LOG_C("file", people_zone(p)->file));
    if (swap.beside.n > 0)
        people_add_prev(p, swap.beside.p, &old, now);
    if (result < 0)
        return result;
    took_place(p, s, e, &n, &swap);
    PAUSE_POINT("people: in place");
    people_settle(p); /* else before the next one */
    return 0;
}

/* Somebody has saved since: that first. */
static int take_save(struct people *p, const struct snap *s, const struct people_text *text)
{
    people_take(p, s, text);
    p->discards = false;
    return -EAGAIN;
}

static int show(struct people *p, const struct snap *s, const struct people_text *text,
                uint64_t now)
{
    struct edit e = {.p = p, .s = s};

    if (p->authored.n > 0 && (p->discards || !people_is_ours(p)))
        people_keep_authored(p);
    PAUSE_POINT("people: read, not edited");
    int r = make_text(&e, buf_str(p->authored.n > 0 ? &p->authored : &text->text));
    if (r >= 0 && people_included_moved(p))
        r = -BD_ECONFLICT; /* what an included file does not have any more is not ours to add */
    if (r == 0)
        r = replace(p, s, &e, now);
    else if (r == 1)
        r = people_settle(p);
    zone_diff_free(&e.diff);
    buf_free(&e.text);
    buf_free(&e.marker);
    free(e.fixed);
    return r;
}

static bool is_refused(int r)
{
    return r == -EROFS || r == -EBUSY || r == -EACCES || r == -EPERM;
}

static void note_failure(struct people *p, int r)
{
    if (!p->unwritten[0])
        snprintf(p->unwritten, sizeof(p->unwritten), "%.150s: the export failed: %s",
                 people_zone(p)->file, bd_strerror(r));
    p->refused = is_refused(r);
    p->not_before_ns = clock_deadline(p->refused ? PEOPLE_REFUSED_NS : PEOPLE_RETRY_NS);
    p->dirty = true;
}

static void note_done(struct people *p, const struct snap *s)
{
    if (p->file != FILE_CLEAN)
        people_become(p, FILE_CLEAN, "");
    p->exported_serial = snap_zone(s, p->zone)->serial;
    p->urgent = p->discards = p->refused = false;
    people_drop_authored(p);
    people_wait_no_more(p); /* a save that waited is given up: `zone discard` */
    p->unwritten[0] = '\0';
    p->dirty = true;
}

/* What stands there is what was read last, or nothing still; else that comes first. */
static int read_present(struct people *p, const struct snap *s, uint64_t now,
                        struct people_text *ret_text)
{
    bool was_missing = p->missing_ns > 0;

    int r = people_read(p, now, ret_text);
    if (r == -ENOENT)
        return was_missing ? 0 : -EAGAIN;
    if (r < 0)
        return -EAGAIN;
    if (hash128_eq(&ret_text->content, &p->content))
        return 0;
    return take_save(p, s, ret_text);
}

int people_export(struct people *p, const struct snap *s, uint64_t now)
{
    struct people_text text = {.text = {0}};
    char before[sizeof(p->unwritten)];

    int r = read_present(p, s, now, &text);
    if (r < 0) {
        buf_free(&text.text);
        return r;
    }
    memcpy(before, p->unwritten, sizeof(before));
    p->unwritten[0] = '\0';
    r = show(p, s, &text, now);
    buf_free(&text.text);
    if (r == 0) {
        if (before[0])
            log_info("a zone file can be written again", LOG_C("zone", people_zone(p)->name));
        note_done(p, s);
    } else if (r == -BD_ECONFLICT) { /* somebody has saved since: that first */
        p->unwritten[0] = '\0';
        p->unsure = true;
        p->look_ns = now;
    } else {
        note_failure(p, r);
        if (strcmp(before, p->unwritten) != 0)
            log_warning("a zone file is not written", LOG_C("zone", people_zone(p)->name),
                        LOG_C("reason", p->unwritten));
    }
    return r;
}
