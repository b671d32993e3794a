/* The people's file of a zone: a source of changes and a view of the zone at once. Here is when
 * something is done about it, and what is told of it; what is done stands in people_*.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <betterdns/error.h>
#include <betterdns/log.h>

#include "people/people.h"

#define SHARE 4U       /* of a core: an export of 1 s is followed by 3 s of peace */
#define LAST_TRIES 20U /* at a stop, for a file that is being written */
#define LAST_WAIT_NS (20 * NS_PER_MS)

int people_new(struct controller *c, unsigned zone, struct people **ret_people)
{
    struct people *p = calloc(1, sizeof(*p));
    if (!p)
        return -ENOMEM;
    p->c = c;
    p->zone = zone;
    p->file = FILE_PENDING;
    p->due_ns = p->look_ns = UINT64_MAX;
    p->dirty = true;
    *ret_people = p;
    return 0;
}

void people_free(struct people *p)
{
    if (!p)
        return;
    people_free_prevs(p);
    people_free_included(p);
    buf_free(&p->authored);
    buf_free(&p->good);
    free(p->authored_path);
    faults_free(&p->faults);
    faults_free(&p->notes);
    free(p->held);
    free(p);
}

bool people_become(struct people *p, enum file_state file, const char *sentence)
{
    const char *before = p->faults.n > 0 ? p->faults.at[0].message : "";
    bool same = p->file == file && strcmp(before, sentence) == 0;

    p->file = file;
    p->dirty = true;
    faults_reset(&p->faults);
    if (sentence[0])
        faults_add(&p->faults, people_zone(p)->file, 0, 0, sentence);
    return !same;
}

bool people_writes(const struct people *p)
{
    return people_zone(p)->write && !p->refused;
}

void people_wait_no_more(struct people *p)
{
    p->dirty = p->dirty || p->waiting[0];
    p->waiting[0] = '\0';
}

/* ---- what is told ---- */

static enum file_state state_of(const struct people *p, uint32_t serial)
{
    bool behind = p->exported_serial != serial || p->urgent || p->waiting[0] || p->busy_ns > 0;

    if (p->file != FILE_CLEAN)
        return p->file;
    if (!people_writes(p))
        return FILE_READ_ONLY;
    if (p->fights >= PEOPLE_FIGHTS)
        return FILE_CONTESTED;
    return behind ? FILE_PENDING : FILE_CLEAN;
}

static void add_sentence(const struct people *p, struct faults *to, const char *sentence)
{
    if (sentence[0])
        faults_add(to, people_zone(p)->file, 0, 0, sentence);
}

static void say_all(const struct people *p, struct faults *to)
{
    faults_copy(to, &p->faults);
    add_sentence(p, to, p->unwritten);
    add_sentence(p, to, p->waiting);
    if (p->fights >= PEOPLE_FIGHTS)
        add_sentence(p, to, "somebody rewrites it after each export: exports come seldom");
    if (p->held)
        faults_add(to, p->held, 0, 0,
                   "a save that showed an earlier state is kept: `betterdns zone accept` takes "
                   "back what has changed since, `zone discard` gives it up");
    if (p->window)
        add_sentence(p, to,
                     "its file system cannot exchange files: a save in the moment of an export "
                     "may be lost");
}

/* Nobody has to do anything about these. */
static void say_notes(const struct people *p, struct faults *to)
{
    faults_copy(to, &p->notes);
    if (!people_zone(p)->write)
        add_sentence(p, to, "write: false: it is a source only, and never written");
}

static void exchange(struct faults *a, struct faults *b)
{
    struct faults kept = *a;

    *a = *b;
    *b = kept;
}

static void tell(struct people *p, uint32_t serial)
{
    struct ctl_zone *z = people_zone(p);
    enum file_state state = state_of(p, serial);
    struct faults said = {0}, notes = {0};

    if (p->dirty) {
        say_all(p, &said);
        say_notes(p, &notes);
    }
    pthread_mutex_lock(&p->c->lock);
    z->file_state = state;
    z->exported_seq = p->exported_seq;
    if (p->dirty) {
        exchange(&z->faults, &said);
        exchange(&z->notes, &notes);
    }
    pthread_mutex_unlock(&p->c->lock);
    p->dirty = false;
    faults_free(&said);
    faults_free(&notes);
}

/* ---- a turn ---- */

static uint64_t later_of(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* When the export is due that the file lacks; UINT64_MAX: none. */
static uint64_t due(struct people *p, uint32_t serial, uint64_t now)
{
    bool behind = p->exported_serial != serial || p->urgent || p->file == FILE_MISSING;
    bool may = p->file == FILE_CLEAN || p->file == FILE_MISSING;

    if (!behind || !may || !people_zone(p)->write || p->waiting[0]) {
        p->due_ns = UINT64_MAX;
        return UINT64_MAX;
    }
    if (p->file == FILE_MISSING) /* its writer may be about to create it */
        return later_of(p->missing_ns + PEOPLE_MISSING_NS, p->not_before_ns);
    if (p->urgent)
        return later_of(now, p->not_before_ns);
    if (p->due_ns == UINT64_MAX)
        p->due_ns = now + PEOPLE_PACE_NS;
    return later_of(p->due_ns, later_of(p->pace_ns, p->not_before_ns));
}

static int export_now(struct people *p, const struct snap *s, uint64_t now)
{
    int r = people_export(p, s, now);
    uint64_t end = clock_mono_ns();

    if (r == 0)
        p->pace_ns = end + (end - now) * (SHARE - 1);
    p->due_ns = UINT64_MAX;
    return r;
}

static void wait_a_moment(void)
{
    const struct timespec wait = clock_timespec(LAST_WAIT_NS);

    nanosleep(&wait, NULL);
}

/* At a stop there is no later: what is being written right now gets a moment, and so does what was
 * displaced. */
static void export_last(struct people *p, const struct snap *s)
{
    unsigned tries = LAST_TRIES;

    while (export_now(p, s, clock_mono_ns()) == -EAGAIN && p->file == FILE_CLEAN && !p->moved &&
           !p->waiting[0] && --tries > 0)
        wait_a_moment();
}

/* What was saved just now, too. */
static void look(struct people *p, const struct snap *s, uint64_t now, bool last)
{
    people_look(p, s, now);
    for (unsigned tries = LAST_TRIES; last && p->busy_ns > 0 && tries > 0; tries--) {
        wait_a_moment();
        people_look(p, s, clock_mono_ns());
    }
}

static void look_last_at_prevs(struct people *p)
{
    unsigned tries = LAST_TRIES / 2;

    while (people_look_prevs(p, clock_mono_ns(), true) != UINT64_MAX && --tries > 0)
        wait_a_moment();
}

static uint64_t earliest(uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t first = a < b ? a : b;

    return first < c ? first : c;
}

uint64_t people_turn(struct people *p, const struct snap *s, bool anew, bool last)
{
    uint32_t serial = snap_zone(s, p->zone)->serial;
    uint64_t now = clock_mono_ns();

    if (anew || last || !p->looked || p->look_ns <= now)
        look(p, s, now, last);
    people_answer(p, s, now);
    people_look_prevs(p, now, anew);
    if (p->moved) { /* with a newer snapshot; the live copies come first */
        p->moved = false;
        tell(p, serial);
        return now;
    }
    uint64_t due_ns = due(p, serial, now);
    if (last && due_ns != UINT64_MAX) {
        export_last(p, s);
        look_last_at_prevs(p);
    } else if (due_ns <= now) {
        int r = export_now(p, s, now);
        due_ns = p->moved ? now : due(p, serial, clock_mono_ns());
        if (r == -EAGAIN && !p->moved && due_ns < p->look_ns && p->look_ns != UINT64_MAX)
            due_ns = p->look_ns; /* it is being written */
        p->moved = false;
    }
    tell(p, serial);
    return earliest(due_ns, p->look_ns, people_prevs_next(p));
}
