/* Opening and closing. */
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <betterdns/clock.h>
#include <betterdns/file.h>
#include <betterdns/log.h>

#include "impl.h"
#include "included.h"

/* ---- the directory and its lock ---- */

/* A directory that cannot be: below a file, in /proc, through a loop of links. */
static bool is_no_place(int r)
{
    return r == -ENOTDIR || r == -ENOENT || r == -EISDIR || r == -ELOOP;
}

static int lock_problem(const char *data, const char *path, int r, struct problem *p)
{
    struct buf pid = {0};

    if (r != -BD_EINUSE) {
        problem_set(p, is_no_place(r) ? -EACCES : r, "data", "%s: %s", path, bd_strerror(r));
        return problem_hint(p,
                            "the data directory must be writable for the user that runs betterdns");
    }
    file_read(path, 64, &pid);
    struct str text = str_trim(buf_str(&pid));
    while (text.n > 0 && text.p[text.n - 1] == '\n')
        text.n--;
    problem_set(p, r, "data", "the data directory %s is in use by another betterdns (process %.*s)",
                data, STR_ARG(text));
    buf_free(&pid);
    return problem_hint(p, "stop it, or give this one a data directory of its own");
}

/* The number is for people: what counts is the lock, on a full disk it does without. */
static int write_pid(int fd)
{
    char text[32];
    int n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

    int r = file_overwrite(fd, (struct str){text, (size_t)n});
    return file_is_full(r) ? 0 : r;
}

static int lock_path(const char *path, uint64_t deadline_ns, int *ret_fd)
{
    int fd;

    int result = file_lock_within(path, deadline_ns, &fd);
    if (result < 0)
        return result;
    result = write_pid(fd);
    if (result < 0)
        close(fd);
    else
        *ret_fd = fd;
    return result;
}

static int take_lock(struct registry *r, const char *data, struct problem *p)
{
    int result = file_make_dirs(data, 0750);
    if (result < 0)
        return lock_problem(data, data, result, p);
    char *path = file_path(data, "state.lock");
    result = path ? lock_path(path, clock_deadline(FILE_LOCK_WITHIN_NS), &r->lock_fd) : -ENOMEM;
    if (result < 0)
        result = lock_problem(data, path ? path : data, result, p);
    free(path);
    return result;
}

int open_keep_lock(struct registry *r)
{
    char *path = file_path(r->data, "state.lock");
    struct stat held, there;
    int fd, result = path ? file_make_dirs(r->data, 0750) : -ENOMEM;

    if (result == 0 && fstat(r->lock_fd, &held) == 0 && stat(path, &there) == 0 &&
        held.st_dev == there.st_dev && held.st_ino == there.st_ino)
        goto out;
    if (result == 0)
        result = lock_path(path, 0, &fd);
    if (result == 0) {
        close(r->lock_fd);
        r->lock_fd = fd;
    }
out:
    free(path);
    return result;
}

/* ---- state.db into the tree ---- */

struct loading {
    struct snap_edit *edit;
    unsigned zone;
    uint32_t soa_serial;
};

static int load_one(void *arg, struct rrset *set)
{
    struct loading *l = arg;
    struct rdset rdatas = rrset_rdatas(set);
    const uint8_t *at = rdatas.p;
    struct str rdata;

    if (rrset_type(set) == RRTYPE_SOA && rdset_next(&rdatas, &at, &rdata))
        l->soa_serial = soa_serial((const uint8_t *)rdata.p, rdata.n);
    return snap_edit_set(l->edit, l->zone, set);
}

static int load_zone(struct registry *r, struct snap_edit *edit, unsigned zone, struct problem *p)
{
    struct loading l = {.edit = edit, .zone = zone};

    int result = state_load(r->state, r->ids[zone], load_one, &l, p);
    if (result == 0)
        result = state_exports(r->state, r->ids[zone], r->exports[zone].at, &r->exports[zone].n);
    if (result < 0)
        return result;
    if (l.soa_serial == 0 || l.soa_serial != r->serials[zone]) {
        char origin[DNAME_TEXT_MAX];
        dname_to_text(&r->origins[zone], origin);
        return state_damaged(p, "zone %s has serial %u, its SOA record %u", origin,
                             r->serials[zone], l.soa_serial);
    }
    return 0;
}

static int find_zone(struct registry *r, unsigned zone, bool *ret_missing)
{
    char origin[DNAME_TEXT_MAX];
    size_t n = dname_to_text(&r->origins[zone], origin);

    int result =
        state_zone_find(r->state, (struct str){origin, n}, &r->ids[zone], &r->serials[zone]);
    *ret_missing = result == -BD_ENOTFOUND;
    return *ret_missing ? 0 : result;
}

static int load_zones(struct registry *r, struct snap_edit *edit, bool *missing, struct problem *p)
{
    int result = 0;

    for (unsigned z = 0; result == 0 && z < r->nzones; z++) {
        result = find_zone(r, z, &missing[z]);
        if (result == 0 && !missing[z])
            result = load_zone(r, edit, z, p);
    }
    return result;
}

static int load_all(struct registry *r, bool *missing, struct problem *p)
{
    struct snap_edit *edit;
    struct snap *empty;

    int result = state_last(r->state, &r->last, p);
    if (result < 0)
        return result;
    result = snap_new(r->origins, r->nzones, &empty);
    if (result < 0)
        return result;
    result = snap_edit_begin(empty, &edit);
    snap_put(empty);
    if (result < 0)
        return result;
    result = load_zones(r, edit, missing, p);
    if (result < 0) {
        snap_edit_abort(edit);
        return result;
    }
    return snap_edit_commit(edit, r->last.seq, &r->last.chain, r->serials, &r->current);
}

static int fill_book(struct registry *r, struct problem *p)
{
    int result = book_new(&r->book);

    if (result == 0)
        result = book_fill(r->book, r->state, r->current, &r->running.ran_ns);
    if (result == -BD_ECORRUPT)
        return state_damaged(p, "%s", state_message(r->state));
    r->running.shown_ns = r->run_written_ns = r->running.ran_ns;
    return result;
}

/* Was the live copy written out of another history than this one? */
static bool is_foreign(struct registry *r, unsigned zone, const struct registry_zone *z)
{
    struct hash128 chain;

    if (z->live_seq == 0 || z->live_seq > r->last.seq)
        return z->live_seq != 0;
    if (state_chain(r->state, z->live_seq, &chain) < 0)
        return false;
    struct hash128 mine = registry_mark(&chain, &r->origins[zone]);
    return !hash128_eq(&mine, &z->live_hash);
}

static bool is_behind(struct registry *r, unsigned zone, const struct registry_zone *z)
{
    uint32_t seen = z->least_serial, mine = r->serials[zone];

    return seen != 0 && (serial_gt(seen, mine) || (seen == mine && is_foreign(r, zone, z)));
}

/* A state.db that was restored from a backup is behind what the server has shown, or level with it
 * by chance: its serials go past that, else a serial would get a second content, and an old one
 * would count as served. */
static int pass_seen_serials(struct registry *r, const struct registry_options *options,
                             const bool *missing)
{
    struct commit k;
    bool any = false;

    for (unsigned z = 0; z < r->nzones; z++)
        any = any || (!missing[z] && is_behind(r, z, &options->zones[z]));
    if (!any)
        return 0;
    int result = commit_start(&k, r);
    for (unsigned z = 0; result == 0 && z < r->nzones; z++) {
        uint32_t least = options->zones[z].least_serial;
        if (missing[z] || !is_behind(r, z, &options->zones[z]))
            continue;
        char origin[DNAME_TEXT_MAX];
        dname_to_text(&r->origins[z], origin);
        log_warning("state.db is not what the live copy was made of: restored from a backup?",
                    LOG_C("zone", origin), LOG_UINT("serial", r->serials[z]),
                    LOG_UINT("live_serial", least));
        r->serials[z] = least;
        k.dirty[z] = true;
    }
    if (result == 0) {
        result = commit_write(&k);
        commit_free(&k);
    }
    return result;
}

/* ---- putting it together ---- */

static int copy_zones(struct registry *r, const struct registry_options *options)
{
    unsigned n = options->nzones;

    r->events = options->events;
    r->keep_last = options->keep_last;
    r->data = strdup(options->data);
    r->nzones = n;
    r->origins = calloc(n, sizeof(*r->origins));
    r->ids = calloc(n, sizeof(*r->ids));
    r->ttls = calloc(n, sizeof(*r->ttls));
    r->serials = calloc(n, sizeof(*r->serials));
    r->exports = calloc(n, sizeof(*r->exports));
    r->included = calloc(n, sizeof(struct included *));
    if (!r->data || !r->origins || !r->ids || !r->ttls || !r->serials || !r->exports ||
        !r->included)
        return -ENOMEM;
    for (unsigned z = 0; z < n; z++) {
        r->origins[z] = options->zones[z].origin;
        dname_fold(&r->origins[z]);
        r->ttls[z] = options->zones[z].ttl;
    }
    return 0;
}

static struct registry *new_registry(void)
{
    struct registry *r = calloc(1, sizeof(*r));

    if (!r)
        return NULL;
    r->lock_fd = -1;
    feeds_start(&r->feeds);
    r->tail = &r->head;
    pthread_mutex_init(&r->lock, NULL);
    pthread_mutex_init(&r->watching, NULL);
    if (clock_cond_init(&r->work) < 0) {
        pthread_mutex_destroy(&r->watching);
        pthread_mutex_destroy(&r->lock);
        free(r);
        return NULL;
    }
    return r;
}

/* What reading everything took does not stay: SQLite's pages, a large file's records. */
static void give_back(struct registry *r)
{
    state_shrink(r->state);
    malloc_trim(0);
}

static int open_all(struct registry *r, const struct registry_options *options, bool *missing,
                    struct problem *p)
{
    int result = copy_zones(r, options);
    if (result == 0)
        result = take_lock(r, options->data, p);
    if (result == 0)
        result = state_open(options->data, &r->state, p);
    if (result == 0)
        result = checkpoint_start(r, &r->checkpoint);
    if (result == 0)
        result = load_all(r, missing, p);
    if (result == 0)
        result = fill_book(r, p);
    if (result == 0)
        result = pass_seen_serials(r, options, missing);
    if (result == 0)
        result = import_zones(r, options, missing, p);
    if (result == 0)
        give_back(r);
    if (result == 0)
        result = history_start(r, options);
    if (result == 0)
        result = registry_thread(&r->committer, "committer", committer_main, r);
    if (result == 0)
        r->committing = true;
    return result;
}

int registry_open(const struct registry_options *options, struct registry **ret_registry,
                  struct problem *ret_problem)
{
    struct problem problem = {0};
    struct registry *r = NULL;
    bool *missing = NULL;
    int result = -ENOMEM;

    if (options->nzones == 0) {
        result = problem_set(&problem, -BD_EINVALID, "zones", "no zone is configured");
        goto out;
    }
    r = new_registry();
    missing = calloc(options->nzones, sizeof(*missing));
    if (r && missing)
        result = open_all(r, options, missing, &problem);
out:
    free(missing);
    if (result == 0) {
        *ret_registry = r;
        return 0;
    }
    registry_close(r);
    if (problem.error == 0)
        problem_set(&problem, result, "data", "%s: %s", options->data, bd_strerror(result));
    if (ret_problem)
        *ret_problem = problem;
    return result;
}

void registry_stop(struct registry *r)
{
    pthread_mutex_lock(&r->lock);
    r->stopping = true;
    pthread_mutex_unlock(&r->lock);
}

static void end_committer(struct registry *r)
{
    if (!r->committing)
        return;
    lease_end(r);
    pthread_mutex_lock(&r->lock);
    r->stopping = r->closing = true;
    pthread_cond_signal(&r->work);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->committer, NULL);
}

void registry_close(struct registry *r)
{
    if (!r)
        return;
    end_committer(r);
    history_end(r);
    checkpoint_stop(r->checkpoint);
    state_close(r->state);
    snap_put(r->current);
    change_put(r->run_job);
    book_free(r->book);
    feeds_end(&r->feeds);
    /* The lock goes with its last descriptor, after everything is on disk. */
    if (r->lock_fd >= 0)
        close(r->lock_fd);
    pthread_cond_destroy(&r->work);
    pthread_mutex_destroy(&r->watching);
    pthread_mutex_destroy(&r->lock);
    for (unsigned z = 0; r->included && z < r->nzones; z++)
        included_put(r->included[z]);
    free(r->included);
    free(r->exports);
    free(r->serials);
    free(r->ttls);
    free(r->ids);
    free(r->origins);
    free(r->data);
    free(r);
}
