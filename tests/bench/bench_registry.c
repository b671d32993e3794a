/* Durable changes a second at 1, 16 and 64 submitters, beside plain SQLite on the same disk in the
 * same run: one row a commit, and 64 rows a commit (upsert and journal row, WAL, synchronous=FULL).
 * In turns, so that the ratios mean something on a machine that others use too. BENCH_DIR: where;
 * /var/tmp without it. */
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sqlite3.h>

#include <betterdns/clock.h>
#include <betterdns/registry.h>

#define ROUNDS 3
#define ROUND_TIME NS_PER_S
#define SUBMITTERS_MAX 64
#define NAMES 100 /* of each submitter */
#define LATENCIES_MAX 200000

static void die(const char *what)
{
    fprintf(stderr, "bench_registry: %s\n", what);
    exit(1);
}

/* ---- plain SQLite ---- */

struct peer {
    sqlite3 *db;
    sqlite3_stmt *begin, *upsert, *journal, *commit;
    sqlite3_int64 n;
};

static void peer_open(struct peer *p, const char *dir)
{
    static const char setup[] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                                "CREATE TABLE t(k INTEGER PRIMARY KEY, v BLOB); CREATE TABLE j(k "
                                "INTEGER PRIMARY KEY, v BLOB)";
    char path[256];

    snprintf(path, sizeof(path), "%s/peer.db", dir);
    if (sqlite3_open(path, &p->db) != SQLITE_OK ||
        sqlite3_exec(p->db, setup, NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(p->db, "BEGIN IMMEDIATE", -1, &p->begin, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(p->db,
                           "INSERT INTO t VALUES(?1, ?2) ON CONFLICT(k) DO UPDATE SET v = ?2", -1,
                           &p->upsert, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(p->db, "INSERT INTO j VALUES(?1, ?2)", -1, &p->journal, NULL) !=
            SQLITE_OK ||
        sqlite3_prepare_v2(p->db, "COMMIT", -1, &p->commit, NULL) != SQLITE_OK)
        die(sqlite3_errmsg(p->db));
}

static void peer_close(struct peer *p)
{
    sqlite3_finalize(p->begin);
    sqlite3_finalize(p->upsert);
    sqlite3_finalize(p->journal);
    sqlite3_finalize(p->commit);
    sqlite3_close(p->db);
}

static void peer_step(struct peer *p, sqlite3_stmt *st)
{
    if (sqlite3_step(st) != SQLITE_DONE)
        die(sqlite3_errmsg(p->db));
    sqlite3_reset(st);
}

static void peer_row(struct peer *p, sqlite3_stmt *st, sqlite3_int64 key)
{
    static const char value[64];

    sqlite3_bind_int64(st, 1, key);
    sqlite3_bind_blob(st, 2, value, sizeof(value), SQLITE_STATIC);
    peer_step(p, st);
}

/* Rows a second. */
static double peer_run(struct peer *p, unsigned rows)
{
    uint64_t began = clock_mono_ns(), end = began + ROUND_TIME, n = 0;

    while (clock_mono_ns() < end) {
        peer_step(p, p->begin);
        for (unsigned i = 0; i < rows; i++, n++) {
            /* All over the table, as names of many hosts are. */
            peer_row(p, p->upsert, ++p->n * 4099 % (NAMES * SUBMITTERS_MAX));
            peer_row(p, p->journal, p->n);
        }
        peer_step(p, p->commit);
    }
    return (double)n * (double)NS_PER_S / (double)(clock_mono_ns() - began);
}

/* ---- the registry ---- */

struct submitter {
    struct registry *r;
    pthread_t thread;
    unsigned id;
    uint64_t end, n;
    uint32_t *latency_us; /* room for LATENCIES_MAX / SUBMITTERS_MAX */
};

static struct dname zone_name;

static void submit(struct submitter *s, unsigned turn)
{
    char text[32];
    const uint8_t value[] = {0, 4, 10, (uint8_t)s->id, (uint8_t)(turn >> 8), (uint8_t)turn};
    struct op op = {.kind = OP_REGISTER, .type = RRTYPE_A, .values = {value, sizeof(value), 1}};
    const struct dname_rules rules = {.origin = &zone_name};
    struct problem problem;

    snprintf(text, sizeof(text), "host%u-%u", s->id, turn % NAMES);
    dname_from_text(str_c(text), &rules, &op.owner, NULL);
    struct change *c = change_new(CHANGE_HTTP, STR("bench"));
    if (!c || change_add(c, &op) < 0)
        die("no memory");
    uint64_t began = clock_mono_ns();
    if (registry_submit(s->r, c, UINT64_MAX, NULL, &problem) < 0)
        die(problem.detail);
    if (s->n < LATENCIES_MAX / SUBMITTERS_MAX)
        s->latency_us[s->n] = (uint32_t)((clock_mono_ns() - began) / 1000);
    s->n++;
    change_put(c);
}

static void *submitter_main(void *arg)
{
    struct submitter *s = arg;

    /* Each value is another one, so that each change is a change. */
    for (unsigned turn = (unsigned)clock_mono_ns(); clock_mono_ns() < s->end; turn++)
        submit(s, turn);
    return NULL;
}

static int cmp_u32(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

struct result {
    double rate, per_commit;
    uint32_t p50_us, p99_us;
};

static struct submitter submitters[SUBMITTERS_MAX];
static uint32_t latencies[LATENCIES_MAX], sorted[LATENCIES_MAX];

static struct result registry_run(struct registry *r, unsigned n)
{
    struct registry_stats before, after;
    uint64_t began = clock_mono_ns();
    size_t count = 0;

    registry_stats(r, &before);
    for (unsigned i = 0; i < n; i++) {
        submitters[i] =
            (struct submitter){.r = r,
                               .id = i,
                               .end = began + ROUND_TIME,
                               .latency_us = latencies + i * (LATENCIES_MAX / SUBMITTERS_MAX)};
        pthread_create(&submitters[i].thread, NULL, submitter_main, &submitters[i]);
    }
    for (unsigned i = 0; i < n; i++)
        pthread_join(submitters[i].thread, NULL);
    double seconds = (double)(clock_mono_ns() - began) / (double)NS_PER_S;
    registry_stats(r, &after);
    for (unsigned i = 0; i < n; i++)
        for (uint64_t k = 0; k < submitters[i].n && k < LATENCIES_MAX / SUBMITTERS_MAX; k++)
            sorted[count++] = submitters[i].latency_us[k];
    qsort(sorted, count, sizeof(*sorted), cmp_u32);
    uint64_t changes = after.changes - before.changes, commits = after.commits - before.commits;
    return (struct result){.rate = (double)changes / seconds,
                           .per_commit = (double)changes / (double)(commits ? commits : 1),
                           .p50_us = sorted[count / 2],
                           .p99_us = sorted[count * 99 / 100]};
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static void turn(struct registry *r, struct peer *peer)
{
    static const unsigned counts[] = {1, 16, SUBMITTERS_MAX};

    double one = peer_run(peer, 1), many = peer_run(peer, 64);
    printf("sqlite alone     1 a commit %8.0f rows/s    64 a commit %8.0f rows/s\n", one, many);
    for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
        struct result s = registry_run(r, counts[i]);
        printf("%3u submitters   %8.0f changes/s   %5.2f of 1 a commit   %5.2f of 64 a commit"
               "   %5.1f a commit   p50 %u us   p99 %u us\n",
               counts[i], s.rate, s.rate / one, s.rate / many, s.per_commit, s.p50_us, s.p99_us);
    }
}

int main(void)
{
    const char *base = getenv("BENCH_DIR");
    char dir[200], data[256];
    struct registry_zone zone = {.ttl = 30};
    struct registry_options options = {.data = data, .zones = &zone, .nzones = 1};
    struct problem problem;
    struct registry *r;
    struct peer peer = {0};

    snprintf(dir, sizeof(dir), "%s/bench-registry-XXXXXX", base ? base : "/var/tmp");
    if (!mkdtemp(dir))
        die("no directory");
    snprintf(data, sizeof(data), "%s/data", dir);
    dname_from_text(STR("lab.example."), NULL, &zone_name, NULL);
    zone.origin = zone_name;
    if (registry_open(&options, &r, &problem) < 0)
        die(problem.detail);
    peer_open(&peer, dir);
    for (unsigned i = 0; i < ROUNDS; i++)
        turn(r, &peer);
    peer_close(&peer);
    registry_stop(r);
    registry_close(r);
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}
