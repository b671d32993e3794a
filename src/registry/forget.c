/* Old changes leave state.db: which of them, and how. The oldest that stays is the one whose state
 * can still be made, by undoing those after it; so what a zone's serial was then stays too. */
#include "state_impl.h"

/* What a change takes, about: with its rows in change_zone and in the index of those. */
#define SIZE "length(ops) + length(actor) + 100"

static int with_rows(struct state *s, const char *sql, uint64_t after, struct db_stmt **ret_stmt)
{
    const struct db_value value = DB_INT(after);
    struct db_stmt *st;

    int r = db_prepare(s->db, sql, &st);
    if (r < 0)
        return r;
    r = db_bind(st, &value, 1);
    if (r < 0)
        db_stmt_free(st);
    else
        *ret_stmt = st;
    return r;
}

int state_pages_size(struct state *s, uint64_t *ret_bytes)
{
    int64_t pages, free_pages, size;

    int r = db_pragma_int(s->db, "PRAGMA page_count", &pages);
    if (r == 0)
        r = db_pragma_int(s->db, "PRAGMA freelist_count", &free_pages);
    if (r == 0)
        r = db_pragma_int(s->db, "PRAGMA page_size", &size);
    if (r == 0)
        *ret_bytes = (uint64_t)((pages - free_pages) * size);
    return r;
}

int state_count_changes(struct state *s, uint64_t *after, uint64_t *bytes)
{
    struct db_stmt *st;
    unsigned rows = 0;

    int r =
        with_rows(s, "SELECT seq, " SIZE " FROM change WHERE seq > ?1 ORDER BY seq", *after, &st);
    if (r < 0)
        return r;
    while (rows < FORGET_MOST && (r = db_step(st)) == 1) {
        *after = (uint64_t)db_int(st, 0);
        *bytes += (uint64_t)db_int(st, 1);
        rows++;
    }
    db_stmt_free(st);
    return r;
}

/* A version that was saved so long ago has no editor any more. Rows begin with the number of their
 * change, in network order. 1: it was; a change that has gone already is older than all. */
static int is_old(struct state *s, struct str records, int64_t before)
{
    struct db_stmt *st;
    uint64_t seq = 0;

    if (records.n < sizeof(seq))
        return 0;
    for (size_t i = 0; i < sizeof(seq); i++)
        seq = seq << 8 | (uint8_t)records.p[i];
    int r = with_rows(s, "SELECT time FROM change WHERE seq = ?1", seq, &st);
    if (r < 0)
        return r;
    r = db_step(st);
    if (r >= 0)
        r = r == 0 || db_int(st, 0) < before;
    db_stmt_free(st);
    return r;
}

/* The first change that a saved version of a file is based on, of those that are in use. */
static int first_base(struct state *s, int64_t before, uint64_t *keep)
{
    struct db_stmt *st;

    int r = db_prepare(s->db,
                       "SELECT CAST(marker AS INTEGER), substr(records, 1, 8) FROM base"
                       " WHERE marker GLOB '[0-9]*'",
                       &st);
    if (r < 0)
        return r;
    while ((r = db_step(st)) == 1) {
        uint64_t seq = (uint64_t)db_int(st, 0);
        r = seq < *keep ? is_old(s, db_bytes(st, 1), before) : 1;
        if (r < 0)
            break;
        if (r == 0)
            *keep = seq;
    }
    db_stmt_free(st);
    return r;
}

/* A row can go when the state that is to be kept can be made without it: from a later one that is
 * still not after that state. */
static int choose(struct db_stmt *st, const struct forget *f, uint64_t keep, struct forgotten *out)
{
    int64_t time = 0;
    uint64_t bytes = 0;
    int r;

    for (unsigned rows = 0; (r = db_step(st)) == 1; rows++) {
        uint64_t seq = (uint64_t)db_int(st, 0);
        bool old = time < f->before || out->bytes < f->excess;
        if (seq > keep || (rows > 0 && !old) || rows > FORGET_MOST)
            return 0;
        out->rows = rows;
        out->bytes += bytes;
        out->oldest = seq;
        time = db_int(st, 1);
        bytes = (uint64_t)db_int(st, 2);
    }
    return r;
}

int state_find_old(struct state *s, const struct forget *f, struct forgotten *ret_forgotten)
{
    struct forgotten out = {0};
    uint64_t keep = f->keep;
    struct db_stmt *st;

    int r = first_base(s, f->before, &keep);
    if (r == 0)
        r = with_rows(s, "SELECT seq, time, " SIZE " FROM change WHERE seq > ?1 ORDER BY seq", 0,
                      &st);
    if (r < 0)
        return r;
    r = choose(st, f, keep, &out);
    db_stmt_free(st);
    if (r == 0)
        *ret_forgotten = out;
    return r;
}

int state_forget(struct state *s, uint64_t oldest)
{
    static const char *const sql[] = {
        "DELETE FROM change WHERE seq < ?1",
        "DELETE FROM base WHERE marker GLOB '[0-9]*' AND CAST(marker AS INTEGER) < ?1",
        /* CROSS: zone by zone, by the index. */
        "DELETE FROM change_zone WHERE rowid IN (SELECT c.rowid FROM zone z"
        " CROSS JOIN change_zone c ON c.zone = z.id AND c.seq < (SELECT max(m.seq) FROM "
        "change_zone m"
        " WHERE m.zone = z.id AND m.seq <= ?1))",
    };
    int r = 0;

    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(sql); i++) {
        struct db_stmt *st;
        r = with_rows(s, sql[i], oldest, &st);
        if (r < 0)
            return r;
        r = db_step(st);
        db_stmt_free(st);
    }
    return r;
}
