/* A registry for tests. */
#include "registry_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <ftw.h>
#include <unistd.h>

#include <betterdns/clock.h>
#include <betterdns/file.h>

#include "pause_kit.h"

static const char *const origins[KIT_ZONES] = {"lab.example.", "2.0.192.in-addr.arpa."};
static const char *const files[KIT_ZONES] = {"lab.example.zone", "reverse.zone"};

static struct dname name_of(const char *text)
{
    struct dname origin, name;
    struct dname_rules rules = {.origin = &origin};

    assert_int_equal(dname_from_text(str_c("lab.example."), NULL, &origin, NULL), 0);
    assert_int_equal(dname_from_text(str_c(text), &rules, &name, NULL), 0);
    return name;
}

void regkit_start(struct regkit *k)
{
    *k = (struct regkit){.dir = "/tmp/betterdns-registry-XXXXXX"};
    static char data[96];

    assert_non_null(mkdtemp(k->dir));
    for (unsigned z = 0; z < KIT_ZONES; z++) {
        snprintf(k->file[z], sizeof(k->file[z]), "%s/%s", k->dir, files[z]);
        k->zones[z] =
            (struct registry_zone){.origin = name_of(origins[z]), .file = k->file[z], .ttl = 30};
    }
    snprintf(data, sizeof(data), "%s/data", k->dir);
    k->options = (struct registry_options){.data = data, .zones = k->zones, .nzones = KIT_ZONES};
}

int regkit_open(struct regkit *k)
{
    return registry_open(&k->options, &k->r, &k->problem);
}

void regkit_close(struct regkit *k)
{
    rrset_put(k->receipt.set);
    k->receipt.set = NULL;
    if (k->r) {
        registry_stop(k->r);
        registry_close(k->r);
    }
    k->r = NULL;
}

void regkit_reopen(struct regkit *k)
{
    regkit_close(k);
    assert_int_equal(regkit_open(k), 0);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

void regkit_end(struct regkit *k)
{
    regkit_close(k);
    nftw(k->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int regkit_make(void **state)
{
    static struct regkit kit;

    regkit_start(&kit);
    *state = &kit;
    return 0;
}

int regkit_make_open(void **state)
{
    return regkit_make(state) < 0 ? -1 : regkit_open(*state);
}

int regkit_remove(void **state)
{
    pause_release_all();
    regkit_end(*state);
    return 0;
}

void regkit_write(struct regkit *k, unsigned zone, const char *text)
{
    assert_int_equal(file_write_atomic(k->file[zone], str_c(text), 0644, false), 0);
}

/* Packs "value|value"; the bytes are the caller's. */
static uint8_t *pack(uint16_t type, const char *values, struct rdset *ret_set)
{
    struct rdata *rdata = malloc(sizeof(*rdata)); /* of 64 KiB; the stacks of threads are small */
    struct str rest = str_c(values), one, list[64];
    struct lex_error error;
    struct dname origin = name_of("lab.example.");
    struct dname_rules rules = {.origin = &origin};
    uint8_t *bytes = NULL;
    size_t n = 0;

    while (str_cut(&rest, '|', &one)) {
        assert_int_equal(rdata_from_text(type, one, &rules, rdata, &error), 0);
        list[n].p = memcpy(malloc(rdata->n + 1U), rdata->b, rdata->n);
        list[n++].n = rdata->n;
    }
    free(rdata);
    assert_int_equal(rdset_pack(type, list, n, &bytes, ret_set), 0);
    while (n > 0)
        free((void *)(uintptr_t)list[--n].p);
    return bytes;
}

void regkit_add(struct change *c, const struct ask *ask)
{
    struct op op = {
        .kind = ask->kind,
        .owner = name_of(ask->name),
        .type = ask->type ? ask->type : RRTYPE_A,
        .has_ttl = ask->ttl != 0,
        .ttl = ask->ttl,
        .id = str_c(ask->id),
        .source = STR("192.0.2.99"),
        .number = ask->number,
        .if_match = ask->if_match,
        .nif_match = ask->if_match ? 1 : 0,
        .if_exists = ask->if_exists,
        .if_absent = ask->if_absent,
        .lease_s = ask->lease_s,
        .check = str_c(ask->check),
        .numbers = ask->numbers,
        .keep_last = ask->keep_last,
        .drain = ask->drain,
        .not_renewed_since_ns = ask->since_ns,
    };
    while (op.nnumbers < ARRAY_SIZE(ask->numbers) && ask->numbers[op.nnumbers])
        op.nnumbers++;
    uint8_t *bytes = ask->values ? pack(op.type, ask->values, &op.values) : NULL;

    assert_int_equal(change_add(c, &op), 0);
    free(bytes);
}

int regkit_submit(struct regkit *k, struct change *c)
{
    struct receipt receipt = {0};

    int r = registry_submit(k->r, c, clock_deadline(60 * NS_PER_S), &receipt, &k->problem);
    change_put(c);
    rrset_put(k->receipt.set);
    k->receipt = receipt;
    return r;
}

int regkit_ask(struct regkit *k, const struct ask *ask)
{
    struct change *c = change_new(CHANGE_HTTP, STR("test"));

    assert_non_null(c);
    regkit_add(c, ask);
    if (ask->dry_run)
        change_dry_run(c);
    return regkit_submit(k, c);
}

static const struct rrset *find(struct snap *s, const char *name, uint16_t type)
{
    struct dname owner = name_of(name);
    unsigned zone;

    assert_int_equal(snap_zone_of(s, &owner, &zone), 0);
    return snap_find_name(s, zone, &owner, type);
}

static void print(uint16_t type, struct rdset rdatas, char between, struct buf *out)
{
    const uint8_t *at = rdatas.p;
    struct str rdata;

    for (unsigned i = 0; rdset_next(&rdatas, &at, &rdata); i++) {
        if (i > 0)
            buf_add_c(out, between);
        rdata_to_text(type, (const uint8_t *)rdata.p, rdata.n, out);
    }
}

static const char *keep(struct buf *b)
{
    static char text[4096];

    snprintf(text, sizeof(text), "%.*s", STR_ARG(buf_str(b)));
    buf_free(b);
    return text;
}

const char *regkit_records(struct regkit *k, const char *name, uint16_t type)
{
    struct snap *s = registry_snapshot(k->r);
    const struct rrset *set = find(s, name, type);
    struct buf b = {0};

    if (set) {
        buf_addf(&b, "%u ", rrset_ttl(set));
        print(type, rrset_rdatas(set), '|', &b);
    } else {
        buf_add_c(&b, '-');
    }
    snap_put(s);
    return keep(&b);
}

const char *regkit_shown(struct regkit *k, const char *name, uint16_t type)
{
    struct snap *s = registry_snapshot(k->r);
    const struct rrset *set = find(s, name, type);
    struct rdset served = {0};
    struct buf b = {0};
    uint8_t *bytes = NULL;

    if (set)
        assert_int_equal(rrset_served(set, &bytes, &served), 0);
    if (served.count > 0) {
        buf_addf(&b, "%u ", rrset_served_ttl(set, 5));
        print(type, served, '|', &b);
    } else {
        buf_add_c(&b, '-');
    }
    free(bytes);
    snap_put(s);
    return keep(&b);
}

const char *regkit_registrations(struct regkit *k, const char *name, uint16_t type)
{
    struct snap *s = registry_snapshot(k->r);
    const struct rrset *set = find(s, name, type);
    struct registration reg;
    struct buf b = {0};

    for (size_t i = 0; set && i < rrset_nregs(set); i++) {
        rrset_reg(set, i, &reg);
        buf_addf(&b, i ? ";%.*s=" : "%.*s=", STR_ARG(reg.id));
        print(type, reg.asked, ',', &b);
    }
    snap_put(s);
    return keep(&b);
}

uint64_t regkit_number(struct regkit *k, const char *name, const char *id)
{
    struct snap *s = registry_snapshot(k->r);
    const struct rrset *set = find(s, name, RRTYPE_A);
    struct registration reg;
    uint64_t number = 0;

    for (size_t i = 0; set && i < rrset_nregs(set); i++) {
        rrset_reg(set, i, &reg);
        if (str_eq(reg.id, str_c(id)))
            number = reg.number;
    }
    snap_put(s);
    return number;
}

uint32_t regkit_serial(struct regkit *k, unsigned zone)
{
    struct snap *s = registry_snapshot(k->r);
    uint32_t serial = snap_zone(s, zone)->serial;

    snap_put(s);
    return serial;
}

uint64_t regkit_seq(struct regkit *k)
{
    struct snap *s = registry_snapshot(k->r);
    uint64_t seq = snap_seq(s);

    snap_put(s);
    return seq;
}

/* ---- many submitters ---- */

static void *submit(void *arg)
{
    struct regkit_job *j = arg;
    struct change *c = change_new(CHANGE_HTTP, STR("test"));

    regkit_add(c, &j->ask);
    if (j->and_cname)
        regkit_add(c, &WHAT(OP_REGISTER, j->ask.name, RRTYPE_CNAME, "x"));
    if (j->ask.dry_run)
        change_dry_run(c);
    uint64_t patience_ns = j->patience_ns ? j->patience_ns : 60 * NS_PER_S;
    j->result = registry_submit(j->k->r, c, clock_deadline(patience_ns), &j->receipt, NULL);
    change_put(c);
    return NULL;
}

void regkit_begin(struct regkit *k, struct regkit_job *j)
{
    pthread_attr_t attr;

    j->k = k;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 256 << 10);
    assert_int_equal(pthread_create(&j->thread, &attr, submit, j), 0);
    pthread_attr_destroy(&attr);
}

int regkit_join(struct regkit_job *j)
{
    pthread_join(j->thread, NULL);
    rrset_put(j->receipt.set);
    j->receipt.set = NULL;
    return j->result;
}

void regkit_wait_queued(struct regkit *k, unsigned n)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    uint64_t deadline = clock_deadline(60 * NS_PER_S);

    while (regkit_stats(k).queued != n) {
        assert_true(clock_mono_ns() < deadline);
        nanosleep(&pause, NULL);
    }
}

struct hash128 regkit_mark(struct regkit *k, unsigned zone)
{
    struct snap *s = registry_snapshot(k->r);
    struct hash128 hash = registry_marker_hash(s, zone);

    snap_put(s);
    return hash;
}

struct registry_stats regkit_stats(struct regkit *k)
{
    struct registry_stats stats;

    registry_stats(k->r, &stats);
    return stats;
}

void regkit_path(const struct regkit *k, const char *name, char out[160])
{
    snprintf(out, 160, "%s/%s", k->options.data, name);
}

bool regkit_exists(const struct regkit *k, const char *name)
{
    char path[160];

    regkit_path(k, name, path);
    return access(path, F_OK) == 0;
}
