/* SQLite behind a few functions. */
#include "db.h"

#include <limits.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#define BUSY_MS 5000

struct db {
    sqlite3 *sqlite;
    unsigned wal_pages;
};

struct db_stmt {
    sqlite3_stmt *stmt;
};

static int error_of(int rc)
{
    switch (rc) {
    case SQLITE_IOERR_NOMEM: return -ENOMEM;
    case SQLITE_IOERR_READ:
    case SQLITE_IOERR_SHORT_READ:
    case SQLITE_IOERR_CORRUPTFS: return -EIO;
    default: break;
    }
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE: return 0;
    case SQLITE_FULL: return -BD_EFULL;
    case SQLITE_NOMEM: return -ENOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return -EBUSY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return -BD_ECORRUPT;
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH: return -EACCES;
    default: return -BD_EUNKNOWN;
    }
}

/* What a call has returned that began with errno 0. (SQLite does not keep the errno of a COMMIT
 * itself.) */
static int error_now(int rc)
{
    int e = errno;

    /* To SQLite only ENOSPC is a full disk; a quota is one too. */
    if (rc == SQLITE_IOERR_WRITE && e == EDQUOT)
        return -BD_EFULL;
    /* Where a read fails it says "malformed": SQLITE_IOERR_CORRUPTFS ends a statement as
     * SQLITE_CORRUPT. The next one may well succeed. */
    if (rc == SQLITE_CORRUPT && e == EIO)
        return -EIO;
    return error_of(rc);
}

static int on_wal(void *arg, sqlite3 *sqlite, const char *name, int pages)
{
    struct db *db = arg;

    (void)sqlite;
    (void)name;
    db->wal_pages = pages > 0 ? (unsigned)pages : 0;
    return SQLITE_OK;
}

/* The index of the WAL, state.db-shm, cannot be made or extended. */
static bool lacks_index(const struct db *db)
{
    switch (sqlite3_extended_errcode(db->sqlite)) {
    case SQLITE_IOERR_SHMSIZE:
    case SQLITE_IOERR_SHMOPEN:
    case SQLITE_IOERR_SHMMAP: return true;
    default: return false;
    }
}

/* vfs: NULL for the usual one. */
static int open_by(const char *vfs, const char *path, const char *pragmas, bool *ret_lacks_index,
                   struct db **ret_db)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    struct db *db = calloc(1, sizeof(*db));

    if (!db)
        return -ENOMEM;
    int rc = sqlite3_open_v2(path, &db->sqlite, flags, vfs);
    int r = rc == SQLITE_OK ? 0 : db->sqlite ? error_of(rc) : -ENOMEM;
    if (r == 0) {
        sqlite3_extended_result_codes(db->sqlite, 1);
        sqlite3_busy_timeout(db->sqlite, BUSY_MS);
        /* Where it may not be written, SQLite opens it for reading and does not say so. */
        r = sqlite3_db_readonly(db->sqlite, "main") == 1 ? -EACCES : db_exec(db, pragmas);
    }
    if (r < 0) {
        *ret_lacks_index = db->sqlite && lacks_index(db);
        db_close(db);
        return r;
    }
    *ret_db = db;
    return 0;
}

static int open_with(const char *path, const char *pragmas, struct db **ret_db)
{
    bool lacks = false;

    int r = open_by(NULL, path, pragmas, &lacks, ret_db);
    /* A full disk is to be read all the same: this one has the index in memory. All connections of
     * a process share it, whichever way they were opened; another process has to wait. */
    return lacks ? open_by("unix-excl", path, pragmas, &lacks, ret_db) : r;
}

/* secure_delete (Debian's default) would write each freed page once more. */
#define PRAGMAS                                                                                    \
    "PRAGMA secure_delete=OFF; PRAGMA auto_vacuum=NONE; PRAGMA cache_size=-16384;"                 \
    "PRAGMA trusted_schema=OFF;"

int db_open(const char *path, struct db **ret_db)
{
    int r = open_with(path,
                      PRAGMAS "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                              "PRAGMA journal_size_limit=67108864",
                      ret_db);

    if (r == 0) /* this also switches the automatic checkpoint off */
        sqlite3_wal_hook((*ret_db)->sqlite, on_wal, *ret_db);
    return r;
}

int db_open_fresh(const char *path, struct db **ret_db)
{
    return open_with(path, PRAGMAS "PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF", ret_db);
}

void db_close(struct db *db)
{
    if (!db)
        return;
    sqlite3_close_v2(db->sqlite);
    free(db);
}

void db_abandon(struct db *db)
{
    if (db)
        sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    db_close(db);
}

int db_exec(struct db *db, const char *sql)
{
    errno = 0;
    return error_now(sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL));
}

int db_pragma_int(struct db *db, const char *pragma, int64_t *ret_value)
{
    struct db_stmt *st;

    int r = db_prepare(db, pragma, &st);
    if (r < 0)
        return r;
    r = db_step(st);
    if (r == 1)
        *ret_value = db_int(st, 0);
    db_stmt_free(st);
    return r == 1 ? 0 : r < 0 ? r : -BD_ECORRUPT;
}

int64_t db_last_rowid(const struct db *db)
{
    return sqlite3_last_insert_rowid(db->sqlite);
}

unsigned db_wal_pages(const struct db *db)
{
    return db->wal_pages;
}

const char *db_message(const struct db *db)
{
    return sqlite3_errmsg(db->sqlite);
}

bool db_in_transaction(const struct db *db)
{
    return !sqlite3_get_autocommit(db->sqlite);
}

bool db_is_there(const struct db *db)
{
    int moved = 0;

    if (sqlite3_file_control(db->sqlite, "main", SQLITE_FCNTL_HAS_MOVED, &moved) != SQLITE_OK)
        return true; /* not known */
    const char *wal = sqlite3_filename_wal(sqlite3_db_filename(db->sqlite, "main"));
    return !moved && (!wal || access(wal, F_OK) == 0 || errno != ENOENT);
}

bool db_rollback(struct db *db)
{
    /* Many errors roll back by themselves. */
    if (db_in_transaction(db))
        sqlite3_exec(db->sqlite, "ROLLBACK", NULL, NULL, NULL);
    return !db_in_transaction(db);
}

int db_checkpoint(struct db *db, bool *ret_all)
{
    int pages = 0, copied = 0;
    int rc =
        sqlite3_wal_checkpoint_v2(db->sqlite, NULL, SQLITE_CHECKPOINT_PASSIVE, &pages, &copied);

    /* Busy: somebody else is copying. */
    if (rc != SQLITE_OK && (rc & 0xff) != SQLITE_BUSY)
        return error_of(rc);
    *ret_all = rc == SQLITE_OK && pages == copied;
    return 0;
}

int db_prepare(struct db *db, const char *sql, struct db_stmt **ret_stmt)
{
    struct db_stmt *st = calloc(1, sizeof(*st));

    if (!st)
        return -ENOMEM;
    errno = 0;
    int rc = sqlite3_prepare_v3(db->sqlite, sql, -1, SQLITE_PREPARE_PERSISTENT, &st->stmt, NULL);
    if (rc != SQLITE_OK) {
        int r = error_now(rc);
        free(st);
        return r;
    }
    *ret_stmt = st;
    return 0;
}

void db_stmt_free(struct db_stmt *st)
{
    if (!st)
        return;
    sqlite3_finalize(st->stmt);
    free(st);
}

static int bind_one(sqlite3_stmt *stmt, int at, const struct db_value *v)
{
    const char *p = v->s.p ? v->s.p : "";

    switch (v->kind) {
    case DB_INT_VALUE: return sqlite3_bind_int64(stmt, at, v->i);
    case DB_BLOB_VALUE: return sqlite3_bind_blob64(stmt, at, p, v->s.n, SQLITE_STATIC);
    case DB_TEXT_VALUE: return sqlite3_bind_text64(stmt, at, p, v->s.n, SQLITE_STATIC, SQLITE_UTF8);
    case DB_NULL_VALUE: break;
    }
    return sqlite3_bind_null(stmt, at);
}

int db_bind(struct db_stmt *st, const struct db_value *values, size_t n)
{
    for (size_t i = 0; i < n && i < INT_MAX; i++) {
        int rc = bind_one(st->stmt, (int)i + 1, &values[i]);
        if (rc != SQLITE_OK)
            return error_of(rc);
    }
    return 0;
}

int db_step(struct db_stmt *st)
{
    errno = 0;
    int rc = sqlite3_step(st->stmt);
    return rc == SQLITE_ROW ? 1 : error_now(rc);
}

void db_reset(struct db_stmt *st)
{
    sqlite3_reset(st->stmt);
    sqlite3_clear_bindings(st->stmt);
}

int db_run_values(struct db_stmt *st, const struct db_value *values, size_t n)
{
    int r = db_bind(st, values, n);
    if (r == 0)
        r = db_step(st);
    db_reset(st);
    return r < 0 ? r : 0;
}

struct db_value db_value(struct db_stmt *st, int column)
{
    switch (sqlite3_column_type(st->stmt, column)) {
    case SQLITE_INTEGER: return DB_INT(db_int(st, column));
    case SQLITE_TEXT: return DB_TEXT(db_bytes(st, column));
    case SQLITE_BLOB: return DB_BLOB(db_bytes(st, column));
    default: return DB_NULL;
    }
}

int64_t db_int(struct db_stmt *st, int column)
{
    return sqlite3_column_int64(st->stmt, column);
}

struct str db_bytes(struct db_stmt *st, int column)
{
    if (sqlite3_column_type(st->stmt, column) == SQLITE_NULL)
        return (struct str){NULL, 0};
    const char *p = sqlite3_column_blob(st->stmt, column);
    int n = sqlite3_column_bytes(st->stmt, column);
    return p && n > 0 ? (struct str){p, (size_t)n} : STR("");
}
