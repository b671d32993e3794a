/* Zones that state.db does not know: from their files, or made from the configuration. */
#include <stdlib.h>

#include <betterdns/file.h>
#include <betterdns/log.h>

#include "base.h"
#include "import.h"
#include "job.h"
#include "merge.h"

#define FILE_MAX ((size_t)1 << 30)

/* ---- reading the file ---- */

struct faults {
    const struct incoming *in;
    struct problem *problem;
    bool any; /* errors, not warnings */
};

static void on_fault(void *arg, const struct zp_error *e)
{
    struct faults *f = arg;
    const char *file = e->file ? e->file : f->in->options->file;

    if (e->warning) {
        log_warning(e->message, LOG_C("file", file), LOG_UINT("line", e->line),
                    LOG_UINT("column", e->column));
        return;
    }
    log_error(e->message, LOG_C("file", file), LOG_UINT("line", e->line),
              LOG_UINT("column", e->column), LOG_C("hint", e->hint ? e->hint : ""));
    /* The first one of all files. */
    if (!f->any && f->problem->error == 0) {
        problem_set(f->problem, -BD_ESYNTAX, "file", "%s:%u:%u: %s", file, e->line, e->column,
                    e->message);
        if (e->hint)
            problem_hint(f->problem, "%s", e->hint);
    }
    f->any = true;
}

static int parse(struct incoming *in, struct problem *p)
{
    struct faults faults = {.in = in, .problem = p};
    struct zp_options options = {
        .origin = in->origin,
        .default_ttl = in->options->ttl,
        .on_error = on_fault,
        .error_arg = &faults,
    };
    struct hash128 hash;
    uint64_t seq;

    int r = includes_new(in->options->file, &in->includes);
    if (r < 0)
        return problem_set(p, r, "file", "the directory of %s: %s", in->options->file,
                           bd_strerror(r));
    options.include = includes_read;
    options.include_arg = in->includes;
    r = zp_zone_load(buf_str(&in->text), &options, &in->records);
    if (r < 0 && faults.any)
        return -BD_ESYNTAX;
    if (r < 0)
        return problem_set(p, r, "file", "%s: %s", in->options->file, bd_strerror(r));
    in->ours = zp_find_marker(buf_str(&in->text), &seq, &hash) == 0;
    return 0;
}

static int read_zone(struct incoming *in, struct problem *p)
{
    const char *file = in->options->file;

    if (!file)
        return 0;
    int r = file_read(file, FILE_MAX, &in->text);
    if (r == -ENOENT)
        return 0;
    if (r == 0)
        return parse(in, p);
    log_error("the zone file cannot be read", LOG_C("file", file), LOG_ERR(r));
    if (p->error == 0) {
        problem_set(p, r, "file", "%s cannot be read: %s", file, bd_strerror(r));
        if (r == -EACCES)
            problem_hint(p, "it must be readable for the user that runs betterdns");
    }
    return r;
}

/* ---- one zone becomes one change ---- */

struct importing {
    struct commit *k;
    struct change *c;
    const struct incoming *in;
};

static int add_set(void *arg, struct rrset *set)
{
    struct importing *i = arg;

    return apply_set(&i->k->apply, &i->c->diffs, i->in->zone, set);
}

/* One past everything that anybody may have seen of this zone (RFC 1982). */
static uint32_t import_serial(const struct incoming *in)
{
    uint32_t serial = zp_zone_serial(in->records), least = in->options->least_serial;

    if (least != 0 && serial_gt(least, serial))
        serial = least;
    return serial_next(serial);
}

/* The rdata is a copy that may be written to. */
static struct rrset *soa_of(const struct incoming *in, const struct dname *owner, uint32_t ttl,
                            const struct rdset *from)
{
    struct rdset rdatas = *from;

    uint8_t *bytes = malloc(rdatas.n);
    if (!bytes)
        return NULL;
    memcpy(bytes, from->p, from->n);
    soa_set_serial(bytes + 2, rdatas.n - 2U, import_serial(in));
    rdatas.p = bytes;
    struct rrset *soa = rrset_new(owner, RRTYPE_SOA, ttl, &rdatas, NULL, 0);
    free(bytes);
    return soa;
}

/* Records of a file of ours were registered once, by whom is not known any more: the first host
 * that registers the name takes them over. They are marked by a registration without an id. */
static struct rrset *unclaimed(struct commit *k, const struct dname *owner, uint16_t type,
                               uint32_t ttl, const struct rdset *rdatas)
{
    struct registration reg = {
        .number = k->apply.next_number++,
        .id = STR(""),
        .source = STR("import"),
        .created = k->apply.now,
        .asked_ttl = UINT32_MAX,
        .asked = *rdatas,
    };

    return rrset_new(owner, type, ttl, rdatas, &reg, 1);
}

static int import_set(struct importing *i, size_t at)
{
    const struct incoming *in = i->in;
    struct dname owner;
    struct rdset rdatas;
    struct rrset *set;
    uint16_t type;
    uint32_t ttl;

    zp_zone_rrset(in->records, at, &owner, &type, &ttl, &rdatas);
    if (type == RRTYPE_SOA)
        set = soa_of(in, &owner, ttl, &rdatas);
    else if (in->ours && !(type == RRTYPE_NS && dname_eq(&owner, &in->origin)))
        set = unclaimed(i->k, &owner, type, ttl, &rdatas);
    else
        set = rrset_new(&owner, type, ttl, &rdatas, NULL, 0);
    return set ? add_set(i, set) : -ENOMEM;
}

static int import_sets(struct importing *i)
{
    if (!i->in->records)
        return make_zone(i->in->options, &i->in->origin, add_set, i);
    for (size_t at = 0; at < zp_zone_nrrsets(i->in->records); at++) {
        int r = import_set(i, at);
        if (r < 0)
            return r;
    }
    return 0;
}

/* A file without our marker is the base of the next one without. With one, records of hosts are
 * among its records: then nothing is deleted by what has no valid marker. */
static int import_bases(struct importing *i)
{
    const struct zp_zone *z = i->in->records;
    struct pool pool = {0};
    struct base_version v = {0};

    int r = merge_new(i->c, i->in->zone);
    if (r == 0 && !i->in->ours)
        r = version_of_zone(&pool, z, "", &v.after);
    if (r == 0 && !i->in->ours)
        r = base_put(i->c, STR(""), &v);
    if (r == 0)
        r = base_put_included(i->c, &pool, z, NULL);
    if (r == 0)
        r = included_new(z, &i->c->merge->included);
    pool_free(&pool);
    if (r < 0)
        return r;
    i->c->merge->has_included = true;
    commit_note_merge(i->k, i->c);
    return 0;
}

static void say_imported(const struct incoming *in, const struct change *c)
{
    char origin[DNAME_TEXT_MAX];

    dname_to_text(&in->origin, origin);
    if (in->ours)
        log_warning("a zone file was written by a betterdns whose state.db is not here: its leases "
                    "and history are lost",
                    LOG_C("zone", origin), LOG_C("file", in->options->file));
    if (in->records)
        log_info("zone imported", LOG_C("zone", origin), LOG_C("file", in->options->file),
                 LOG_UINT("sets", c->diffs.n),
                 LOG_C("records", in->ours ? "unclaimed" : "by hand"));
    else
        log_info("zone made", LOG_C("zone", origin));
}

/* tail: where its change goes on k's list. */
static int import_one(struct commit *k, const struct incoming *in, struct change **tail)
{
    struct importing i = {.k = k, .in = in};

    i.c = change_new(CHANGE_IMPORT, in->records ? str_c(in->options->file) : STR("configuration"));
    if (!i.c)
        return -ENOMEM;
    *tail = i.c;
    int r = import_sets(&i);
    if (r == 0 && in->records)
        r = import_bases(&i);
    if (r < 0)
        return r;
    commit_note(k, i.c);
    say_imported(in, i.c);
    return 0;
}

/* The imported file is known as ours while nobody touches it: what stands in it is in state.db, so
 * an export may take its place. */
static int own_file(struct commit *k, const struct incoming *in, struct change **tail)
{
    struct hash128 content = hash128(in->text.p ? in->text.p : "", in->text.n);

    *tail = export_ended(in->zone, k->last.seq, &content);
    return *tail ? 0 : -ENOMEM;
}

/* ---- all of them: none comes in unless all of them can ---- */

static int commit_all(struct registry *r, const struct incoming *list, unsigned n,
                      struct problem *p)
{
    struct change **tail;
    struct commit k;

    int result = commit_start(&k, r);
    if (result < 0)
        return result;
    tail = &k.changes;
    for (unsigned i = 0; result == 0 && i < n; i++) {
        result = import_one(&k, &list[i], tail);
        if (result == 0)
            tail = &(*tail)->next;
        if (result == 0 && list[i].records)
            result = own_file(&k, &list[i], tail);
        if (*tail)
            tail = &(*tail)->next;
    }
    if (result == 0)
        result = commit_write(&k);
    for (struct change *c = k.changes; result == 0 && c; c = c->next)
        if (c->job)
            job_done(r, c);
    if (result < 0)
        problem_set(p, result, "data", "the imported zones cannot be stored: %s",
                    bd_strerror(result));
    while (k.changes) {
        struct change *next = k.changes->next;
        change_put(k.changes);
        k.changes = next;
    }
    commit_free(&k);
    return result;
}

static int read_all(struct incoming *list, unsigned n, struct problem *p)
{
    int result = 0;

    /* All files, so that all faults are in the log at once. */
    for (unsigned i = 0; i < n; i++) {
        int r = read_zone(&list[i], p);
        if (result == 0)
            result = r;
    }
    for (unsigned i = 0; result == 0 && i < n; i++)
        if (list[i].records)
            result = keep_original(&list[i], p);
    return result;
}

static void free_all(struct incoming *list, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        zp_zone_free(list[i].records);
        includes_free(list[i].includes);
        buf_free(&list[i].text);
    }
    free(list);
}

int registry_check_file(const struct registry_zone *zone, struct problem *ret_problem)
{
    struct incoming *one = calloc(1, sizeof(*one));

    if (!one)
        return problem_set(ret_problem, -ENOMEM, NULL, "no memory");
    *one = (struct incoming){.options = zone, .origin = zone->origin};
    problem_set(ret_problem, 0, NULL, "%s", "");
    int r = read_zone(one, ret_problem);
    free_all(one, 1);
    return r;
}

int import_zones(struct registry *r, const struct registry_options *options, const bool *missing,
                 struct problem *problem)
{
    unsigned n = 0;

    struct incoming *list = calloc(r->nzones, sizeof(*list));
    if (!list)
        return -ENOMEM;
    for (unsigned z = 0; z < r->nzones; z++)
        if (missing[z])
            list[n++] = (struct incoming){
                .options = &options->zones[z], .zone = z, .origin = r->origins[z]};
    int result = n > 0 ? read_all(list, n, problem) : 0;
    if (result == 0 && n > 0)
        result = commit_all(r, list, n, problem);
    free_all(list, n);
    return result;
}
