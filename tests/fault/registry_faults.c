/* The registry while the n-th malloc, write or fsync fails: registry_faults KIND FROM TO STEP. For
 * each n a process of its own opens a registry, submits changes until that call has failed, opens
 * it again, and compares with what was answered: what was acknowledged is there, what was refused
 * is not, what was said to be unknown is there or not. It neither dies nor hangs, and recovers by
 * itself. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <betterdns/clock.h>
#include <betterdns/history.h>
#include <betterdns/save.h>

#include "fail_run.h"

#define NAMES 8
#define MAYBE 16
#define MARGIN 12 /* changes after the one that met the fault */

struct expected {
    uint32_t values[MAYBE]; /* addresses, any of which may be there; 0: none */
    unsigned n;
};

static struct {
    struct registry *r;
    struct registry_zone zone;
    char dir[64], data[96], file[96];
    struct expected names[NAMES];
    struct fail_plan *plan;
    struct snap *past; /* some steps ago; NULL: none was kept */
    unsigned acknowledged, refused, unknown;
} world;

static struct dname name_of(unsigned i)
{
    struct dname name;
    char text[32];

    snprintf(text, sizeof(text), "h%u.lab.example.", i);
    MUST(dname_from_text(str_c(text), NULL, &name, NULL) == 0, "no name");
    return name;
}

/* ---- one change ---- */

struct step {
    enum op_kind kind;
    unsigned from, n; /* names */
    uint32_t value;   /* 0: it is deleted */
    bool dry_run;
};

static int add(struct change *c, const struct step *s, unsigned i)
{
    uint32_t value = s->value + i - s->from;
    uint8_t octets[4] = {10, (uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value};
    struct str rdata = {(const char *)octets, 4};
    struct op op = {
        .kind = s->kind, .owner = name_of(i % NAMES), .type = RRTYPE_A, .source = STR("192.0.2.1")};
    uint8_t *bytes = NULL;

    int r = s->value ? rdset_pack(RRTYPE_A, &rdata, 1, &bytes, &op.values) : 0;
    if (r == 0)
        r = change_add(c, &op);
    free(bytes);
    return r;
}

static int submit(const struct step *s)
{
    struct change *c = change_new(CHANGE_HTTP, STR("test"));
    int r = c ? 0 : -ENOMEM;

    for (unsigned i = s->from; r == 0 && i < s->from + s->n; i++)
        r = add(c, s, i);
    if (r == 0 && s->dry_run)
        change_dry_run(c);
    if (r == 0)
        r = registry_submit(world.r, c, clock_deadline(30 * NS_PER_S), NULL, NULL);
    change_put(c);
    return r;
}

static void expect(unsigned i, uint32_t value, bool only)
{
    struct expected *e = &world.names[i % NAMES];

    if (only)
        e->n = 0;
    MUST(e->n < MAYBE, "too much is unknown");
    e->values[e->n++] = value;
}

static void note(const struct step *s, int result)
{
    MUST(result != -BD_ETIMEDOUT, "no answer");
    world.acknowledged += result == 0;
    world.unknown += result == -BD_EUNKNOWN;
    world.refused += result < 0 && result != -BD_EUNKNOWN;
    if (s->dry_run || (result < 0 && result != -BD_EUNKNOWN))
        return;
    for (unsigned i = s->from; i < s->from + s->n; i++)
        expect(i, s->value ? s->value + i - s->from : 0, result == 0);
}

/* ---- what is there ---- */

static uint32_t there(const struct snap *s, unsigned i)
{
    struct dname name = name_of(i);
    const struct rrset *set = snap_find_name(s, 0, &name, RRTYPE_A);
    struct rdset rdatas;
    struct str rdata;

    if (!set)
        return 0;
    rdatas = rrset_rdatas(set);
    const uint8_t *at = rdatas.p;
    MUST(rdatas.count == 1 && rdset_next(&rdatas, &at, &rdata) && rdata.n == 4, "h%u: not one", i);
    const uint8_t *b = (const uint8_t *)rdata.p;
    return (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static bool is_read_only(void)
{
    struct registry_stats stats;

    registry_stats(world.r, &stats);
    return stats.read_only;
}

/* Where changes are taken there is no doubt any more: what is there counts as acknowledged. */
static void compare(const char *when)
{
    struct snap *s = registry_snapshot(world.r);
    bool certain = !is_read_only();

    for (unsigned i = 0; i < NAMES; i++) {
        const struct expected *e = &world.names[i];
        uint32_t value = there(s, i);
        bool allowed = false;
        for (unsigned k = 0; k < e->n; k++)
            allowed = allowed || e->values[k] == value;
        MUST(allowed, "%s: h%u is %u, last expected %u of %u", when, i, value, e->values[e->n - 1],
             e->n);
        if (certain)
            expect(i, value, true);
    }
    snap_put(s);
}

static void wait_writable(const char *when)
{
    uint64_t deadline = clock_deadline(30 * NS_PER_S);

    while (is_read_only()) {
        MUST(clock_mono_ns() < deadline, "%s: still read-only", when);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

/* ---- a save of the zone file ---- */

/* The file as it is exported now, but with this address for the name. */
static void write_file(const struct snap *s, unsigned name, uint32_t value, struct buf *out)
{
    struct hash128 hash = registry_marker_hash(s, 0);
    const struct rrset *set;
    struct snap_iter it;
    unsigned zone;

    zp_write_marker(snap_seq(s), &hash, out);
    snap_seek(s, (struct snap_key){.zone = 0, .owner = STR("")}, &it);
    while ((set = snap_next(&it, &zone))) {
        struct dname owner, edited = name_of(name);
        struct rdset rdatas = rrset_rdatas(set);
        rrset_owner(set, &owner);
        if (!dname_eq(&owner, &edited))
            zp_write_rrset(&owner, rrset_type(set), rrset_ttl(set), &rdatas, out);
    }
    buf_addf(out, "h%u.lab.example. 30 IN A 10.%u.%u.%u\n", name, value >> 16 & 255,
             value >> 8 & 255, value & 255);
}

static int save_file(struct str text)
{
    struct zp_options options = {.origin = world.zone.origin, .default_ttl = 30};
    struct save save = {.zone = 0, .actor = STR("zone"), .accept = true};
    struct zp_zone *records;
    struct saved saved;

    int r = zp_zone_load(text, &options, &records);
    if (r < 0)
        return r;
    save.records = records;
    save.marked = zp_find_marker(text, &save.seq, &save.hash) == 0;
    r = registry_save(world.r, &save, clock_deadline(30 * NS_PER_S), &saved, NULL);
    buf_free(&saved.notes);
    zp_zone_free(records);
    return r;
}

/* Repeated while nobody knows: then it is in, and once. */
static int save_once(unsigned i)
{
    const struct step s = {OP_PUT, i % NAMES, 1, 1 + 8 * i, false};
    struct snap *now = registry_snapshot(world.r);
    struct buf text = {0};
    int r;

    write_file(now, s.from, s.value, &text);
    snap_put(now);
    r = text.error ? text.error : save_file(buf_str(&text));
    note(&s, r);
    for (unsigned n = 0; r == -BD_EUNKNOWN && n < 5; n++) {
        world.plan->first = 0; /* another disk */
        wait_writable("after a save");
        r = save_file(buf_str(&text));
        note(&s, r);
    }
    buf_free(&text);
    return r;
}

/* ---- the script ---- */

static int export(unsigned i)
{
    const struct hash128 hash = {{(uint8_t)i, (uint8_t)(i >> 8)}};

    return i % 2 ? registry_export_end(world.r, 0, i, &hash)
                 : registry_export_begin(world.r, 0, i, &hash);
}

/* Where the old state.db could not be read. */
static bool is_forgotten(void)
{
    return registry_oldest(world.r) > snap_seq(world.past);
}

/* What there was is made again, or it is said that it cannot be; it is never something else. */
static void look_back(void)
{
    struct snap *then;

    int r = registry_at(world.r, snap_seq(world.past), &then);
    MUST(r != -BD_ENOTFOUND || is_forgotten(), "the past is lost");
    for (unsigned i = 0; r == 0 && i < NAMES; i++)
        MUST(there(then, i) == there(world.past, i), "h%u was %u, not %u", i, there(world.past, i),
             there(then, i));
    if (r == 0)
        snap_put(then);
}

static int see_change(void *arg, const struct history_change *c)
{
    uint64_t *last = arg;

    MUST(c->seq > *last && c->ndiffs > 0, "changes out of order");
    *last = c->seq;
    return 0;
}

static void go_back(void)
{
    uint64_t seq = snap_seq(world.past);

    int r =
        registry_rollback(world.r, 0, seq, STR("test"), clock_deadline(30 * NS_PER_S), NULL, NULL);
    MUST(r != -BD_ETIMEDOUT && (r != -BD_ENOTFOUND || is_forgotten()), "no way back: %s",
         bd_strerror(r));
    world.acknowledged += r == 0;
    world.unknown += r == -BD_EUNKNOWN;
    for (unsigned i = 0; (r == 0 || r == -BD_EUNKNOWN) && i < NAMES; i++)
        expect(i, there(world.past, i), r == 0);
}

static void use_history(unsigned i)
{
    struct history_filter filter = {.zone = UINT_MAX};
    uint64_t last;

    if (world.past && i % 4 == 1) {
        last = filter.since = snap_seq(world.past);
        registry_history(world.r, &filter, see_change, &last);
    }
    if (world.past && i % 4 == 3)
        look_back();
    if (world.past && i % 8 == 7)
        go_back();
    if (i % 16 == 4) {
        snap_put(world.past);
        world.past = registry_snapshot(world.r);
    }
}

static int run_step(unsigned i)
{
    static const struct step steps[] = {
        {OP_REGISTER, 0, 1, 1, false}, {OP_REGISTER, 1, 3, 1, false}, {OP_PUT, 0, 1, 1, false},
        {OP_DELETE, 2, 1, 0, false},   {OP_REGISTER, 4, 1, 1, true},  {OP_REGISTER, 5, 1, 1, false},
        {OP_DELETE, 7, 1, 0, false},   {OP_REGISTER, 2, 2, 1, false},
    };

    if (i % 3 == 2)
        return export(i);
    if (i % 4 == 3)
        return save_once(i);
    struct step s = steps[i % ARRAY_SIZE(steps)];
    s.from += i % 5;
    s.value = s.value ? 1 + 8 * i : 0;
    int r = submit(&s);
    note(&s, r);
    return r;
}

static int open_registry(void)
{
    struct registry_options options = {.data = world.data, .zones = &world.zone, .nzones = 1};

    return registry_open(&options, &world.r, NULL);
}

static void close_registry(void)
{
    registry_stop(world.r);
    registry_close(world.r);
    world.r = NULL;
}

static void disarm(struct fail_plan *p)
{
    p->first = 0;
}

/* May meet the fault: then the next one does not. */
static void open_again(struct fail_plan *p)
{
    if (open_registry() == 0)
        return;
    MUST(p->failed > 0, "does not open, and nothing failed");
    disarm(p);
    int r = open_registry();
    MUST(r == 0, "does not open: %s", bd_strerror(r));
}

static void run_script(struct fail_plan *p, uint64_t n, unsigned most)
{
    unsigned after = 0;

    for (unsigned i = 0; i < most && after < MARGIN; i++) {
        run_step(i);
        use_history(i);
        after += p->calls > n;
        if (p->failed > 0 && is_read_only() && after > MARGIN / 2) {
            disarm(p); /* room again, or another disk */
            wait_writable("meanwhile");
            compare("meanwhile");
        }
    }
}

/* A change that nothing stands in the way of. */
static void take(const struct step *s, int also)
{
    int r = submit(s);

    MUST(r == 0 || r == also, "does not take changes again: %s", bd_strerror(r));
    note(s, r);
}

static void make_world(const char *dir)
{
    static const char text[] = "$ORIGIN lab.example.\n@ 30 IN SOA ns1 root 1 1h 10m 2w 10\n"
                               "@ 30 IN NS ns1 ; with a comment\nns1 30 IN A 192.0.2.53\n";

    memset(&world, 0, sizeof(world));
    snprintf(world.dir, sizeof(world.dir), "%s", dir);
    snprintf(world.data, sizeof(world.data), "%s/data", world.dir);
    snprintf(world.file, sizeof(world.file), "%s/zone", world.dir);
    int fd = open(world.file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    MUST(write(fd, text, sizeof(text) - 1) == (ssize_t)sizeof(text) - 1, "no file");
    close(fd);
    world.zone = (struct registry_zone){.file = world.file, .ttl = 30};
    MUST(dname_from_text(STR("lab.example."), NULL, &world.zone.origin, NULL) == 0, "no name");
}

static void run(const struct kind *kind, uint64_t n, const char *dir)
{
    struct fail_plan *p = &fail_control()->plans[kind->kind];

    make_world(dir);
    world.plan = p;
    for (unsigned i = 0; i < NAMES; i++)
        expect(i, 0, true);
    if (!kind->later)
        kind_arm(kind, n, world.dir);
    open_again(p);
    if (kind->later)
        kind_arm(kind, n, world.dir);
    run_script(p, n, kind->most);
    MUST(p->failed > 0 || p->calls < n, "the call that was to fail did not");
    compare("before the end");
    snap_put(world.past);
    close_registry(); /* with the plan still on */
    open_again(p);
    disarm(p);
    wait_writable("in the end");
    compare("after a restart");
    for (unsigned i = 0; i < NAMES; i++) {
        take(&(struct step){OP_DELETE, i, 1, 0, false}, -BD_ENOTFOUND);
        take(&(struct step){OP_REGISTER, i, 1, 77 + i, false}, 0);
    }
    close_registry();
    open_again(p);
    compare("after the last restart");
    close_registry();
    dprintf(STDOUT_FILENO, "ok %u acknowledged, %u refused, %u unknown\n", world.acknowledged,
            world.refused, world.unknown);
    _exit(0);
}

int main(int argc, char **argv)
{
    return fail_main(argc, argv, run);
}
