/* The people's file of a zone: exported with a marker, atomically, and never over what somebody
 * else wrote there. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <betterdns/error.h>
#include <betterdns/file.h>
#include <betterdns/log.h>
#include <betterdns/zonefile.h>

#include "asks.h"
#include "internal.h"
#include "people_file.h"

#define PACE_NS NS_PER_S          /* after the first change */
#define MISSING_NS (5 * NS_PER_S) /* a file that vanished may be on its way back */
#define RETRY_NS (5 * NS_PER_S)
#define SHARE 4U /* of a core: an export of 1 s is followed by 3 s of peace */
#define PIECE_BYTES 65536U
#define FILE_BYTES_MAX ((size_t)1 << 30)

struct people {
    struct controller *c;
    unsigned zone;
    struct people_stat seen; /* of the last look at the content */
    enum file_state state;   /* CLEAN stands for "ours" */
    uint64_t missing_ns;     /* since when; 0: it is there */
    uint64_t due_ns;         /* of the export; UINT64_MAX: none is due */
    uint64_t not_before_ns;
    uint64_t exported_seq;
    uint32_t exported_serial; /* 0: not known what the file shows */
    bool looked, ever_there;
    bool settled; /* the registry knows what is in place as the present export */
    bool discard; /* the operator gives up what has this hash: it is exported over */
    struct hash128 discarded;
    struct faults faults;
};

int people_new(struct controller *c, unsigned zone, struct people **ret_people)
{
    struct people *p = calloc(1, sizeof(*p));
    if (!p)
        return -ENOMEM;
    p->c = c;
    p->zone = zone;
    p->state = FILE_PENDING;
    p->due_ns = UINT64_MAX;
    *ret_people = p;
    return 0;
}

void people_free(struct people *p)
{
    if (p)
        faults_free(&p->faults);
    free(p);
}

static struct ctl_zone *zone_of(const struct people *p)
{
    return &p->c->zones[p->zone];
}

/* ---- looking ---- */

static void become(struct people *p, enum file_state state, const char *error)
{
    struct ctl_zone *z = zone_of(p);
    const char *before = p->faults.n > 0 ? p->faults.at[0].message : "";
    bool same = p->state == state && strcmp(before, error) == 0;

    p->state = state;
    if (same)
        return;
    faults_reset(&p->faults);
    if (error[0])
        faults_add(&p->faults, z->file, 0, 0, error);
    if (state == FILE_HELD)
        log_warning("a zone file was changed by hand and is not overwritten",
                    LOG_C("zone", z->name), LOG_C("file", z->file),
                    LOG_C("file_state", file_state_name(state)));
    else if (state == FILE_MISSING && p->ever_there)
        log_warning("a zone file has vanished and will be written again", LOG_C("zone", z->name),
                    LOG_C("file", z->file));
    else if (state == FILE_READ_ONLY && z->write)
        log_warning("a zone file is not written", LOG_C("zone", z->name), LOG_C("file", z->file),
                    LOG_C("reason", error));
}

static void unreadable(struct people *p, int error)
{
    char text[256];

    snprintf(text, sizeof(text), "%.180s cannot be read: %s", zone_of(p)->file, bd_strerror(error));
    become(p, FILE_READ_ONLY, text);
}

/* A file of ours with the marker of this very state, as after a start: no export is due. */
static void note_marker(struct people *p, const struct snap *s, const char *first)
{
    struct hash128 mine = registry_marker_hash(s, p->zone), hash;
    uint64_t seq;

    if (zp_find_marker(str_c(first), &seq, &hash) == 0 && seq == snap_seq(s) &&
        hash128_eq(&hash, &mine))
        p->exported_serial = snap_zone(s, p->zone)->serial;
}

/* Reads the file: ours, somebody's, or gone. *content is what it holds, where it is ours. */
static void look(struct people *p, const struct snap *s, uint64_t now,
                 struct people_content *content)
{
    int r = people_stat(zone_of(p)->file, &p->seen);
    if (r == 0)
        r = people_read(zone_of(p)->file, content);
    if (r == -ENOENT) {
        if (p->missing_ns == 0)
            p->missing_ns = p->looked ? now : now - MISSING_NS; /* never made yet: at once */
        become(p, FILE_MISSING, "the file has vanished");
        return;
    }
    p->missing_ns = 0;
    p->ever_there = true;
    if (r < 0) {
        unreadable(p, r);
        return;
    }
    if (registry_export_known(p->c->registry, p->zone, &content->whole, &p->exported_seq)) {
        become(p, FILE_CLEAN, "");
        note_marker(p, s, content->first);
    } else {
        become(p, FILE_HELD,
               "changed by hand: exports pause until its content is the exported one again");
    }
}

struct leftovers {
    struct people *p;
    uint64_t seq; /* of the snapshot */
};

/* The temporary name is the next export's, where a process gets the number of the one that
 * crashed: in a container each does. */
static void keep(const struct people *p, const char *temp)
{
    struct buf kept = {0};

    int r = people_keep(AT_FDCWD, temp, &kept);
    log_warning("a file that was left beside a zone file may be somebody's save",
                LOG_C("zone", zone_of(p)->name), LOG_C("file", r == 0 ? kept.p : temp));
    buf_free(&kept);
}

/* What a crash left beside the file. An export that was under way is worth nothing: it is empty, or
 * its marker is newer than the one in place (and no later than what is now: else state.db was lost,
 * and numbers are compared with another one's). So is one of ours that was displaced. Anything else
 * may be the only copy of somebody's save, displaced in that moment. */
static bool left_behind(void *arg, const char *temp)
{
    const struct hash128 nothing = hash128("", 0);
    const struct leftovers *left = arg;
    struct people *p = left->p;
    struct people_content content;
    struct hash128 hash;
    uint64_t seq = 0;

    if (people_read(temp, &content) < 0)
        return false;
    bool known = registry_export_known(p->c->registry, p->zone, &content.whole, NULL);
    bool marked = zp_find_marker(str_c(content.first), &seq, &hash) == 0;
    bool ours = hash128_eq(&content.whole, &nothing) || known ||
                (marked && p->state == FILE_CLEAN && seq > p->exported_seq && seq <= left->seq);
    if (ours)
        return unlink(temp) == 0;
    keep(p, temp);
    return false;
}

/* For good, before the next export makes what is newer older. */
static void clean_up(struct people *p, uint64_t seq)
{
    struct leftovers left = {.p = p, .seq = seq};
    char *resolved = realpath(zone_of(p)->file, NULL);

    if (resolved)
        file_each_left(resolved, left_behind, &left);
    free(resolved);
}

/* A look at the content only when something about the file moved. */
static void look_if_moved(struct people *p, const struct snap *s, uint64_t now)
{
    struct people_stat st = {0};
    struct people_content content;

    int r = people_stat(zone_of(p)->file, &st);
    bool there = p->looked && p->missing_ns == 0 && p->state != FILE_READ_ONLY;
    if (r == 0 && there && people_stat_eq(&st, &p->seen))
        return;
    look(p, s, now, &content);
    if (!p->looked)
        clean_up(p, snap_seq(s));
    p->looked = true;
}

/* ---- exporting ---- */

static int print_zone(const struct people *p, const struct snap *s, struct people_new *n)
{
    const struct dname *origin = &snap_zone(s, p->zone)->origin;
    const struct rrset *soa = snap_find_name(s, p->zone, origin, RRTYPE_SOA), *set;
    struct hash128 marker = registry_marker_hash(s, p->zone);
    struct buf *out = &n->out;
    struct snap_iter it;
    struct dname owner;
    unsigned at;

    if (!soa)
        return -BD_ECORRUPT;
    zp_write_marker(snap_seq(s), &marker, out);
    buf_addf(out, "$ORIGIN %s\n$TTL %u\n", zone_of(p)->name, rrset_ttl(soa));
    struct rdset rdatas = rrset_rdatas(soa);
    zp_write_people(origin, origin, RRTYPE_SOA, rrset_ttl(soa), &rdatas, out);
    int r = snap_seek(s, (struct snap_key){.zone = p->zone}, &it);
    while (r == 0 && (set = snap_next(&it, &at)) && at == p->zone) {
        if (set == soa)
            continue;
        rrset_owner(set, &owner);
        rdatas = rrset_rdatas(set);
        zp_write_people(&owner, origin, rrset_type(set), rrset_ttl(set), &rdatas, out);
        if (out->n >= PIECE_BYTES || out->error)
            r = people_flush(n);
    }
    return r;
}

/* A crash behind the exchange leaves an export that was begun and never ended: the next begin
 * would forget it, and a crash before that one's exchange make our own file a stranger. */
static int settle(struct people *p, uint64_t seq, const struct hash128 *content)
{
    if (p->settled)
        return 0;
    int r = registry_export_end(p->c->registry, p->zone, seq, content);
    p->settled = r == 0;
    return r;
}

/* Takes n, which is printed. */
static int replace_file(struct people *p, uint64_t seq, struct people_new *n,
                        const struct people_content *old, const struct people_content *new,
                        char error[256])
{
    struct registry *r = p->c->registry;

    int result = p->missing_ns ? 0 : settle(p, p->exported_seq, &old->whole);
    if (result == 0)
        result = registry_export_begin(r, p->zone, seq, &new->whole);
    if (result < 0) {
        people_abort(n);
        snprintf(error, 256, "the store does not take the export: %s", bd_strerror(result));
        return result;
    }
    p->settled = false; /* also where it fails: the exchange may have been made */
    result =
        people_commit(n, zone_of(p)->file, p->missing_ns ? NULL : &old->whole, &p->seen, error);
    return result < 0 ? result : settle(p, seq, &new->whole);
}

/* Prints the zone, and puts it in place where more than the first line is new: the seq in the
 * marker moves with other zones too. */
static int print_file(struct people *p, const struct snap *s, const struct people_content *old,
                      char error[256])
{
    struct people_content new;
    struct people_new n;

    int r = people_open(&n, zone_of(p)->file, p->missing_ns == 0, error);
    if (r < 0)
        return r;
    r = print_zone(p, s, &n);
    if (r == 0)
        r = people_finish(&n, &new);
    if (r < 0 || (p->missing_ns == 0 && hash128_eq(&old->body, &new.body))) {
        people_abort(&n);
        return r;
    }
    r = replace_file(p, snap_seq(s), &n, old, &new, error);
    if (r == 0)
        p->exported_seq = snap_seq(s);
    return r;
}

static int export_zone(struct people *p, const struct snap *s, uint64_t now)
{
    struct people_content old;
    char error[256] = "";

    look(p, s, now, &old);
    bool discarded = p->state == FILE_HELD && p->discard && hash128_eq(&old.whole, &p->discarded);
    p->discard = false;
    if ((p->state == FILE_HELD && !discarded) || p->state == FILE_READ_ONLY)
        return -EPERM;
    int r = print_file(p, s, &old, error);
    if (r == 0) {
        p->exported_serial = snap_zone(s, p->zone)->serial;
        p->missing_ns = 0;
        become(p, FILE_CLEAN, "");
    } else if (r == -BD_ECONFLICT) {
        become(p, FILE_HELD, error);
    } else {
        if (!error[0])
            snprintf(error, sizeof(error), "the export failed: %s", bd_strerror(r));
        become(p, FILE_READ_ONLY, error);
    }
    return r;
}

/* ---- what the operator says ---- */

static int discard(struct people *p, struct problem *problem)
{
    const char *file = zone_of(p)->file;
    struct buf text = {0}, name = {0};

    int r = file_read(file, FILE_BYTES_MAX, &text);
    if (r == 0)
        r = people_put_aside(file, "discarded", buf_str(&text), &name);
    if (r < 0) {
        problem_set(problem, r, NULL, "%s: %s", file, bd_strerror(r));
    } else {
        log_warning("what was saved is discarded, and kept", LOG_C("zone", zone_of(p)->name),
                    LOG_C("kept", name.p));
        p->discard = true;
        p->discarded = hash128(text.p, text.n);
    }
    buf_free(&text);
    buf_free(&name);
    return r;
}

static void answer(struct people *p, struct ask *ask)
{
    struct problem problem = {0};
    int r;

    if (p->state != FILE_HELD)
        r = problem_set(&problem, -BD_ENOTFOUND, NULL, "%s: nothing is held or rejected",
                        zone_of(p)->file);
    else if (ask->kind == ASK_ACCEPT)
        r = problem_set(&problem, -BD_ECONFLICT, NULL, "%s: changes by hand are not taken over yet",
                        zone_of(p)->file);
    else
        r = discard(p, &problem);
    asks_answer(p->c->asks, ask, r, &problem);
}

/* ---- a turn ---- */

static void note(struct people *p, uint32_t serial)
{
    struct ctl_zone *z = zone_of(p);
    bool pending = p->state == FILE_CLEAN && p->exported_serial != serial;

    pthread_mutex_lock(&p->c->lock);
    z->file_state = pending ? FILE_PENDING : p->state;
    z->exported_seq = p->exported_seq;
    if (!faults_eq(&z->faults, &p->faults))
        faults_copy(&z->faults, &p->faults);
    pthread_mutex_unlock(&p->c->lock);
}

/* When the export is due that the file lacks; UINT64_MAX: none. */
static uint64_t due(struct people *p, uint32_t serial, uint64_t now)
{
    bool behind = p->exported_serial != serial || p->missing_ns > 0;

    if (p->discard)
        p->due_ns = now;
    else if (!behind || p->state == FILE_HELD)
        p->due_ns = UINT64_MAX;
    else if (p->due_ns == UINT64_MAX)
        p->due_ns = p->missing_ns > 0 ? p->missing_ns + MISSING_NS : now + PACE_NS;
    if (p->due_ns < p->not_before_ns)
        p->due_ns = p->not_before_ns;
    return p->due_ns;
}

uint64_t people_turn(struct people *p, const struct snap *s, bool looks, bool last)
{
    uint32_t serial = snap_zone(s, p->zone)->serial;
    uint64_t now = clock_mono_ns();
    struct ask *ask;

    if (!zone_of(p)->write) {
        become(p, FILE_READ_ONLY, "write: false");
        note(p, serial);
        return UINT64_MAX;
    }
    if (looks || !p->looked)
        look_if_moved(p, s, now);
    while ((ask = asks_take(p->c->asks, p->zone)))
        answer(p, ask);
    uint64_t due_ns = due(p, serial, now);
    if (due_ns <= now || (last && due_ns != UINT64_MAX)) {
        int r = export_zone(p, s, now);
        uint64_t end = clock_mono_ns();
        p->not_before_ns = r < 0 ? end + RETRY_NS : end + (end - now) * (SHARE - 1);
        p->due_ns = UINT64_MAX;
        due_ns = due(p, serial, end);
    }
    note(p, serial);
    return due_ns;
}
