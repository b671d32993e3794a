/* The reader's connection. */
#include "reader.h"

#include <pthread.h>
#include <stdlib.h>

#include <betterdns/error.h>
#include <betterdns/file.h>

#include "db.h"

/* As much as one transaction reads of a range. */
#define ROWS_MAX 500
#define BYTES_MAX ((size_t)1 << 20)

enum query { FORWARDS, FORWARDS_ZONE, BACKWARDS, ZONE_AT, SERIAL, TERMINATIONS, NOTES, NQUERIES };

#define COLUMNS "c.seq, c.time, c.source, c.actor, c.ops, c.chain"
static const char *const query_sql[] = {
    [FORWARDS] = "SELECT " COLUMNS " FROM change c WHERE c.seq > ?1 AND c.seq <= ?2 ORDER BY c.seq",
    /* CROSS: in this order, by the index. */
    [FORWARDS_ZONE] = "SELECT " COLUMNS " FROM change_zone z CROSS JOIN change c ON c.seq = z.seq"
                      " WHERE z.zone = ?3 AND z.seq > ?1 AND z.seq <= ?2 ORDER BY z.seq",
    [BACKWARDS] = "SELECT " COLUMNS ","
                  " (SELECT p.chain FROM change p WHERE p.seq < c.seq ORDER BY p.seq DESC LIMIT 1)"
                  " FROM change c WHERE c.seq > ?1 AND c.seq <= ?2 ORDER BY c.seq DESC",
    [ZONE_AT] = "SELECT seq, serial FROM change_zone WHERE zone = ?1 AND seq <= ?2"
                " ORDER BY seq DESC LIMIT 1",
    [SERIAL] = "SELECT seq FROM change_zone WHERE zone = ?1 AND seq <= ?2 AND serial = ?3"
               " ORDER BY seq DESC LIMIT 1",
    [TERMINATIONS] = "SELECT number, ran, started, result FROM termination WHERE ran >= ?1"
                     " ORDER BY ran, number",
    [NOTES] = "SELECT number, 0, 0, value FROM note WHERE ?1 = 0",
};
_Static_assert(ARRAY_SIZE(query_sql) == NQUERIES, "one text per query");

enum { ROW_SEQ, ROW_TIME, ROW_SOURCE, ROW_ACTOR, ROW_OPS, ROW_CHAIN, ROW_BEFORE };

struct reader {
    char *path;
    pthread_mutex_t lock; /* held from begin to end; what follows is guarded by it */
    struct db *db;        /* NULL: not open */
    struct db_stmt *queries[NQUERIES];
    bool suspended;
};

int reader_new(const char *data, struct reader **ret_reader)
{
    struct reader *rd = calloc(1, sizeof(*rd));
    char *path = file_path(data, "state.db");

    if (!rd || !path) {
        free(rd);
        free(path);
        return -ENOMEM;
    }
    rd->path = path;
    pthread_mutex_init(&rd->lock, NULL);
    *ret_reader = rd;
    return 0;
}

/* The WAL stays: copying it is not a reader's work. */
static void close_db(struct reader *rd)
{
    for (unsigned i = 0; i < NQUERIES; i++) {
        db_stmt_free(rd->queries[i]);
        rd->queries[i] = NULL;
    }
    db_abandon(rd->db);
    rd->db = NULL;
}

static int open_db(struct reader *rd)
{
    int r = db_open(rd->path, &rd->db);
    if (r == 0)
        r = db_exec(rd->db, "PRAGMA query_only=ON");
    for (unsigned i = 0; r == 0 && i < NQUERIES; i++)
        r = db_prepare(rd->db, query_sql[i], &rd->queries[i]);
    return r;
}

void reader_free(struct reader *rd)
{
    if (!rd)
        return;
    close_db(rd);
    pthread_mutex_destroy(&rd->lock);
    free(rd->path);
    free(rd);
}

static void set_suspended(struct reader *rd, bool suspended)
{
    if (!rd)
        return;
    pthread_mutex_lock(&rd->lock);
    close_db(rd);
    rd->suspended = suspended;
    pthread_mutex_unlock(&rd->lock);
}

void reader_suspend(struct reader *rd)
{
    set_suspended(rd, true);
}

void reader_resume(struct reader *rd)
{
    set_suspended(rd, false);
}

int reader_begin(struct reader *rd)
{
    int r = 0;

    pthread_mutex_lock(&rd->lock);
    if (rd->suspended)
        r = -BD_EREADONLY;
    else if (!rd->db)
        r = open_db(rd);
    if (r == 0)
        r = db_exec(rd->db, "BEGIN");
    if (r == 0)
        return 0;
    close_db(rd);
    pthread_mutex_unlock(&rd->lock);
    return r;
}

void reader_end(struct reader *rd)
{
    if (!db_rollback(rd->db)) /* nothing was written */
        close_db(rd);
    pthread_mutex_unlock(&rd->lock);
}

/* ---- queries ---- */

/* SQLite's numbers have a sign. */
static struct db_value number(uint64_t v)
{
    return DB_INT(v < INT64_MAX ? v : INT64_MAX);
}

static bool is_chain(struct str s, struct hash128 *ret_chain)
{
    if (s.n != sizeof(ret_chain->b))
        return false;
    memcpy(ret_chain->b, s.p, s.n);
    return true;
}

static int read_row(struct db_stmt *st, bool backwards, struct reader_row *row)
{
    *row = (struct reader_row){
        .seq = (uint64_t)db_int(st, ROW_SEQ),
        .time = db_int(st, ROW_TIME),
        .source = db_bytes(st, ROW_SOURCE),
        .actor = db_bytes(st, ROW_ACTOR),
        .ops = db_bytes(st, ROW_OPS),
    };
    if (!is_chain(db_bytes(st, ROW_CHAIN), &row->chain))
        return -BD_ECORRUPT;
    struct str before = backwards ? db_bytes(st, ROW_BEFORE) : STR("");
    return !backwards || !before.p || is_chain(before, &row->before) ? 0 : -BD_ECORRUPT;
}

static int walk(struct db_stmt *st, bool backwards, reader_row_fn *fn, void *arg)
{
    struct reader_row row;
    size_t bytes = 0;
    int r;

    for (unsigned rows = 0; rows < ROWS_MAX && bytes < BYTES_MAX; rows++) {
        r = db_step(st);
        if (r <= 0)
            return r;
        r = read_row(st, backwards, &row);
        if (r == 0)
            r = fn(arg, &row);
        if (r != 0)
            return r;
        bytes += row.ops.n;
    }
    return 1;
}

int reader_changes(struct reader *rd, const struct reader_range *range, reader_row_fn *fn,
                   void *arg)
{
    const struct db_value values[] = {number(range->after), number(range->upto),
                                      DB_INT(range->zone)};
    enum query q = range->backwards ? BACKWARDS : range->zone ? FORWARDS_ZONE : FORWARDS;
    struct db_stmt *st = rd->queries[q];

    int r = db_bind(st, values, range->zone ? 3 : 2);
    if (r == 0)
        r = walk(st, range->backwards, fn, arg);
    db_reset(st);
    return r;
}

int reader_zone(struct reader *rd, int64_t zone, uint64_t seq, uint64_t *ret_seq,
                uint32_t *ret_serial)
{
    struct db_stmt *st = rd->queries[ZONE_AT];

    int r = db_bind(st, (const struct db_value[]){DB_INT(zone), number(seq)}, 2);
    if (r == 0)
        r = db_step(st);
    if (r == 1) {
        *ret_seq = (uint64_t)db_int(st, 0);
        *ret_serial = (uint32_t)db_int(st, 1);
    }
    db_reset(st);
    return r == 1 ? 0 : r == 0 ? -BD_ENOTFOUND : r;
}

int reader_serial(struct reader *rd, int64_t zone, uint64_t seq, uint32_t serial, uint64_t *ret_seq)
{
    struct db_stmt *st = rd->queries[SERIAL];

    int r = db_bind(st, (const struct db_value[]){DB_INT(zone), number(seq), DB_INT(serial)}, 3);
    if (r == 0)
        r = db_step(st);
    if (r == 1)
        *ret_seq = (uint64_t)db_int(st, 0);
    db_reset(st);
    return r == 1 ? 0 : r == 0 ? -BD_ENOTFOUND : r;
}

int reader_lease_rows(struct reader *rd, enum reader_lease what, uint64_t since_ns,
                      int (*fn)(void *arg, const struct reader_lease_row *row), void *arg)
{
    struct db_stmt *st = rd->queries[what == READER_NOTES ? NOTES : TERMINATIONS];
    const struct db_value since = number(what == READER_NOTES ? 0 : since_ns);

    int r = db_bind(st, &since, 1);
    while (r == 0 && (r = db_step(st)) == 1) {
        const struct reader_lease_row row = {.number = (uint64_t)db_int(st, 0),
                                             .ran_ns = (uint64_t)db_int(st, 1),
                                             .time = db_int(st, 2),
                                             .text = db_bytes(st, 3)};
        r = fn(arg, &row);
    }
    db_reset(st);
    return r;
}
