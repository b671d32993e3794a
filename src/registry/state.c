/* state.db: schema, opening, writing. */
#include "state.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <betterdns/buf.h>
#include <betterdns/file.h>
#include <betterdns/log.h>

#include "ops.h"
#include "state_impl.h"

#define VERSION 2
#define BASES_A_MARKER 16
#define BASES_A_ZONE 256

/* owner: dname_key of the absolute owner; rdata: packed sets (rrset.h); ops: ops.h; ttl of a
 * registration: what it last asked for; state: its flags. */
#define VERSION_1                                                                                  \
    "CREATE TABLE zone(id INTEGER PRIMARY KEY, origin TEXT NOT NULL UNIQUE, serial INTEGER NOT "   \
    "NULL);"                                                                                       \
    "CREATE TABLE rrset(zone INTEGER NOT NULL, owner BLOB NOT NULL, type INTEGER NOT NULL,"        \
    " ttl INTEGER NOT NULL, rdata BLOB NOT NULL, PRIMARY KEY (zone, owner, type)) WITHOUT ROWID;"  \
    "CREATE TABLE change(seq INTEGER PRIMARY KEY, time INTEGER NOT NULL, source TEXT NOT NULL,"    \
    " actor TEXT NOT NULL, ops BLOB NOT NULL, chain BLOB NOT NULL);"                               \
    "CREATE TABLE change_zone(seq INTEGER NOT NULL, zone INTEGER NOT NULL, serial INTEGER NOT "    \
    "NULL);"                                                                                       \
    "CREATE INDEX change_zone_by_zone ON change_zone(zone, seq);"                                  \
    "CREATE TABLE registration(number INTEGER PRIMARY KEY AUTOINCREMENT, zone INTEGER NOT NULL,"   \
    " owner BLOB NOT NULL, type INTEGER NOT NULL, id TEXT NOT NULL, rdata BLOB NOT NULL, ttl "     \
    "INTEGER,"                                                                                     \
    " subject TEXT, source TEXT NOT NULL, created INTEGER NOT NULL, lease INTEGER NOT NULL,"       \
    " check_spec TEXT, state INTEGER NOT NULL);"                                                   \
    "CREATE TABLE export(zone INTEGER NOT NULL, seq INTEGER NOT NULL, hash BLOB NOT NULL);"        \
    "CREATE TABLE base(zone INTEGER NOT NULL, marker TEXT NOT NULL, records BLOB NOT NULL);"       \
    "CREATE TABLE termination(number INTEGER PRIMARY KEY, started INTEGER NOT NULL, result TEXT);"
/* withdrawn: a packed set, NULL where nothing is; ran, run: lease.h. What this adds to a state.db
 * of version 1 makes it the same as a new one. */
#define VERSION_2                                                                                  \
    "ALTER TABLE rrset ADD COLUMN withdrawn BLOB;"                                                 \
    "ALTER TABLE termination ADD COLUMN ran INTEGER NOT NULL DEFAULT 0;"                           \
    "CREATE TABLE run(id INTEGER PRIMARY KEY, ran INTEGER NOT NULL);"                              \
    "CREATE TABLE renewal(number INTEGER PRIMARY KEY, run INTEGER NOT NULL);"                      \
    "CREATE TABLE note(number INTEGER PRIMARY KEY, value BLOB NOT NULL);"                          \
    "PRAGMA user_version=2;"

static const char schema[] = "BEGIN IMMEDIATE;" VERSION_1 VERSION_2 "COMMIT";
static const char from_version_1[] = "BEGIN IMMEDIATE;" VERSION_2 "COMMIT";
_Static_assert(VERSION == 2, "the schema says user_version=2");

static const char *const statement_sql[] = {
    [STATE_BEGIN] = "BEGIN IMMEDIATE",
    [STATE_COMMIT] = "COMMIT",
    [STATE_ZONE_ADD] = "INSERT INTO zone(origin, serial) VALUES (?1, 0)",
    [STATE_ZONE_SERIAL] = "UPDATE zone SET serial = ?2 WHERE id = ?1",
    [STATE_SET_PUT] = "INSERT INTO rrset(zone, owner, type, ttl, rdata, withdrawn)"
                      " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT(zone, owner, type)"
                      " DO UPDATE SET ttl = ?4, rdata = ?5, withdrawn = ?6",
    [STATE_SET_DELETE] = "DELETE FROM rrset WHERE zone = ?1 AND owner = ?2 AND type = ?3",
    [STATE_REG_PUT] =
        "INSERT INTO registration(number, zone, owner, type, id, rdata, ttl, subject, source,"
        " created, lease, check_spec, state)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"
        " ON CONFLICT(number) DO UPDATE SET rdata = ?6, ttl = ?7, subject = ?8, source = ?9,"
        " lease = ?11, check_spec = ?12, state = ?13",
    [STATE_REG_DELETE] = "DELETE FROM registration WHERE number = ?1",
    [STATE_CHANGE_ADD] = "INSERT INTO change(seq, time, source, actor, ops, chain)"
                         " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [STATE_CHANGE_ZONE_ADD] = "INSERT INTO change_zone(seq, zone, serial) VALUES (?1, ?2, ?3)",
    [STATE_EXPORT_ADD] = "INSERT INTO export(zone, seq, hash) VALUES (?1, ?2, ?3)",
    [STATE_EXPORT_TRIM] = "DELETE FROM export WHERE zone = ?1 AND rowid >"
                          " (SELECT min(rowid) FROM export WHERE zone = ?1)",
    [STATE_EXPORT_CLEAR] = "DELETE FROM export WHERE zone = ?1",
    [STATE_BASE_ADD] = "INSERT INTO base(zone, marker, records) VALUES (?1, ?2, ?3)",
    [STATE_BASE_CLEAR] = "DELETE FROM base WHERE zone = ?1 AND marker = ?2",
    [STATE_BASE_TRIM] = "DELETE FROM base WHERE zone = ?1 AND marker = ?2 AND rowid <="
                        " (SELECT rowid FROM base WHERE zone = ?1 AND marker = ?2"
                        " ORDER BY rowid DESC LIMIT 1 OFFSET ?3)",
    [STATE_BASE_BOUND] = "DELETE FROM base WHERE zone = ?1 AND marker GLOB '[0-9]*' AND rowid <="
                         " (SELECT rowid FROM base WHERE zone = ?1 AND marker GLOB '[0-9]*'"
                         " ORDER BY rowid DESC LIMIT 1 OFFSET ?2)",
    [STATE_RUN_PUT] = "INSERT INTO run(id, ran) VALUES (?1, ?2)"
                      " ON CONFLICT(id) DO UPDATE SET ran = ?2",
    [STATE_RUN_KEEP] = "INSERT OR IGNORE INTO run(id, ran) VALUES (?1, ?2)",
    [STATE_RENEWAL_PUT] = "INSERT INTO renewal(number, run) VALUES (?1, ?2)"
                          " ON CONFLICT(number) DO UPDATE SET run = ?2",
    [STATE_RENEWAL_DELETE] = "DELETE FROM renewal WHERE number = ?1",
    [STATE_TERMINATION_PUT] = "INSERT OR REPLACE INTO termination(number, started, result, ran)"
                              " VALUES (?1, ?2, NULL, ?3)",
    [STATE_TERMINATION_END] = "UPDATE termination SET result = ?2 WHERE number = ?1",
    [STATE_NOTE_PUT] = "INSERT INTO note(number, value) SELECT ?1, ?2 WHERE ?1 <= 0 OR"
                       " EXISTS (SELECT 1 FROM registration WHERE number = ?1)"
                       " ON CONFLICT(number) DO UPDATE SET value = ?2",
    [STATE_NOTE_DELETE] = "DELETE FROM note WHERE number = ?1",
};
_Static_assert(ARRAY_SIZE(statement_sql) == STATE_NSTATEMENTS, "one text per statement");

int state_sync_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = fsync(fd) < 0 ? -errno : 0;
    close(fd);
    return r;
}

/* SQLite gives -wal and -shm the mode of the database: so the mode is set here, whatever the umask.
 */
static int make_file(const char *data, const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
    if (fd < 0)
        return errno == EEXIST ? 0 : -errno;
    int r = fchmod(fd, 0640) < 0 ? -errno : 0;
    close(fd);
    return r < 0 ? r : state_sync_dir(data);
}

static int run_script(struct state *s, const char *sql, const char *path, struct problem *problem)
{
    int r = db_exec(s->db, sql);
    return r == 0 ? 0 : problem_set(problem, r, "data", "%s: %s", path, state_message(s));
}

/* An empty database gets the schema, an earlier one what it lacks, in one transaction; another one
 * must be ours, and not newer than we are. */
static int check_version(struct state *s, const char *path, struct problem *problem)
{
    int64_t version = 0, tables = 0;

    int r = db_pragma_int(s->db, "PRAGMA user_version", &version);
    if (r == 0)
        r = db_pragma_int(s->db, "SELECT count(*) FROM sqlite_master", &tables);
    if (r < 0)
        return problem_set(problem, r, "data", "%s: %s", path, state_message(s));
    if (version == 0 && tables == 0)
        return run_script(s, schema, path, problem);
    if (version == VERSION)
        return 0;
    if (version == 1) {
        log_info("state.db: it is brought to this version's form", LOG_INT("from", version),
                 LOG_INT("to", VERSION));
        return run_script(s, from_version_1, path, problem);
    }
    if (version < VERSION)
        return problem_set(problem, -BD_ECORRUPT, "data", "%s is not a state of betterdns", path);
    problem_set(problem, -BD_EINVALID, "data", "%s is of version %lld, this program knows %d", path,
                (long long)version, VERSION);
    return problem_hint(problem, "run the betterdns that wrote it, or a later one");
}

int state_make(struct state *s)
{
    int r = db_exec(s->db, schema);
    return r < 0 ? r : state_prepare(s);
}

int state_prepare(struct state *s)
{
    for (unsigned i = 0; i < STATE_NSTATEMENTS; i++) {
        int r = db_prepare(s->db, statement_sql[i], &s->statements[i]);
        if (r < 0)
            return r;
    }
    return 0;
}

int state_open(const char *data, struct state **ret_state, struct problem *problem)
{
    char *path = file_path(data, "state.db");
    struct state *s = calloc(1, sizeof(*s));
    int r = -ENOMEM;

    if (!s || !path)
        goto out;
    r = state_adopt(data);
    if (r == 1)
        log_warning("state.db: the fresh one that was complete before the stop takes its place");
    if (r >= 0)
        r = make_file(data, path);
    if (r < 0) {
        problem_set(problem, r, "data", "%s: %s", path, bd_strerror(r));
        goto out;
    }
    r = db_open(path, &s->db);
    if (r < 0) {
        problem_set(problem, r, "data", "%s cannot be opened: %s", path, bd_strerror(r));
        goto out;
    }
    r = check_version(s, path, problem);
    if (r < 0)
        goto out;
    r = state_prepare(s);
    if (r == 0) /* by now there is a WAL: SQLite syncs its name too, but is silent where it fails */
        r = state_sync_dir(data);
    if (r < 0)
        problem_set(problem, r, "data", "%s: %s", path, state_message(s));
out:
    if (r == -BD_ECORRUPT)
        state_damaged(problem, "%s", path);
    if (r == 0)
        *ret_state = s;
    else
        state_close(s);
    free(path);
    return r;
}

static void close_by(struct state *s, void (*close_db)(struct db *db))
{
    if (!s)
        return;
    for (unsigned i = 0; i < STATE_NSTATEMENTS; i++)
        db_stmt_free(s->statements[i]);
    close_db(s->db);
    free(s);
}

void state_close(struct state *s)
{
    close_by(s, db_close);
}

void state_abandon(struct state *s)
{
    close_by(s, db_abandon);
}

const char *state_message(const struct state *s)
{
    return db_message(s->db);
}

unsigned state_wal_pages(const struct state *s)
{
    return db_wal_pages(s->db);
}

void state_shrink(struct state *s)
{
    (void)db_exec(s->db, "PRAGMA shrink_memory"); /* else it keeps it: no harm */
}

/* ---- writing ---- */

int state_begin(struct state *s)
{
    return db_run_values(s->statements[STATE_BEGIN], NULL, 0);
}

int state_commit(struct state *s)
{
    return db_run_values(s->statements[STATE_COMMIT], NULL, 0);
}

bool state_in_transaction(const struct state *s)
{
    return db_in_transaction(s->db);
}

bool state_is_there(const struct state *s)
{
    return db_is_there(s->db);
}

bool state_rollback(struct state *s)
{
    return db_rollback(s->db);
}

int state_zone_add(struct state *s, struct str origin, int64_t *ret_id)
{
    int r = db_run(s->statements[STATE_ZONE_ADD], DB_TEXT(origin));
    if (r == 0)
        *ret_id = db_last_rowid(s->db);
    return r;
}

int state_zone_serial(struct state *s, int64_t zone, uint32_t serial)
{
    return db_run(s->statements[STATE_ZONE_SERIAL], DB_INT(zone), DB_INT(serial));
}

static struct db_value text_or_null(struct str s)
{
    return s.p ? DB_TEXT(s) : DB_NULL;
}

static struct str packed(const struct rdset *set)
{
    return (struct str){(const char *)set->p, set->n};
}

static int put_registration(struct state *s, int64_t zone, const struct rrset *set,
                            const struct registration *reg)
{
    return db_run(s->statements[STATE_REG_PUT], DB_INT(reg->number), DB_INT(zone),
                  DB_BLOB(rrset_owner_key(set)), DB_INT(rrset_type(set)), DB_TEXT(reg->id),
                  DB_BLOB(packed(&reg->asked)),
                  reg->asked_ttl == UINT32_MAX ? DB_NULL : DB_INT(reg->asked_ttl),
                  text_or_null(reg->subject), DB_TEXT(reg->source), DB_INT(reg->created),
                  DB_INT(reg->lease_s), text_or_null(reg->check), DB_INT(reg->flags));
}

struct set_change {
    struct state *state;
    int64_t zone;
    const struct rrset *after;
};

static int change_registration(void *arg, const struct registration *before,
                               const struct registration *after)
{
    const struct set_change *c = arg;
    struct state *s = c->state;
    int r = 0;

    if (!after) {
        r = db_run(s->statements[STATE_REG_DELETE], DB_INT(before->number));
        return r == 0 ? state_registration_ended(s, before) : r;
    }
    if (!before || !registration_same(before, after))
        r = put_registration(s, c->zone, c->after, after);
    return r == 0 ? state_registration_made(s, before, after) : r;
}

int state_set_change(struct state *s, int64_t zone, const struct rrset *before,
                     const struct rrset *after)
{
    int r = 0;

    if (after) {
        struct rdset rdatas = rrset_rdatas(after), withdrawn = rrset_withdrawn(after);
        r = db_run(s->statements[STATE_SET_PUT], DB_INT(zone), DB_BLOB(rrset_owner_key(after)),
                   DB_INT(rrset_type(after)), DB_INT(rrset_ttl(after)), DB_BLOB(packed(&rdatas)),
                   withdrawn.count > 0 ? DB_BLOB(packed(&withdrawn)) : DB_NULL);
    } else if (before) {
        r = db_run(s->statements[STATE_SET_DELETE], DB_INT(zone), DB_BLOB(rrset_owner_key(before)),
                   DB_INT(rrset_type(before)));
    }
    struct set_change change = {s, zone, after};
    return r < 0 ? r : registrations_compare(before, after, change_registration, &change);
}

int state_change_add(struct state *s, const struct state_change *c)
{
    struct str chain = {(const char *)c->chain.b, sizeof(c->chain.b)};

    return db_run(s->statements[STATE_CHANGE_ADD], DB_INT(c->seq), DB_INT(c->time),
                  DB_TEXT(str_c(c->source)), DB_TEXT(c->actor), DB_BLOB(c->ops), DB_BLOB(chain));
}

int state_change_zone_add(struct state *s, uint64_t seq, int64_t zone, uint32_t serial)
{
    return db_run(s->statements[STATE_CHANGE_ZONE_ADD], DB_INT(seq), DB_INT(zone), DB_INT(serial));
}

int state_base_put(struct state *s, int64_t zone, struct str marker, struct str records)
{
    bool saves = marker.n > 0 && marker.p[0] >= '0' && marker.p[0] <= '9';
    bool several = saves || str_eq(marker, STR("gone"));
    int r = 0;

    if (!several)
        r = db_run(s->statements[STATE_BASE_CLEAR], DB_INT(zone), DB_TEXT(marker));
    if (r == 0 && records.n > 0)
        r = db_run(s->statements[STATE_BASE_ADD], DB_INT(zone), DB_TEXT(marker), DB_BLOB(records));
    if (r == 0 && several)
        r = db_run(s->statements[STATE_BASE_TRIM], DB_INT(zone), DB_TEXT(marker),
                   DB_INT(BASES_A_MARKER));
    if (r == 0 && saves)
        r = db_run(s->statements[STATE_BASE_BOUND], DB_INT(zone), DB_INT(BASES_A_ZONE));
    return r;
}

static int add_export(struct state *s, int64_t zone, const struct state_export *e)
{
    struct str hash = {(const char *)e->hash.b, sizeof(e->hash.b)};

    return db_run(s->statements[STATE_EXPORT_ADD], DB_INT(zone), DB_INT(e->seq), DB_BLOB(hash));
}

int state_export_begin(struct state *s, int64_t zone, const struct state_export *e)
{
    int r = db_run(s->statements[STATE_EXPORT_TRIM], DB_INT(zone));
    return r < 0 ? r : add_export(s, zone, e);
}

int state_export_end(struct state *s, int64_t zone, const struct state_export *e)
{
    int r = db_run(s->statements[STATE_EXPORT_CLEAR], DB_INT(zone));
    return r < 0 ? r : add_export(s, zone, e);
}
