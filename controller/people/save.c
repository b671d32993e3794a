/* What somebody has saved: read, merged, or refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <betterdns/error.h>
#include <betterdns/log.h>
#include <betterdns/pause.h>

#include "people/people.h"
#include "told.h"

/* ---- merging ---- */

bool people_refuses(int error)
{
    return error == -BD_ESYNTAX || error == -BD_EINVALID || error == -BD_ECONFLICT;
}

static void log_faults(const struct people *p, const struct faults *faults, enum log_level level,
                       const char *what)
{
    char place[300];

    for (size_t i = 0; i < faults->n; i++) {
        const struct controller_fault *f = &faults->at[i];
        snprintf(place, sizeof(place), f->line ? "%s:%u:%u" : "%s", f->file, f->line, f->column);
        LOG_AT(level, what, LOG_C("zone", people_zone(p)->name), LOG_C("at", place),
               LOG_C("reason", f->message));
    }
    if (faults->all > faults->n)
        LOG_AT(level, what, LOG_C("zone", people_zone(p)->name),
               LOG_UINT("more", faults->all - faults->n));
}

/* What lost, what stayed: one sentence a line. */
static void take_notes(struct people *p, struct buf *notes)
{
    struct str rest = buf_str(notes), line;
    char sentence[512]; /* more than a fault has room for, which is to say that it was cut */

    faults_reset(&p->notes);
    while (str_cut(&rest, '\n', &line)) {
        snprintf(sentence, sizeof(sentence), "%.*s", STR_ARG(line));
        if (line.n > 0)
            faults_add(&p->notes, people_zone(p)->file, 0, 0, sentence);
    }
    log_faults(p, &p->notes, LOG_LEVEL_WARNING, "a note on a save");
    for (size_t i = 0; i < p->notes.n; i++)
        told_rejected(p->c, people_zone(p), &p->notes.at[i]);
    p->dirty = true;
    buf_free(notes);
}

/* Where the set stands that the zone cannot have. */
static void add_refusal(struct people *p, const struct zp_zone *z, const struct saved *saved,
                        const struct problem *problem, struct faults *faults)
{
    const char *path = people_zone(p)->file, *hint = problem->hint;
    char why[sizeof(problem->detail) + sizeof(problem->hint) + 4];
    unsigned file = 0, line = 0;
    struct dname owner;
    struct rdset rdatas;
    uint16_t type;
    uint32_t ttl;

    for (size_t i = 0; saved->type != 0 && i < zp_zone_nrrsets(z); i++) {
        zp_zone_rrset(z, i, &owner, &type, &ttl, &rdatas);
        if (type != saved->type || !dname_eq(&owner, &saved->owner))
            continue;
        zp_zone_where(z, i, 0, &file, &line);
        break;
    }
    snprintf(why, sizeof(why), hint[0] ? "%s (%s)" : "%s", problem->detail, hint);
    faults_add(faults, file > 0 ? zp_zone_file(z, file) : path, line, line > 0, why);
}

static int say_faults(const struct faults *faults, int r, struct problem *problem)
{
    const struct controller_fault *f = &faults->at[0];

    if (faults->n == 0 || !people_refuses(r)) /* as without memory: there may be more to say */
        return problem_set(problem, r, NULL, "%s", bd_strerror(r));
    if (f->line > 0)
        return problem_set(problem, -BD_EINVALID, NULL, "%s:%u:%u: %s", f->file, f->line, f->column,
                           f->message);
    return problem_set(problem, -BD_EINVALID, NULL, "%s: %s", f->file, f->message);
}

/* Another text was included than when the file was found to be a save: it is looked at again. */
static bool is_expected(struct people_parsed *parsed, const struct people_text *expected)
{
    if (!expected)
        return true;
    const struct hash128 content = people_content(&parsed->parsing, &expected->plain);
    return hash128_eq(&content, &expected->content);
}

static int save_parsed(struct people *p, const struct people_merging *m,
                       struct people_parsed *parsed, struct saved *saved, struct faults *faults,
                       struct problem *problem)
{
    struct save save = {.zone = p->zone,
                        .records = parsed->zone,
                        .content = m->expected ? &m->expected->content : NULL,
                        .content_seq = p->exported_seq,
                        .actor = str_c(people_zone(p)->file),
                        .accept = m->accept};

    if (!is_expected(parsed, m->expected))
        return problem_set(problem, -EAGAIN, NULL, "an included file is being written");
    save.marked = zp_find_marker(m->text, &save.seq, &save.hash) == 0;
    int r = registry_save(p->c->registry, &save, m->deadline_ns, saved, problem);
    if (people_refuses(r))
        add_refusal(p, parsed->zone, saved, problem, faults);
    return r;
}

int people_merge(struct people *p, const struct people_merging *m, struct saved *ret_saved,
                 struct faults *faults, struct problem *ret_problem)
{
    struct saved saved = {.type = 0};
    struct faults warnings = {0};
    struct people_parsed parsed;

    int r = people_parse(p, m->text, faults, &warnings, &parsed);
    if (r < 0) {
        faults_free(&warnings);
        return say_faults(faults, r, ret_problem);
    }
    r = save_parsed(p, m, &parsed, &saved, faults, ret_problem);
    people_parsed_free(&parsed);
    if (r == 0) {
        log_faults(p, &warnings, LOG_LEVEL_WARNING, "a zone file has an odd line");
        take_notes(p, &saved.notes);
        *ret_saved = saved;
    }
    faults_free(&warnings);
    return r;
}

/* ---- verdicts ---- */

static void reject(struct people *p, const struct people_text *text, struct faults *faults)
{
    if (text->text.n == 0) {
        faults_reset(faults);
        faults_add(faults, people_zone(p)->file, 0, 0, "it is empty");
    }
    people_become(p, FILE_REJECTED, "");
    p->content = text->content;
    p->plain = text->plain;
    people_wait_no_more(p);
    faults_copy(&p->faults, faults);
    log_faults(p, faults, LOG_LEVEL_ERROR, "a save is rejected: nothing that is served changes");
    told_rejected_all(p->c, people_zone(p), faults);
}

static int hold(struct people *p, const struct people_text *text, const struct saved *saved,
                struct problem *problem)
{
    struct ctl_zone *z = people_zone(p);
    char why[256];

    snprintf(why, sizeof(why),
             "this save deletes %zu records: is it whole? `betterdns zone accept %.100s` takes it "
             "as it is, `zone discard` gives it up",
             saved->deleted, z->name);
    people_become(p, FILE_HELD, why);
    p->content = text->content;
    p->plain = text->plain;
    people_wait_no_more(p);
    log_error("a save deletes many records and is held: nothing that is served changes",
              LOG_C("zone", z->name), LOG_C("file", z->file), LOG_UINT("deletes", saved->deleted));
    told_rejected_all(p->c, z, &p->faults);
    return problem_set(problem, -BD_ECONFLICT, NULL, "%s: %s", z->file, why);
}

static void wait_for_registry(struct people *p, const struct problem *problem)
{
    struct ctl_zone *z = people_zone(p);
    char why[256];

    str_format(why, sizeof(why), "what was saved is not merged yet: %s", problem->detail);
    if (strcmp(p->waiting, why) != 0)
        log_warning("a save waits", LOG_C("zone", z->name), LOG_C("file", z->file),
                    LOG_C("reason", problem->detail));
    memcpy(p->waiting, why, sizeof(why));
    p->unsure = true; /* it is read again then */
    p->look_ns = clock_deadline(NS_PER_S);
    p->dirty = true;
}

void people_make_peace(struct people *p)
{
    if (p->fights >= PEOPLE_FIGHTS)
        p->not_before_ns = 0;
    p->fights = 0;
    p->dirty = true;
}

/* Somebody writes the file again after each of our exports, and nothing comes of it. */
static void note_fight(struct people *p)
{
    struct ctl_zone *z = people_zone(p);

    if (++p->fights < PEOPLE_FIGHTS)
        return;
    unsigned times = p->fights - PEOPLE_FIGHTS;
    uint64_t wait_ns = PEOPLE_BACK_OFF_NS << (times < 6 ? times : 6);
    if (wait_ns > PEOPLE_BACK_OFF_MOST_NS)
        wait_ns = PEOPLE_BACK_OFF_MOST_NS;
    p->not_before_ns = clock_deadline(wait_ns);
    p->dirty = true;
    if (p->fights == PEOPLE_FIGHTS)
        log_warning("somebody rewrites a zone file after each export: exports come seldom",
                    LOG_C("zone", z->name), LOG_C("file", z->file));
}

static bool has_marker(struct str text)
{
    struct hash128 hash;
    uint64_t seq;

    return zp_find_marker(text, &seq, &hash) == 0;
}

/* Is what is held already of no more use beside this text? A deployment may write the same zone
 * every hour, each time with another date in a comment: the last of them is enough. */
static bool is_newer_than_held(const struct people *p, struct str text)
{
    struct buf held = {0};

    bool newer = p->held && file_read(p->held, SAVE_BYTES_MAX, &held) == 0 &&
                 ((!has_marker(text) && !has_marker(buf_str(&held))) ||
                  people_ask_the_same(p, buf_str(&held), text));
    buf_free(&held);
    return newer;
}

/* The export will take its place: it is kept beside. */
static int keep_stale(struct people *p, const struct people_text *text, struct problem *problem)
{
    struct ctl_zone *z = people_zone(p);
    struct buf kept = {0};

    if (!people_writes(p))
        return 0;
    bool again = is_newer_than_held(p, buf_str(&text->text));
    int r = again ? people_put_over(z->file, p->held, buf_str(&text->text))
                  : people_put_aside(z->file, "held", buf_str(&text->text), &kept);
    if (r < 0) {
        buf_free(&kept);
        return problem_set(problem, r, NULL, "%s cannot be kept: %s", z->file, bd_strerror(r));
    }
    if (again)
        return 0;
    if (!p->held || strcmp(p->held, kept.p) != 0) {
        log_warning("a save shows an earlier state of the zone, unchanged: it is kept, and changes "
                    "nothing until `betterdns zone accept`",
                    LOG_C("zone", z->name), LOG_C("file", z->file), LOG_C("kept", kept.p));
        told_rejected_why(p->c, z, kept.p,
                          "it shows an earlier state of the zone, unchanged: it is kept here, and "
                          "changes nothing until `betterdns zone accept`");
    }
    free(p->held);
    p->held = kept.p;
    return 0;
}

struct marker {
    uint64_t seq;
    struct hash128 hash;
};

/* Is the file's marker the one that we wrote last, or would write now? Then it need not move. */
static bool marker_is_ours(const struct people *p, struct str text, struct marker *ret_marker)
{
    struct marker m;

    if (zp_find_marker(text, &m.seq, &m.hash) < 0)
        return false;
    *ret_marker = m;
    if (p->marked && m.seq == p->mark_seq && hash128_eq(&m.hash, &p->mark_hash))
        return true;
    struct snap *s = registry_snapshot(p->c->registry);
    const struct hash128 now = registry_marker_hash(s, p->zone);
    bool same = m.seq == snap_seq(s) && hash128_eq(&m.hash, &now);
    snap_put(s);
    return same;
}

static void note_marker(struct people *p, bool ours, const struct marker *marker)
{
    p->marked = ours;
    if (!ours)
        return;
    p->exported_seq = p->mark_seq = marker->seq; /* it shows that, and more */
    p->mark_hash = marker->hash;
}

static int follow(struct people *p, const struct people_text *text, const struct saved *saved,
                  struct problem *problem)
{
    struct ctl_zone *z = people_zone(p);
    struct marker marker;
    bool displaced = people_is_ours(p), marked = marker_is_ours(p, buf_str(&text->text), &marker);

    if (saved->verdict == SAVE_TOO_MANY)
        return hold(p, text, saved, problem);
    int r = saved->verdict == SAVE_STALE ? keep_stale(p, text, problem) : 0;
    if (r < 0) {
        wait_for_registry(p, problem);
        return r;
    }
    people_taken(p, text);
    note_marker(p, marked, &marker);
    people_settle(p);
    if (!people_is_ours(p)) /* else only what it includes has changed */
        p->texts++;
    p->urgent = true;
    p->moved = true;
    if (saved->verdict == SAVE_MERGED) {
        people_make_peace(p);
        log_info("a save is merged", LOG_C("zone", z->name), LOG_C("file", z->file),
                 LOG_UINT("seq", saved->seq), LOG_UINT("serial", saved->serial),
                 LOG_UINT("added", saved->added), LOG_UINT("deleted", saved->deleted));
    } else if (displaced && !marked) {
        note_fight(p);
    }
    PAUSE_POINT("people: merged");
    return 0;
}

int people_save(struct people *p, const struct people_text *text, bool accept, uint64_t deadline_ns,
                struct problem *ret_problem)
{
    struct faults faults = {0};
    struct saved saved;
    struct problem problem = {0};

    const struct people_merging merging = {buf_str(&text->text), text, accept, deadline_ns};
    int r = people_merge(p, &merging, &saved, &faults, &problem);
    if (r == 0)
        r = follow(p, text, &saved, &problem);
    else if (people_refuses(r))
        reject(p, text, &faults);
    else
        wait_for_registry(p, &problem);
    faults_free(&faults);
    if (r < 0)
        *ret_problem = problem;
    return r;
}
