/* state.db at start: what it holds is checked, since disks and people change files. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "state_impl.h"

static int with_stmt(struct state *s, const char *sql, const struct db_value *values, size_t n,
                     struct db_stmt **ret_stmt)
{
    struct db_stmt *st;

    int r = db_prepare(s->db, sql, &st);
    if (r < 0)
        return r;
    r = db_bind(st, values, n);
    if (r < 0)
        db_stmt_free(st);
    else
        *ret_stmt = st;
    return r;
}

int state_damaged(struct problem *problem, const char *format, ...)
{
    char what[sizeof(problem->detail)];
    va_list args;

    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    if (problem->error == 0) /* the first thing that was seen is the nearest to the cause */
        problem_set(problem, -BD_ECORRUPT, "data", "state.db is damaged: %s", what);
    problem_hint(problem,
                 "restore it from a backup; or keep a copy of state.db* and move it away: the "
                 "zones are then imported from their files, leases and history are lost");
    return -BD_ECORRUPT;
}

static int last_change(struct state *s, struct state_last *last)
{
    struct db_stmt *st;

    int r = with_stmt(s, "SELECT seq, chain FROM change ORDER BY seq DESC LIMIT 1", NULL, 0, &st);
    if (r < 0)
        return r;
    r = db_step(st);
    if (r == 1) {
        struct str chain = db_bytes(st, 1);
        last->seq = (uint64_t)db_int(st, 0);
        r = chain.n == sizeof(last->chain.b) && db_int(st, 0) > 0 ? 0 : -BD_ECORRUPT;
        if (r == 0)
            memcpy(last->chain.b, chain.p, chain.n);
    }
    db_stmt_free(st);
    return r;
}

static int last_number(struct state *s, struct state_last *last)
{
    struct db_stmt *st;

    int r = with_stmt(
        s,
        "SELECT max(n) FROM (SELECT seq AS n FROM sqlite_sequence WHERE name = 'registration'"
        " UNION ALL SELECT max(number) FROM registration)",
        NULL, 0, &st);
    if (r < 0)
        return r;
    r = db_step(st);
    if (r == 1) {
        last->number = (uint64_t)db_int(st, 0);
        r = db_int(st, 0) >= 0 ? 0 : -BD_ECORRUPT;
    }
    db_stmt_free(st);
    return r;
}

int state_last(struct state *s, struct state_last *ret_last, struct problem *problem)
{
    struct state_last last = {0};

    int r = last_change(s, &last);
    if (r == 0)
        r = last_number(s, &last);
    if (r == -BD_ECORRUPT)
        return state_damaged(problem, "the last change, %llu", (unsigned long long)last.seq);
    if (r < 0)
        return problem_set(problem, r, "data", "state.db: %s", state_message(s));
    *ret_last = last;
    return 0;
}

int state_chain(struct state *s, uint64_t seq, struct hash128 *ret_chain)
{
    struct db_stmt *st;

    int r = with_stmt(s, "SELECT chain FROM change WHERE seq = ?1",
                      (struct db_value[]){DB_INT(seq)}, 1, &st);
    if (r < 0)
        return r;
    r = db_step(st);
    if (r == 1) {
        struct str chain = db_bytes(st, 0);
        r = chain.n == sizeof(ret_chain->b) ? 1 : -BD_ECORRUPT;
        if (r == 1)
            memcpy(ret_chain->b, chain.p, chain.n);
    }
    db_stmt_free(st);
    return r == 1 ? 0 : r == 0 ? -BD_ENOTFOUND : r;
}

int state_zone_find(struct state *s, struct str origin, int64_t *ret_id, uint32_t *ret_serial)
{
    struct db_stmt *st;

    int r = with_stmt(s, "SELECT id, serial FROM zone WHERE origin = ?1",
                      (struct db_value[]){DB_TEXT(origin)}, 1, &st);
    if (r < 0)
        return r;
    r = db_step(st);
    if (r == 1) {
        *ret_id = db_int(st, 0);
        *ret_serial = (uint32_t)db_int(st, 1);
    }
    db_stmt_free(st);
    return r == 1 ? 0 : r == 0 ? -BD_ENOTFOUND : r;
}

int state_exports(struct state *s, int64_t zone, struct state_export ret_exports[2],
                  unsigned *ret_n)
{
    struct db_stmt *st;
    unsigned n = 0;

    int r = with_stmt(s, "SELECT seq, hash FROM export WHERE zone = ?1 ORDER BY rowid LIMIT 2",
                      (struct db_value[]){DB_INT(zone)}, 1, &st);
    if (r < 0)
        return r;
    while ((r = db_step(st)) == 1) {
        struct str hash = db_bytes(st, 1);
        if (hash.n != sizeof(ret_exports->hash.b))
            continue; /* then the file counts as edited by hand, which is the safe side */
        ret_exports[n].seq = (uint64_t)db_int(st, 0);
        memcpy(ret_exports[n++].hash.b, hash.p, hash.n);
    }
    db_stmt_free(st);
    if (r == 0)
        *ret_n = n;
    return r;
}

int state_bases(struct state *s, int64_t zone, struct str marker, state_base_fn *fn, void *arg)
{
    struct db_stmt *st;

    int r = with_stmt(
        s,
        "SELECT marker, records FROM base WHERE zone = ?1 AND"
        " (marker = ?2 OR marker = 'gone' OR marker GLOB 'include:*') ORDER BY rowid DESC",
        (struct db_value[]){DB_INT(zone), DB_TEXT(marker)}, 2, &st);
    if (r < 0)
        return r;
    while ((r = db_step(st)) == 1) {
        r = fn(arg, db_bytes(st, 0), db_bytes(st, 1));
        if (r < 0)
            break;
    }
    db_stmt_free(st);
    return r;
}

/* ---- RRsets with their registrations: two walks in the same order, merged ---- */

struct loader {
    struct db_stmt *sets, *regs;
    bool reg_ready; /* regs stands on a row that no RRset has taken yet */
    struct registration *list;
    size_t n, cap;
    struct problem *problem;
};

enum { SET_OWNER, SET_TYPE, SET_TTL, SET_RDATA, SET_WITHDRAWN };
enum {
    REG_OWNER,
    REG_TYPE,
    REG_NUMBER,
    REG_ID,
    REG_RDATA,
    REG_TTL,
    REG_SUBJECT,
    REG_SOURCE,
    REG_CREATED,
    REG_LEASE,
    REG_CHECK,
    REG_STATE
};

static const char sets_sql[] =
    "SELECT owner, type, ttl, rdata, withdrawn FROM rrset WHERE zone = ?1 ORDER BY owner, type";
static const char regs_sql[] =
    "SELECT owner, type, number, id, rdata, ttl, subject, source, created, lease, check_spec, state"
    " FROM registration WHERE zone = ?1 ORDER BY owner, type, number";

static struct str copy_text(char **at, struct str s)
{
    struct str copy = {s.p ? *at : NULL, s.n};

    if (s.n > 0)
        memcpy(*at, s.p, s.n);
    *at += s.n;
    return copy;
}

static void drop_registrations(struct loader *l)
{
    for (size_t i = 0; i < l->n; i++)
        free((void *)(uintptr_t)l->list[i].id.p);
    l->n = 0;
}

static int room_for_registration(struct loader *l)
{
    if (l->n < l->cap)
        return 0;
    size_t cap = l->cap ? 2 * l->cap : 16;
    struct registration *list = reallocarray(l->list, cap, sizeof(*list));
    if (!list)
        return -ENOMEM;
    l->list = list;
    l->cap = cap;
    return 0;
}

/* The row's texts live until the next step only: all of them are copied into one block, which
 * begins with the id. */
static int keep_registration(struct loader *l, uint16_t type)
{
    struct db_stmt *st = l->regs;
    struct str id = db_bytes(st, REG_ID), rdata = db_bytes(st, REG_RDATA);
    struct str subject = db_bytes(st, REG_SUBJECT), source = db_bytes(st, REG_SOURCE);
    struct str check = db_bytes(st, REG_CHECK), ttl = db_bytes(st, REG_TTL);
    int64_t number = db_int(st, REG_NUMBER);
    struct rdset asked;

    if (number <= 0 || !id.p || rdset_check(type, (const uint8_t *)rdata.p, rdata.n, &asked) < 0)
        return state_damaged(l->problem, "registration %lld", (long long)number);
    char *block = malloc(id.n + rdata.n + subject.n + source.n + check.n + 1);
    if (!block || room_for_registration(l) < 0) {
        free(block);
        return -ENOMEM;
    }
    struct registration *reg = &l->list[l->n++];
    *reg = (struct registration){
        .number = (uint64_t)number,
        .created = db_int(st, REG_CREATED),
        .lease_s = (uint32_t)db_int(st, REG_LEASE),
        .flags = (uint8_t)db_int(st, REG_STATE),
        .asked_ttl = ttl.p ? (uint32_t)db_int(st, REG_TTL) : UINT32_MAX,
        .asked = asked,
    };
    reg->id = copy_text(&block, id);
    reg->asked.p = (const uint8_t *)copy_text(&block, rdata).p;
    reg->subject = copy_text(&block, subject);
    reg->source = copy_text(&block, source);
    reg->check = copy_text(&block, check);
    return 0;
}

/* Takes the registrations of this RRset off their walk. */
static int take_registrations(struct loader *l, struct str owner, uint16_t type)
{
    while (l->reg_ready) {
        struct str at = db_bytes(l->regs, REG_OWNER);
        if (!str_eq(at, owner) || db_int(l->regs, REG_TYPE) != type)
            return 0;
        int r = keep_registration(l, type);
        if (r < 0)
            return r;
        r = db_step(l->regs);
        if (r < 0)
            return r;
        l->reg_ready = r == 1;
    }
    return 0;
}

/* NULL: none is. */
static int withdrawn_of(struct str bytes, uint16_t type, const struct rdset *rdatas,
                        struct rdset *ret_withdrawn)
{
    int r = rdset_check(type, (const uint8_t *)bytes.p, bytes.n, ret_withdrawn);
    if (r < 0)
        return r;
    return rdset_within(type, ret_withdrawn, rdatas) ? 0 : -BD_ECORRUPT;
}

static int load_set(struct loader *l, state_set_fn *fn, void *arg)
{
    struct str key = db_bytes(l->sets, SET_OWNER), rdata = db_bytes(l->sets, SET_RDATA);
    int64_t type = db_int(l->sets, SET_TYPE), ttl = db_int(l->sets, SET_TTL);
    struct rdset rdatas, withdrawn;
    struct dname owner;

    if (type < 1 || type > UINT16_MAX || ttl < 0 || ttl > INT32_MAX ||
        dname_from_key((const uint8_t *)key.p, key.n, &owner) < 0 ||
        rdset_check((uint16_t)type, (const uint8_t *)rdata.p, rdata.n, &rdatas) < 0 ||
        rdatas.count == 0 ||
        withdrawn_of(db_bytes(l->sets, SET_WITHDRAWN), (uint16_t)type, &rdatas, &withdrawn) < 0)
        return state_damaged(l->problem, "a record set of type %lld", (long long)type);
    int r = take_registrations(l, key, (uint16_t)type);
    if (r < 0)
        return r;
    struct rrset *set = rrset_new_withdrawn_keyed(key, (uint16_t)type, (uint32_t)ttl, &rdatas,
                                                  &withdrawn, l->list, l->n);
    drop_registrations(l);
    return set ? fn(arg, set) : -ENOMEM;
}

static int load_sets(struct loader *l, state_set_fn *fn, void *arg)
{
    int r = db_step(l->regs);
    if (r < 0)
        return r;
    l->reg_ready = r == 1;
    while ((r = db_step(l->sets)) == 1) {
        r = load_set(l, fn, arg);
        if (r < 0)
            return r;
    }
    if (r == 0 && l->reg_ready)
        return state_damaged(l->problem, "registration %lld has no records",
                             (long long)db_int(l->regs, REG_NUMBER));
    return r;
}

int state_load(struct state *s, int64_t zone, state_set_fn *fn, void *arg, struct problem *problem)
{
    struct loader l = {.problem = problem};
    struct db_value id = DB_INT(zone);

    int r = with_stmt(s, sets_sql, &id, 1, &l.sets);
    if (r == 0)
        r = with_stmt(s, regs_sql, &id, 1, &l.regs);
    if (r == 0)
        r = load_sets(&l, fn, arg);
    if (r == -BD_ECORRUPT)
        state_damaged(problem, "%s", state_message(s));
    else if (r < 0 && problem->error == 0)
        problem_set(problem, r, "data", "state.db: %s", bd_strerror(r));
    drop_registrations(&l);
    free(l.list);
    db_stmt_free(l.sets);
    db_stmt_free(l.regs);
    return r;
}
