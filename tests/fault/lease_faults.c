/* Leases while the n-th call of a kind fails: lease_faults KIND FROM TO STEP. What was answered
 * holds, over restarts too: running time never goes back, a renewal that was acknowledged counts
 * from the beginning of its run at least, a host that has not renewed gets no further length, the
 * note and the terminations are there that somebody was told of. */
#include <stdlib.h>
#include <string.h>

#include <betterdns/clock.h>
#include <betterdns/lease.h>

#include "fail_run.h"
#include "impl.h"

#define HOSTS 4
#define RUNS 6
#define STEPS 24 /* a run */
#define LEASE_S 60
#define PATIENCE_NS (30 * NS_PER_S)

struct host {
    uint64_t number;   /* 0: not there, or nobody knows */
    uint64_t least_ns; /* its renewal is not before */
    uint64_t most_ns;  /* and not after, unless something was tried in this run */
    bool tried;        /* in this run: to renew */
    bool terminated;   /* acknowledged */
};

static struct {
    struct registry *r;
    struct registry_zone zone;
    char data[96];
    struct host hosts[HOSTS];
    uint64_t now_ns;     /* a clock of its own, ahead of the real one */
    uint64_t begun_ns;   /* running time when the run began */
    uint64_t running_ns; /* the last that was told */
    unsigned notes[2];   /* either is there; 0: none */
    bool may_forget;     /* the old state.db may not have been readable */
} world;

static struct dname name_of(unsigned i)
{
    struct dname name;
    char text[32];

    snprintf(text, sizeof(text), "h%u.lab.example.", i);
    MUST(dname_from_text(str_c(text), NULL, &name, NULL) == 0, "no name");
    return name;
}

/* ---- what is there ---- */

static uint64_t number_of(unsigned i)
{
    struct snap *s = registry_snapshot(world.r);
    struct dname name = name_of(i);
    const struct rrset *set = snap_find_name(s, 0, &name, RRTYPE_A);
    struct registration reg = {0};

    if (set && rrset_nregs(set) > 0)
        rrset_reg(set, 0, &reg);
    snap_put(s);
    return reg.number;
}

static void look_at_time(void)
{
    uint64_t now = registry_running_ns(world.r);

    MUST(now >= world.running_ns, "running time went back");
    world.running_ns = now;
}

static void look_at_renewal(const struct host *h, unsigned i)
{
    uint64_t renewed = registry_renewed_ns(world.r, h->number);

    MUST(renewed >= h->least_ns, "h%u renewed %llu, not %llu at least", i,
         (unsigned long long)renewed, (unsigned long long)h->least_ns);
    MUST(h->tried || renewed <= h->most_ns, "h%u renewed %llu, not %llu at most", i,
         (unsigned long long)renewed, (unsigned long long)h->most_ns);
    MUST(renewed <= registry_running_ns(world.r), "h%u has renewed in the future", i);
}

static int see_note(void *arg, const struct registry_note *note)
{
    unsigned *seen = arg;

    MUST(note->value.n == sizeof(*seen) && note->number == 0, "a note that nobody wrote");
    memcpy(seen, note->value.p, sizeof(*seen));
    return 0;
}

static int see_termination(void *arg, const struct registry_termination *t)
{
    struct host *seen = arg;

    for (unsigned i = 0; i < HOSTS; i++)
        if (seen[i].number == t->number)
            seen[i].terminated = false; /* it was found */
    return 0;
}

static void look_at_rows(void)
{
    struct host hosts[HOSTS];
    unsigned note = 0;

    memcpy(hosts, world.hosts, sizeof(hosts));
    if (registry_notes(world.r, see_note, &note) < 0 ||
        registry_terminations(world.r, 0, see_termination, hosts) < 0)
        return;
    MUST(world.may_forget || note == world.notes[0] || note == world.notes[1],
         "the note is %u, not %u", note, world.notes[0]);
    world.notes[0] = world.notes[1] = note;
    for (unsigned i = 0; i < HOSTS; i++)
        MUST(world.may_forget || !hosts[i].terminated, "the termination of h%u is lost", i);
}

/* ---- steps ---- */

static int submit(enum op_kind kind, unsigned i)
{
    static const struct str address = {"\xc0\x00\x02\x01", 4};
    struct change *c = change_new(CHANGE_HTTP, STR("test"));
    struct op op = {
        .kind = kind, .owner = name_of(i), .type = RRTYPE_A, .source = STR("192.0.2.1")};
    uint8_t *bytes = NULL;
    int r = c ? 0 : -ENOMEM;

    op.lease_s = kind == OP_REGISTER ? LEASE_S : 0;
    if (r == 0 && kind == OP_REGISTER)
        r = rdset_pack(RRTYPE_A, &address, 1, &bytes, &op.values);
    if (r == 0)
        r = change_add(c, &op);
    free(bytes);
    if (r == 0)
        r = registry_submit(world.r, c, clock_deadline(PATIENCE_NS), NULL, NULL);
    change_put(c);
    MUST(r != -BD_ETIMEDOUT, "no answer");
    return r;
}

static void renew(unsigned i)
{
    struct host *h = &world.hosts[i];

    int r = submit(OP_REGISTER, i);
    h->tried = h->tried || r == 0 || r == -BD_EUNKNOWN;
    if (r < 0)
        return;
    uint64_t number = number_of(i);
    h->terminated = h->terminated && number == h->number;
    h->number = number;
    h->least_ns = world.begun_ns;
    MUST(registry_renewed_ns(world.r, number) > 0, "h%u is not in the book", i);
}

static void end(unsigned i)
{
    struct host *h = &world.hosts[i];
    uint64_t number = h->number;

    int r = submit(OP_DELETE, i);
    if (r != 0 && r != -BD_EUNKNOWN)
        return;
    h->number = 0;
    h->terminated = false;
    MUST(r < 0 || registry_renewed_ns(world.r, number) == 0, "h%u stays in the book", i);
}

static void note(unsigned value)
{
    const struct registry_note one = {0, {(const char *)&value, sizeof(value)}};

    int r = registry_notes_put(world.r, &one, 1, clock_deadline(PATIENCE_NS));
    MUST(r != -BD_ETIMEDOUT, "no answer");
    if (r == 0)
        world.notes[0] = world.notes[1] = value;
    else if (r == -BD_EUNKNOWN)
        world.notes[1] = value;
}

static void terminate(unsigned i)
{
    struct host *h = &world.hosts[i];
    const struct registry_target t = {.owner = name_of(i), .type = RRTYPE_A, .number = h->number};

    if (h->number == 0)
        return;
    int r = registry_terminate(world.r, &t, 1, 0, clock_deadline(PATIENCE_NS));
    MUST(r != -BD_ETIMEDOUT && r != -BD_ENOTFOUND, "h%u: %s", i, bd_strerror(r));
    h->terminated = h->terminated || r == 0;
    r = registry_terminated(world.r, h->number, STR("failed"), clock_deadline(PATIENCE_NS));
    MUST(r != -BD_ETIMEDOUT, "no answer");
}

/* The last host renews in the first run only. */
static void run_step(unsigned run, unsigned i)
{
    unsigned h = i % (run == 0 ? HOSTS : HOSTS - 1);

    world.now_ns += 2 * NS_PER_S;
    lease_tick(world.r, world.now_ns);
    switch (i % 6) {
    case 3: note(1 + run * STEPS + i); break;
    case 4: terminate(h); break;
    case 5:
        if (h < HOSTS - 1 && i % 4 == 1)
            end(h);
        break;
    default: renew(h); break;
    }
    look_at_time();
}

/* ---- a run ---- */

static bool is_read_only(void)
{
    struct registry_stats stats;

    registry_stats(world.r, &stats);
    return stats.read_only;
}

static void open_registry(struct fail_plan *p)
{
    struct registry_options options = {.data = world.data, .zones = &world.zone, .nzones = 1};

    if (registry_open(&options, &world.r, NULL) == 0)
        return;
    MUST(p->failed > 0, "does not open, and nothing failed");
    p->first = 0;
    int r = registry_open(&options, &world.r, NULL);
    MUST(r == 0, "does not open: %s", bd_strerror(r));
}

static void wait_writable(struct fail_plan *p)
{
    uint64_t deadline = clock_deadline(PATIENCE_NS);

    if (is_read_only())
        p->first = 0; /* another disk */
    while (is_read_only()) {
        MUST(clock_mono_ns() < deadline, "still read-only");
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

/* Where the registry closed in order it has written down all of its running time; where that
 * failed, not more than was told. */
static void begin_run(struct fail_plan *p)
{
    open_registry(p);
    world.begun_ns = registry_running_ns(world.r);
    MUST(world.begun_ns <= world.running_ns || world.running_ns == 0, "time was made up");
    world.running_ns = world.begun_ns;
    for (unsigned i = 0; i < HOSTS; i++) {
        struct host *h = &world.hosts[i];
        uint64_t number = number_of(i);
        if (number != h->number) /* what was said to be unknown */
            *h = (struct host){.number = number, .tried = true};
        if (number > 0)
            look_at_renewal(h, i);
        h->most_ns = number > 0 ? registry_renewed_ns(world.r, number) : 0;
        h->tried = false;
    }
    look_at_rows();
}

static void make_world(const struct kind *kind, const char *dir)
{
    char file[96];

    memset(&world, 0, sizeof(world));
    snprintf(world.data, sizeof(world.data), "%s/data", dir);
    snprintf(file, sizeof(file), "%s/zone", dir);
    world.zone = (struct registry_zone){.file = strdup(file), .ttl = 30};
    MUST(dname_from_text(STR("lab.example."), NULL, &world.zone.origin, NULL) == 0, "no name");
    world.now_ns = clock_mono_ns() + 3600 * NS_PER_S;
    world.may_forget = kind->kind == FAIL_READ || kind->kind == FAIL_MAP;
}

static void run(const struct kind *kind, uint64_t n, const char *dir)
{
    struct fail_plan *p = &fail_control()->plans[kind->kind];

    make_world(kind, dir);
    if (!kind->later)
        kind_arm(kind, n, dir);
    for (unsigned k = 0; k < RUNS; k++) {
        begin_run(p);
        if (k == 0 && kind->later)
            kind_arm(kind, n, dir);
        for (unsigned i = 0; i < STEPS; i++) {
            run_step(k, i);
            if (i % 8 == 7)
                wait_writable(p);
        }
        wait_writable(p);
        registry_stop(world.r);
        registry_close(world.r);
    }
    p->first = 0;
    begin_run(p);
    registry_stop(world.r);
    registry_close(world.r);
    _exit(0);
}

int main(int argc, char **argv)
{
    return fail_main(argc, argv, run);
}
