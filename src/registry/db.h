/* The little of SQLite that the registry uses: one connection, prepared statements, errors as ours.
 * The only user of sqlite3.h is db.c. A connection belongs to one thread at a time. */
#ifndef BETTERDNS_REGISTRY_DB_H
#define BETTERDNS_REGISTRY_DB_H

#include <betterdns/error.h>
#include <betterdns/str.h>

struct db;
struct db_stmt;

/* Errors of all functions: -BD_EFULL no room, the transaction can be rolled back; -EBUSY another
 * process holds the file; -BD_ECORRUPT; -EIO it cannot be read; -ENOMEM; -EACCES; -BD_EUNKNOWN
 * anything else, errors in writing first of all. */

/* Opens an existing file (empty: a new database), WAL, synchronous=FULL, no checkpoints of its own.
 */
int db_open(const char *path, struct db **ret_db);
/* Opens an empty file to be filled by one transaction: nothing is synced, and what fails leaves a
 * file that can only be removed. */
int db_open_fresh(const char *path, struct db **ret_db);
void db_close(struct db *db); /* NULL is fine; statements first */
/* Closes it and leaves the WAL alone: the last one to close would else copy it to the database and
 * remove it. */
void db_abandon(struct db *db);
int db_exec(struct db *db, const char *sql);
int db_pragma_int(struct db *db, const char *pragma, int64_t *ret_value);
int64_t db_last_rowid(const struct db *db);
unsigned db_wal_pages(const struct db *db);  /* in the WAL after this connection's last commit */
const char *db_message(const struct db *db); /* of the last error, in SQLite's words */

/* Ends a transaction that is still open after a failure; false: it did not. */
bool db_rollback(struct db *db);
bool db_in_transaction(const struct db *db);
/* Are the database and its WAL still the files of those names? What is written to others is lost
 * when they are closed. */
bool db_is_there(const struct db *db);

/* Copies pages from the WAL to the database without waiting for anybody; true in *ret_all when none
 * is left. */
int db_checkpoint(struct db *db, bool *ret_all);

int db_prepare(struct db *db, const char *sql, struct db_stmt **ret_stmt);
void db_stmt_free(struct db_stmt *st); /* NULL is fine */

struct db_value {
    enum { DB_NULL_VALUE, DB_INT_VALUE, DB_BLOB_VALUE, DB_TEXT_VALUE } kind;
    int64_t i;
    struct str s; /* read only during the call */
};
#define DB_INT(v) ((struct db_value){.kind = DB_INT_VALUE, .i = (int64_t)(v)})
#define DB_BLOB(v) ((struct db_value){.kind = DB_BLOB_VALUE, .s = (v)})
#define DB_TEXT(v) ((struct db_value){.kind = DB_TEXT_VALUE, .s = (v)})
#define DB_NULL ((struct db_value){.kind = DB_NULL_VALUE})

/* Binds all parameters and runs a statement that gives no rows. */
#define db_run(st, ...)                                                                            \
    db_run_values(st, (const struct db_value[]){__VA_ARGS__},                                      \
                  sizeof((const struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value))
int db_run_values(struct db_stmt *st, const struct db_value *values, size_t n);

/* Rows: bind, then step until 0 (1 is a row), then reset, also after an error. */
int db_bind(struct db_stmt *st, const struct db_value *values, size_t n);
int db_step(struct db_stmt *st);
void db_reset(struct db_stmt *st);
struct db_value db_value(struct db_stmt *st, int column); /* until the next step */
int64_t db_int(struct db_stmt *st, int column);
struct str db_bytes(struct db_stmt *st,
                    int column); /* until the next step; p is NULL for NULL only */

#endif
