/* The operator's word on what is held or rejected: zone accept, zone discard. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <betterdns/error.h>
#include <betterdns/log.h>

#include "asks.h"
#include "people/people.h"

static int nothing(const struct people *p, struct problem *problem)
{
    return problem_set(problem, -BD_ENOTFOUND, NULL, "%s: nothing is held or rejected",
                       people_zone(p)->file);
}

static bool waits(const struct people *p)
{
    return p->file == FILE_HELD || (p->file == FILE_REJECTED && !p->unread);
}

static int say(const struct people *p, int r, struct problem *problem)
{
    if (r == -EAGAIN)
        return problem_set(problem, -BD_ECONFLICT, NULL, "%s is being written: try again",
                           people_zone(p)->file);
    return problem_set(problem, r, NULL, "%s: %s", people_zone(p)->file,
                       p->waiting[0]     ? p->waiting
                       : p->faults.n > 0 ? p->faults.at[0].message
                                         : bd_strerror(r));
}

/* ---- accept ---- */

static int accept_file(struct people *p, uint64_t now, uint64_t deadline_ns,
                       struct problem *problem)
{
    struct people_text text;

    int r = people_read(p, now, &text);
    if (r < 0)
        return say(p, r, problem);
    r = people_save(p, &text, true, deadline_ns, problem);
    buf_free(&text.text);
    if (r == 0)
        people_make_peace(p);
    return r;
}

/* Its records are in the zone; what else it says may stand nowhere else. */
static void put_away(struct people *p, struct str text)
{
    struct buf kept = {0};

    if (!people_has_own_comments(p, text))
        unlink(p->held);
    else if (people_move_aside(people_zone(p)->file, "saved", p->held, &kept) == 0)
        log_info("the comments of a save that is accepted are kept beside the file",
                 LOG_C("zone", people_zone(p)->name), LOG_C("kept", kept.p));
    buf_free(&kept);
}

/* What was kept beside, because it showed an earlier state. */
static int accept_held(struct people *p, uint64_t deadline_ns, struct problem *problem)
{
    struct faults faults = {0};
    struct saved saved;
    struct buf text = {0};

    int r = file_read(p->held, SAVE_BYTES_MAX, &text);
    if (r == -ENOENT)
        r = nothing(p, problem);
    else if (r < 0)
        problem_set(problem, r, NULL, "%s: %s", p->held, bd_strerror(r));
    else
        r = people_merge(p, &(struct people_merging){buf_str(&text), NULL, true, deadline_ns},
                         &saved, &faults, problem);
    if (r == 0) {
        log_info("a save that was kept is accepted", LOG_C("zone", people_zone(p)->name),
                 LOG_C("kept", p->held), LOG_UINT("seq", saved.seq));
        put_away(p, buf_str(&text));
        p->urgent = p->moved = true;
        people_make_peace(p);
    }
    if (r == 0 || r == -BD_ENOTFOUND)
        people_find_held(p);
    faults_free(&faults);
    buf_free(&text);
    return r;
}

/* ---- discard ---- */

static int discard_file(struct people *p, const struct snap *s, uint64_t now,
                        struct problem *problem)
{
    struct ctl_zone *z = people_zone(p);
    struct people_text text;
    struct buf kept = {0};

    if (!z->write)
        return problem_set(problem, -BD_ECONFLICT, NULL,
                           "%s is a source only (write: false): change it yourself", z->file);
    int r = people_read(p, now, &text);
    if (r < 0)
        return say(p, r, problem);
    r = people_put_aside(z->file, "discarded", buf_str(&text.text), &kept);
    if (r < 0) {
        problem_set(problem, r, NULL, "%s cannot be kept: %s", z->file, bd_strerror(r));
    } else {
        log_warning("what was saved is discarded, and kept", LOG_C("zone", z->name),
                    LOG_C("kept", kept.p));
        p->content = text.content;
        p->plain = text.plain;
        p->discards = true;
        r = people_export(p, s, now);
        if (r < 0)
            problem_set(problem, r == -EAGAIN ? -BD_ECONFLICT : r, NULL, "%s",
                        p->unwritten[0] ? p->unwritten : "it is being written: try again");
        p->discards = false;
        if (r == 0)
            people_make_peace(p);
    }
    buf_free(&text.text);
    buf_free(&kept);
    return r == -EAGAIN ? -BD_ECONFLICT : r;
}

static int discard_held(struct people *p, struct problem *problem)
{
    struct buf kept = {0};

    int r = people_move_aside(people_zone(p)->file, "discarded", p->held, &kept);
    if (r == 0) {
        log_info("a save that was kept is discarded", LOG_C("zone", people_zone(p)->name),
                 LOG_C("kept", kept.p));
        faults_reset(&p->notes); /* what it did not show has been decided */
    } else if (r == -ENOENT) {
        r = nothing(p, problem);
    } else {
        problem_set(problem, r, NULL, "%s: %s", p->held, bd_strerror(r));
    }
    people_find_held(p);
    buf_free(&kept);
    return r;
}

void people_answer(struct people *p, const struct snap *s, uint64_t now)
{
    struct ask *ask;

    while ((ask = asks_take(p->c->asks, p->zone))) {
        struct problem problem = {0};
        bool accept = ask->kind == ASK_ACCEPT;
        int r;

        if (waits(p))
            r = accept ? accept_file(p, now, ask->deadline_ns, &problem)
                       : discard_file(p, s, now, &problem);
        else if (p->held)
            r = accept ? accept_held(p, ask->deadline_ns, &problem) : discard_held(p, &problem);
        else if (p->file == FILE_REJECTED)
            r = say(p, -BD_EINVALID, &problem);
        else
            r = nothing(p, &problem);
        p->dirty = true;
        asks_answer(p->c->asks, ask, r, &problem);
    }
}
