/* A state.db written anew, and how it takes the place of the old one. Beside state.db lies its WAL,
 * and a WAL knows no database: replayed into another one it destroys it. So the old WAL must be
 * gone before the fresh database has its name, and until then the fresh one must count already:
 *
 *     state.db.tmp   is being written; whoever finds it removes it
 *     state.db.new   complete and durable: it is the truth, state.db and its WAL are not
 *
 *     1  write state.db.tmp, fsync
 *     2  rename it to state.db.new, fsync the directory
 *     3  unlink state.db-wal, -shm, -journal, fsync the directory
 *     4  rename state.db.new to state.db, fsync the directory
 *
 * A stop before 2 is durable leaves the old database with its WAL untouched. After it, the next
 * start finds state.db.new and does 3 and 4, which can be done any number of times. Nothing is
 * acknowledged between 1 and the end of 4, so that nothing can be lost with the old database. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <betterdns/buf.h>
#include <betterdns/clock.h>
#include <betterdns/file.h>
#include <betterdns/log.h>

#include "ops.h"
#include "state_impl.h"

#define ASK_EVERY 1024 /* rows */

struct fresh {
    struct state *state;
    int fd; /* of the file: opened before it is written, so that its fsync hears of every error */
    char *data;
};

static int remove_file(const char *data, const char *name)
{
    char *path = file_path(data, name);

    if (!path)
        return -ENOMEM;
    int r = unlink(path) < 0 && errno != ENOENT ? -errno : 0;
    free(path);
    return r;
}

static int rename_file(const char *data, const char *from, const char *to)
{
    char *old = file_path(data, from), *new = file_path(data, to);
    int r = -ENOMEM;

    if (old && new)
        r = rename(old, new) < 0 ? -errno : 0;
    free(old);
    free(new);
    return r < 0 ? r : state_sync_dir(data);
}

static int file_exists(const char *data, const char *name)
{
    char *path = file_path(data, name);

    if (!path)
        return -ENOMEM;
    int r = access(path, F_OK) == 0 ? 1 : errno == ENOENT ? 0 : -errno;
    free(path);
    return r;
}

int state_adopt(const char *data)
{
    static const char *const old[] = {"state.db-wal", "state.db-shm", "state.db-journal"};

    int r = remove_file(data, "state.db.tmp");
    if (r == 0)
        r = file_exists(data, "state.db.new");
    if (r <= 0)
        return r;
    r = state_sync_dir(data); /* its name may be in memory only */
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(old); i++)
        r = remove_file(data, old[i]);
    if (r == 0)
        r = state_sync_dir(data);
    if (r == 0)
        r = rename_file(data, "state.db.new", "state.db");
    return r < 0 ? r : 1;
}

/* ---- writing ---- */

static int open_file(struct fresh *f, const char *path)
{
    const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;

    f->fd = open(path, flags, 0640);
    if (f->fd < 0 || fchmod(f->fd, 0640) < 0)
        return -errno;
    int r = db_open_fresh(path, &f->state->db);
    if (r == 0)
        r = state_make(f->state);
    return r < 0 ? r : state_begin(f->state);
}

int fresh_begin(const char *data, struct fresh **ret_fresh)
{
    struct fresh *f = calloc(1, sizeof(*f));
    char *path = file_path(data, "state.db.tmp");
    int r = -ENOMEM;

    if (f)
        f->fd = -1; /* nothing is there that an abort would have to remove */
    if (!f || !path)
        goto out;
    f->data = strdup(data);
    f->state = calloc(1, sizeof(*f->state));
    if (!f->data || !f->state)
        goto out;
    r = remove_file(data, "state.db.tmp");
    if (r == 0)
        r = open_file(f, path);
out:
    free(path);
    if (r == 0)
        *ret_fresh = f;
    else
        fresh_abort(f);
    return r;
}

struct state *fresh_state(struct fresh *f)
{
    return f->state;
}

static int run_once(struct db *db, const char *sql, const struct db_value *values, size_t n)
{
    struct db_stmt *st;

    int r = db_prepare(db, sql, &st);
    if (r < 0)
        return r;
    r = db_run_values(st, values, n);
    db_stmt_free(st);
    return r;
}
#define RUN_ONCE(db, sql, ...)                                                                     \
    run_once(db, sql, (const struct db_value[]){__VA_ARGS__},                                      \
             sizeof((const struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value))

int fresh_zone(struct fresh *f, int64_t id, struct str origin, uint32_t serial)
{
    return RUN_ONCE(f->state->db, "INSERT INTO zone(id, origin, serial) VALUES (?1, ?2, ?3)",
                    DB_INT(id), DB_TEXT(origin), DB_INT(serial));
}

/* Closes and frees; the file stays. */
static void fresh_free(struct fresh *f)
{
    state_close(f->state);
    if (f->fd >= 0) /* after SQLite: it would lose its locks on the file by this */
        close(f->fd);
    free(f->data);
    free(f);
}

void fresh_abort(struct fresh *f)
{
    if (!f)
        return;
    if (f->fd >= 0) /* it would hold the room that is wanted */
        remove_file(f->data, "state.db.tmp");
    fresh_free(f);
}

int fresh_end(struct fresh *f)
{
    int r = state_commit(f->state);
    state_close(f->state);
    f->state = NULL;
    if (r == 0)
        r = fsync(f->fd) < 0 ? -errno : 0;
    if (r < 0) {
        fresh_abort(f);
        return r;
    }
    r = rename_file(f->data, "state.db.tmp", "state.db.new");
    fresh_free(f);
    return r;
}

/* ---- what memory does not have, row by row: what cannot be read is told from what cannot be
 * written ---- */

#define COLUMNS_MAX 13

struct table {
    const char *select, *insert;
    int columns;
    bool bound; /* the select has a parameter: the zone, or the last change */
};

static const struct table zone_tables[] = {
    {"SELECT zone, owner, type, ttl, rdata, withdrawn FROM rrset WHERE zone = ?1",
     "INSERT INTO rrset(zone, owner, type, ttl, rdata, withdrawn)"
     " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
     6, true},
    {"SELECT number, zone, owner, type, id, rdata, ttl, subject, source, created, lease,"
     " check_spec, state FROM registration WHERE zone = ?1",
     "INSERT INTO registration(number, zone, owner, type, id, rdata, ttl, subject, source, created,"
     " lease, check_spec, state) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
     13, true},
    {"SELECT zone, seq, hash FROM export WHERE zone = ?1 ORDER BY rowid",
     "INSERT INTO export(zone, seq, hash) VALUES (?1, ?2, ?3)", 3, true},
    {"SELECT number, run FROM renewal WHERE number IN"
     " (SELECT number FROM registration WHERE zone = ?1)",
     "INSERT INTO renewal(number, run) VALUES (?1, ?2)", 2, true},
};

#define INTO_CHANGE                                                                                \
    "INTO change(seq, time, source, actor, ops, chain) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
#define FROM_CHANGE "SELECT seq, time, source, actor, ops, chain FROM change WHERE seq <= ?1 "
static const struct table changes = {FROM_CHANGE "ORDER BY seq", "INSERT " INTO_CHANGE, 6, true};
/* From the other end, up to a row that cannot be read. */
static const struct table changes_backwards = {FROM_CHANGE "ORDER BY seq DESC",
                                               "INSERT OR IGNORE " INTO_CHANGE, 6, true};

static const struct table other_tables[] = {
    {"SELECT seq, zone, serial FROM change_zone WHERE seq <= ?1 ORDER BY rowid",
     "INSERT INTO change_zone(seq, zone, serial) VALUES (?1, ?2, ?3)", 3, true},
    /* They begin with the number of a change, in network order: not those of a commit that came to
     * nothing, else a save that is repeated would find itself as its base, and ask for nothing. */
    {"SELECT zone, marker, records FROM base"
     " WHERE hex(substr(records, 1, 8)) <= printf('%016X', ?1) ORDER BY rowid",
     "INSERT INTO base(zone, marker, records) VALUES (?1, ?2, ?3)", 3, true},
    {"SELECT id, ran FROM run", "INSERT OR IGNORE INTO run(id, ran) VALUES (?1, ?2)", 2, false},
    {"SELECT number, started, result, ran FROM termination",
     "INSERT INTO termination(number, started, result, ran) VALUES (?1, ?2, ?3, ?4)", 4, false},
    {"SELECT number, value FROM note", "INSERT INTO note(number, value) VALUES (?1, ?2)", 2, false},
};

struct copying {
    const struct fresh_rest *rest;
    struct db *old, *new;
    unsigned rows;
    bool lost;
};

/* An error in reading the old one: all but passing ones say that it cannot be read. (A database
 * that was emptied has no such table.) */
static int unread(struct copying *k, int error)
{
    if (error == -ENOMEM || error == -EBUSY)
        return error;
    if (!k->rest->salvage)
        return error == -EIO ? error : -BD_ECORRUPT;
    k->lost = true;
    return 0;
}

static int put_row(struct copying *k, const struct table *t, struct db_stmt *from,
                   struct db_stmt *to)
{
    struct db_value values[COLUMNS_MAX];

    for (int i = 0; i < t->columns; i++)
        values[i] = db_value(from, i);
    int r = db_run_values(to, values, (size_t)t->columns);
    if (r == 0 && ++k->rows % ASK_EVERY == 0 && k->rest->stop(k->rest->arg))
        return -BD_ESTOPPING;
    return r;
}

static int copy_table(struct copying *k, const struct table *t, int64_t bound)
{
    struct db_stmt *from = NULL, *to = NULL;
    struct db_value value = DB_INT(bound);

    int r = db_prepare(k->new, t->insert, &to);
    if (r < 0)
        return r;
    int read = db_prepare(k->old, t->select, &from);
    if (read == 0 && t->bound)
        read = db_bind(from, &value, 1);
    while (r == 0 && read >= 0 && (read = db_step(from)) == 1)
        r = put_row(k, t, from, to);
    db_stmt_free(from);
    db_stmt_free(to);
    return r < 0 ? r : read < 0 ? unread(k, read) : 0;
}

static int copy_changes(struct copying *k)
{
    const int64_t seq = (int64_t)k->rest->last->seq;
    bool lost = k->lost;

    k->lost = false;
    int r = copy_table(k, &changes, seq);
    if (r == 0 && k->lost)
        r = copy_table(k, &changes_backwards, seq);
    k->lost = k->lost || lost;
    return r;
}

/* Zones that the configuration does not have, but that may come back. */
static int copy_zone(struct copying *k, struct db_stmt *zones, struct db_stmt *known)
{
    struct db_value id = DB_INT(db_int(zones, 0));

    int r = db_bind(known, &id, 1);
    if (r == 0)
        r = db_step(known);
    db_reset(known);
    if (r != 0)
        return r < 0 ? r : 0;
    r = RUN_ONCE(k->new, "INSERT INTO zone(id, origin, serial) VALUES (?1, ?2, ?3)", id,
                 db_value(zones, 1), db_value(zones, 2));
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(zone_tables); i++)
        r = copy_table(k, &zone_tables[i], id.i);
    return r;
}

static int copy_zones(struct copying *k)
{
    struct db_stmt *zones = NULL, *known = NULL;

    int r = db_prepare(k->new, "SELECT 1 FROM zone WHERE id = ?1", &known);
    if (r < 0)
        return r;
    int read = db_prepare(k->old, "SELECT id, origin, serial FROM zone", &zones);
    while (r == 0 && read >= 0 && (read = db_step(zones)) == 1)
        r = copy_zone(k, zones, known);
    db_stmt_free(zones);
    db_stmt_free(known);
    return r < 0 ? r : read < 0 ? unread(k, read) : 0;
}

static int copy_all(struct copying *k)
{
    int r = copy_zones(k);
    if (r == 0)
        r = copy_changes(k);
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(other_tables); i++)
        r = copy_table(k, &other_tables[i], (int64_t)k->rest->last->seq);
    return r;
}

/* The next start goes on from the last change, and from the last number of a registration. */
static int put_last(struct fresh *f, const struct fresh_rest *rest, bool *ret_lost)
{
    struct problem problem = {0};
    struct state_last last;

    int r = RUN_ONCE(f->state->db, "DELETE FROM sqlite_sequence WHERE name = ?1",
                     DB_TEXT(STR("registration")));
    if (r == 0)
        r = RUN_ONCE(f->state->db, "INSERT INTO sqlite_sequence(name, seq) VALUES (?1, ?2)",
                     DB_TEXT(STR("registration")), DB_INT(rest->last->number));
    if (r == 0)
        r = state_last(f->state, &last, &problem);
    if (r < 0)
        return r;
    if (last.seq == rest->last->seq && hash128_eq(&last.chain, &rest->last->chain))
        return 0;
    if (!rest->salvage)
        return -BD_ECORRUPT;
    *ret_lost = true;
    struct buf ops = {0};
    ops_encode(&(struct diffs){0}, NULL, &ops);
    struct state_change row = {.seq = rest->last->seq,
                               .time = clock_real_s(),
                               .source = "import",
                               .actor = STR("rebuild"),
                               .ops = buf_str(&ops),
                               .chain = rest->last->chain};
    r = ops.error;
    if (r == 0)
        r = RUN_ONCE(f->state->db, "DELETE FROM change WHERE seq = ?1", DB_INT(row.seq));
    if (r == 0)
        r = state_change_add(f->state, &row);
    buf_free(&ops);
    return r;
}

int fresh_copy_rest(struct fresh *f, const struct fresh_rest *rest, bool *ret_lost)
{
    struct copying k = {.rest = rest, .new = f->state->db};
    char *path = file_path(f->data, "state.db");

    if (!path)
        return -ENOMEM;
    int r = db_open(path, &k.old);
    if (r == -EACCES && access(path, F_OK) < 0 && errno == ENOENT)
        r = -EIO; /* somebody removed it */
    free(path);
    r = r < 0 ? unread(&k, r) : copy_all(&k);
    db_abandon(k.old);
    if (r == 0)
        r = put_last(f, rest, &k.lost);
    if (r == 0)
        *ret_lost = k.lost;
    return r;
}
