/* Snapshots: order, look-up, edits against a naive model, sharing, counting across threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <betterdns/snapshot.h>

#include <pthread.h>
#include <stdatomic.h>

static struct dname name_of(const char *text)
{
    struct dname d = {.n = 0};

    if (dname_from_text(str_c(text), NULL, &d, NULL) < 0)
        fail_msg("'%s' is not a name", text);
    return d;
}

/* An RRset with one record; its TTL tells it from others with the same key. */
static struct rrset *set_of(const struct dname *owner, uint16_t type, uint32_t ttl)
{
    struct rdset rdatas = {(const uint8_t *)"\0\4\300\0\2\7", 6, 1};
    struct rrset *s = rrset_new(owner, type, ttl, &rdatas, NULL, 0);

    if (!s)
        abort();
    return s;
}

static struct snap *empty(const char *const *origins, unsigned n)
{
    struct dname names[4];
    struct snap *s;

    for (unsigned i = 0; i < n; i++)
        names[i] = name_of(origins[i]);
    assert_int_equal(snap_new(names, n, &s), 0);
    return s;
}

static const char *const two_zones[] = {"Lab.Example.", "2.0.192.in-addr.arpa."};

/* The next snapshot of base; base's count is given up. */
static struct snap *commit(struct snap_edit *e, struct snap *base, uint64_t seq)
{
    static const uint32_t serials[4] = {11, 12, 13, 14};
    struct hash128 chain = hash128(&seq, sizeof(seq));
    struct snap *next = NULL;

    if (snap_edit_commit(e, seq, &chain, serials, &next) < 0)
        abort();
    snap_put(base);
    return next;
}

static struct snap_edit *begin(struct snap *base)
{
    struct snap_edit *e = NULL;

    if (snap_edit_begin(base, &e) < 0)
        abort();
    return e;
}

static void a_new_snapshot_is_empty(void **state)
{
    (void)state;
    struct snap *s = empty(two_zones, 2);
    struct dname lab = name_of("lab.example.");
    struct snap_iter it;
    unsigned zone;

    assert_int_equal(snap_seq(s), 0);
    assert_int_equal(snap_nzones(s), 2);
    assert_memory_equal(snap_zone(s, 0)->origin.b, lab.b, lab.n);
    assert_int_equal(snap_zone(s, 0)->serial, 0);
    assert_int_equal(snap_zone(s, 0)->nrrsets, 0);
    assert_int_equal(snap_seek(s, (struct snap_key){.zone = 0}, &it), 0);
    assert_null(snap_next(&it, &zone));
    assert_null(snap_next(&it, &zone));
    assert_int_equal(snap_seek(s, (struct snap_key){.zone = 7}, &it), 0);
    assert_null(snap_next(&it, &zone));
    assert_null(snap_find_name(s, 0, &lab, RRTYPE_A));
    assert_null(snap_find_name(s, 9, &lab, RRTYPE_A));
    snap_put(s);
    snap_put(NULL);
}

static void the_longest_zone_wins(void **state)
{
    (void)state;
    static const char *const origins[] = {"example.", "lab.example.", "x.lab.example."};
    static const struct {
        const char *name;
        int zone;
    } cases[] = {{"example.", 0},       {"web.example.", 0},      {"LAB.example.", 1},
                 {"y.lab.example.", 1}, {"X.lab.EXAMPLE.", 2},    {"a.x.lab.example.", 2},
                 {"xlab.example.", 0},  {"lab.example.org.", -1}, {".", -1}};
    struct snap *s = empty(origins, 3);

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct dname d = name_of(cases[i].name);
        unsigned zone = 99;
        int r = snap_zone_of(s, &d, &zone);
        assert_int_equal(r, cases[i].zone < 0 ? -BD_ENOZONE : 0);
        assert_int_equal(zone, cases[i].zone < 0 ? 99 : cases[i].zone);
    }
    snap_put(s);
}

static void order_is_zone_owner_type(void **state)
{
    (void)state;
    static const char *const sorted[] = {"lab.example.", "*.lab.example.", "a.lab.example.",
                                         "z.a.lab.example.", "b.lab.example."};
    static const uint16_t types[] = {RRTYPE_A, RRTYPE_TXT, RRTYPE_AAAA, 65280};
    struct snap *s = empty(two_zones, 2);
    struct snap_edit *e = begin(s);
    struct snap_iter it;
    unsigned zone = 9;

    for (unsigned i = 0; i < 40; i++) { /* 7 and 40 have no common divisor: all, in disorder */
        unsigned k = i * 7 % 40;
        struct dname d = name_of(sorted[k / 4 % 5]);
        assert_int_equal(snap_edit_set(e, k / 20, set_of(&d, types[k % 4], k)), 0);
    }
    s = commit(e, s, 1);
    assert_int_equal(snap_seek(s, (struct snap_key){.zone = 0}, &it), 0);
    for (unsigned k = 0; k < 40; k++) {
        const struct rrset *set = snap_next(&it, &zone);
        assert_non_null(set);
        assert_int_equal(rrset_ttl(set), k);
        assert_int_equal(zone, k / 20);
    }
    assert_null(snap_next(&it, &zone));
    assert_int_equal(snap_zone(s, 0)->nrrsets, 20);
    assert_int_equal(snap_zone(s, 1)->nrecords, 20);
    assert_int_equal(snap_zone(s, 1)->serial, 12);
    assert_int_equal(snap_seq(s), 1);
    /* From a key in the middle, and from behind the last of a zone. */
    snap_seek(s, (struct snap_key){0, STR("example\0lab\0a\0"), RRTYPE_A + 1}, &it);
    assert_int_equal(rrset_ttl(snap_next(&it, &zone)), 9);
    snap_seek(s, (struct snap_key){0, STR("example\0lab\0c\0"), 0}, &it);
    assert_int_equal(rrset_ttl(snap_next(&it, &zone)), 20);
    assert_int_equal(zone, 1);
    snap_put(s);
}

static void edits_are_seen_while_they_are_made(void **state)
{
    (void)state;
    struct snap *s = empty(two_zones, 2), *old;
    struct dname web = name_of("web.lab.example.");
    struct str owner = STR("example\0lab\0web\0");
    struct snap_edit *e = begin(s);
    size_t at = 0;

    snap_edit_set(e, 0, set_of(&web, 1, 101));
    snap_edit_set(e, 0, set_of(&web, 16, 116));
    snap_edit_set(e, 0, set_of(&web, 28, 128));
    old = s = commit(e, s, 1);
    snap_ref(old);
    e = begin(s);
    assert_int_equal(rrset_ttl(snap_edit_find(e, (struct snap_key){0, owner, 1})), 101);
    snap_edit_set(e, 0, set_of(&web, 1, 201));
    snap_edit_set(e, 0, set_of(&web, 1, 301));
    assert_int_equal(snap_edit_delete(e, (struct snap_key){0, owner, 16}), 0);
    assert_int_equal(snap_edit_delete(e, (struct snap_key){0, owner, 99}), 0);
    assert_int_equal(snap_edit_delete(e, (struct snap_key){5, owner, 99}), 0);
    snap_edit_set(e, 0, set_of(&web, 15, 315));
    snap_edit_set(e, 0, set_of(&web, 65535, 365));
    assert_int_equal(rrset_ttl(snap_edit_find(e, (struct snap_key){0, owner, 1})), 301);
    assert_null(snap_edit_find(e, (struct snap_key){0, owner, 16}));
    assert_null(snap_edit_find(e, (struct snap_key){1, owner, 1}));
    static const uint32_t walk[] = {301, 315, 128, 365};
    for (size_t i = 0; i < ARRAY_SIZE(walk); i++)
        assert_int_equal(rrset_ttl(snap_edit_owner(e, 0, owner, &at)), walk[i]);
    assert_null(snap_edit_owner(e, 0, owner, &at));
    at = 0;
    assert_null(snap_edit_owner(e, 0, STR("example\0lab\0we\0"), &at));
    at = 0;
    assert_null(snap_edit_owner(e, 1, owner, &at));
    /* Readers of the base see nothing of it, before and after the commit. */
    assert_int_equal(rrset_ttl(snap_find_name(s, 0, &web, 1)), 101);
    s = commit(e, s, 2);
    assert_int_equal(rrset_ttl(snap_find_name(old, 0, &web, 1)), 101);
    assert_int_equal(rrset_ttl(snap_find_name(old, 0, &web, 16)), 116);
    assert_int_equal(rrset_ttl(snap_find_name(s, 0, &web, 1)), 301);
    assert_null(snap_find_name(s, 0, &web, 16));
    assert_int_equal(snap_zone(s, 0)->nrrsets, 4);
    snap_put(old);
    snap_put(s);
}

static void an_aborted_edit_leaves_nothing(void **state)
{
    (void)state;
    struct snap *s = empty(two_zones, 2);
    struct dname web = name_of("web.lab.example.");
    struct snap_edit *e = begin(s);

    snap_edit_set(e, 0, set_of(&web, 1, 1));
    assert_int_equal(snap_edit_set(e, 2, set_of(&web, 1, 1)), -BD_ENOZONE);
    snap_edit_abort(e);
    snap_edit_abort(NULL);
    assert_null(snap_find_name(s, 0, &web, 1));
    snap_put(s);
}

static void unchanged_zones_are_shared(void **state)
{
    (void)state;
    struct snap *a = empty(two_zones, 2), *b;
    struct dname web = name_of("web.lab.example."), ptr = name_of("7.2.0.192.in-addr.arpa.");
    struct snap_edit *e = begin(a);

    snap_edit_set(e, 0, set_of(&web, 1, 1));
    snap_edit_set(e, 1, set_of(&ptr, 12, 2));
    a = commit(e, a, 1);
    e = begin(a);
    snap_edit_set(e, 0, set_of(&web, 28, 3));
    b = commit(e, snap_ref(a), 2);
    /* RRsets that did not change are the same objects, and outlive the first snapshot. */
    const struct rrset *kept = snap_find_name(b, 0, &web, 1),
                       *other = snap_find_name(b, 1, &ptr, 12);
    assert_ptr_equal(kept, snap_find_name(a, 0, &web, 1));
    assert_ptr_equal(other, snap_find_name(a, 1, &ptr, 12));
    snap_put(a);
    assert_int_equal(rrset_ttl(kept), 1);
    assert_int_equal(rrset_ttl(other), 2);
    snap_put(b);
}

/* ---- against a naive model: a table of what each key holds ---- */

#define NAMES 60
#define TYPES 4
#define HELD 5

static const uint16_t model_types[TYPES] = {1, 16, 28, 65280};

struct model {
    uint32_t ttl[2][NAMES][TYPES]; /* 0: nothing */
};

/* Names in canonical order. */
static struct dname model_names[NAMES];

static int by_name(const void *a, const void *b)
{
    return dname_cmp(a, b);
}

static void make_model_names(void)
{
    for (unsigned i = 0; i < NAMES; i++) {
        struct dname *d = &model_names[i];
        unsigned at = 0;
        for (unsigned rest = i + 1; rest > 0; rest /= 4) { /* labels of 00, 01, ff and a letter */
            d->b[at++] = 1;
            d->b[at++] = (const uint8_t[]){0, 1, 0xff, 'k'}[rest % 4];
        }
        d->b[at++] = 0;
        d->n = (uint8_t)at;
    }
    qsort(model_names, NAMES, sizeof(model_names[0]), by_name);
}

static void assert_like_model(const struct snap *s, const struct model *m)
{
    struct snap_iter it;
    const struct rrset *set;
    unsigned zone;
    size_t n[2] = {0, 0};

    assert_int_equal(snap_seek(s, (struct snap_key){.zone = 0}, &it), 0);
    for (unsigned i = 0; i < 2 * NAMES * TYPES; i++) {
        unsigned z = i / (NAMES * TYPES), name = i / TYPES % NAMES, type = i % TYPES;
        uint32_t ttl = m->ttl[z][name][type];
        set = snap_find_name(s, z, &model_names[name], model_types[type]);
        assert_int_equal(set ? rrset_ttl(set) : 0, ttl);
        if (ttl == 0)
            continue;
        assert_ptr_equal(snap_next(&it, &zone), set);
        assert_int_equal(zone, z);
        n[z]++;
    }
    assert_null(snap_next(&it, &zone));
    assert_int_equal(snap_zone(s, 0)->nrrsets, n[0]);
    assert_int_equal(snap_zone(s, 1)->nrecords, n[1]);
}

static void assert_edit_like_model(const struct snap_edit *e, const struct model *m, unsigned zone,
                                   unsigned name)
{
    uint8_t key[DNAME_KEY_MAX];
    struct str owner = {(const char *)key, dname_key(&model_names[name], key)};
    size_t at = 0;

    for (unsigned type = 0; type < TYPES; type++) {
        uint32_t ttl = m->ttl[zone][name][type];
        const struct rrset *set =
            snap_edit_find(e, (struct snap_key){zone, owner, model_types[type]});
        assert_int_equal(set ? rrset_ttl(set) : 0, ttl);
        if (ttl != 0)
            assert_ptr_equal(snap_edit_owner(e, zone, owner, &at), set);
    }
    assert_null(snap_edit_owner(e, zone, owner, &at));
}

static void random_edit(struct snap_edit *e, struct model *m, uint32_t ttl)
{
    unsigned zone = (unsigned)rand() % 2, name = (unsigned)rand() % NAMES;
    unsigned type = (unsigned)rand() % TYPES;
    uint8_t key[DNAME_KEY_MAX];
    struct str owner = {(const char *)key, dname_key(&model_names[name], key)};

    if (rand() % 3) {
        struct rrset *set = set_of(&model_names[name], model_types[type], ttl);
        assert_int_equal(snap_edit_set(e, zone, set), 0);
        m->ttl[zone][name][type] = ttl;
    } else {
        struct snap_key k = {zone, owner, model_types[type]};
        assert_int_equal(snap_edit_delete(e, k), 0);
        m->ttl[zone][name][type] = 0;
    }
    assert_edit_like_model(e, m, zone, name);
}

static void random_edits_are_those_of_a_table(void **state)
{
    (void)state;
    static const char *const roots[] = {".", "."};
    static struct model models[HELD], m, tried;
    struct snap *held[HELD] = {NULL}, *s = empty(roots, 2);
    uint32_t ttl = 1;

    srand(4034);
    make_model_names();
    for (unsigned round = 0; round < 600; round++) {
        struct snap_edit *e = begin(s);
        tried = m;
        for (int n = rand() % (round % 10 ? 8 : 200); n > 0; n--)
            random_edit(e, &tried, ttl++);
        if (rand() % 5 == 0) {
            snap_edit_abort(e);
        } else {
            m = tried;
            s = commit(e, s, round + 1);
            assert_int_equal(snap_seq(s), round + 1);
        }
        assert_like_model(s, &m);
        /* Old snapshots stay what they were, whatever is let go in which order. */
        unsigned slot = (unsigned)rand() % HELD;
        if (held[slot])
            assert_like_model(held[slot], &models[slot]);
        snap_put(held[slot]);
        held[slot] = snap_ref(s);
        models[slot] = m;
    }
    snap_put(s);
    for (unsigned i = 0; i < HELD; i++)
        snap_put(held[i]);
}

static void an_iterator_outlives_commits(void **state)
{
    (void)state;
    static const char *const roots[] = {".", "."};
    struct snap *s = empty(roots, 2), *old;
    struct snap_iter it;
    unsigned zone;

    make_model_names();
    struct snap_edit *e = begin(s);
    for (unsigned i = 0; i < NAMES; i++)
        snap_edit_set(e, 0, set_of(&model_names[i], 1, i + 1));
    s = commit(e, s, 1);
    old = snap_ref(s);
    snap_seek(old, (struct snap_key){.zone = 0}, &it);
    for (unsigned i = 0; i < NAMES; i++) {
        assert_int_equal(rrset_ttl(snap_next(&it, &zone)), i + 1);
        uint8_t key[DNAME_KEY_MAX];
        struct str owner = {(const char *)key, dname_key(&model_names[NAMES - 1 - i], key)};
        e = begin(s);
        snap_edit_delete(e, (struct snap_key){0, owner, 1});
        s = commit(e, s, i + 2);
    }
    assert_null(snap_next(&it, &zone));
    assert_int_equal(snap_zone(s, 0)->nrrsets, 0);
    snap_put(old);
    snap_put(s);
}

/* ---- readers beside a writer ---- */

static struct {
    pthread_mutex_t lock;
    struct snap *current; /* guarded by lock */
    atomic_bool done;
} shared = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Every snapshot holds the same TTL in all its RRsets: a torn one would not. Returns NULL, or what
 * was wrong. */
static const char *read_one(void)
{
    struct snap_iter it;
    const struct rrset *set;
    unsigned zone;

    pthread_mutex_lock(&shared.lock);
    struct snap *s = snap_ref(shared.current);
    pthread_mutex_unlock(&shared.lock);
    const char *wrong = NULL;
    size_t n = 0;
    snap_seek(s, (struct snap_key){.zone = 0}, &it);
    while ((set = snap_next(&it, &zone))) {
        if (rrset_ttl(set) != snap_seq(s))
            wrong = "an RRset of another snapshot";
        n++;
    }
    if (n != NAMES)
        wrong = "RRsets are missing";
    snap_put(s);
    return wrong;
}

static void *reader(void *arg)
{
    const char **wrong = arg;

    do
        *wrong = read_one();
    while (!*wrong && !atomic_load(&shared.done));
    return NULL;
}

static struct snap *write_all(struct snap *base, uint64_t seq)
{
    struct snap_edit *e = begin(base);

    for (unsigned i = 0; i < NAMES; i++)
        snap_edit_set(e, i % 2, set_of(&model_names[i], 1, (uint32_t)seq));
    return commit(e, base, seq);
}

static void readers_run_beside_the_writer(void **state)
{
    (void)state;
    static const char *const roots[] = {".", "."};
    const char *wrong[3] = {NULL};
    pthread_t threads[ARRAY_SIZE(wrong)];

    make_model_names();
    shared.current = write_all(empty(roots, 2), 1);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, reader, &wrong[i]), 0);
    for (uint64_t seq = 2; seq < 500; seq++) {
        struct snap *next = write_all(snap_ref(shared.current), seq), *old;
        pthread_mutex_lock(&shared.lock);
        old = shared.current;
        shared.current = next;
        pthread_mutex_unlock(&shared.lock);
        snap_put(old);
    }
    atomic_store(&shared.done, true);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
        pthread_join(threads[i], NULL);
        if (wrong[i])
            fail_msg("%s", wrong[i]);
    }
    snap_put(shared.current);
}

/* Far from any quadratic cost: 200,000 RRsets in one edit, in and against their order. */
static void large_edits_are_cheap(void **state)
{
    (void)state;
    static const char *const origins[] = {"a.", "b."};
    struct snap *s = empty(origins, 2);
    struct snap_edit *e = begin(s);
    char text[32];

    for (unsigned i = 0; i < 100000; i++) {
        for (unsigned zone = 0; zone < 2; zone++) {
            snprintf(text, sizeof(text), "h%06u.%c.", zone ? 99999 - i : i, zone ? 'b' : 'a');
            struct dname d = name_of(text);
            assert_int_equal(snap_edit_set(e, zone, set_of(&d, 1, 30)), 0);
        }
    }
    s = commit(e, s, 1);
    assert_int_equal(snap_zone(s, 0)->nrrsets, 100000);
    assert_int_equal(snap_zone(s, 1)->nrrsets, 100000);
    struct dname last = name_of("h099999.b.");
    assert_non_null(snap_find_name(s, 1, &last, 1));
    snap_put(s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_snapshot_is_empty),
        cmocka_unit_test(the_longest_zone_wins),
        cmocka_unit_test(order_is_zone_owner_type),
        cmocka_unit_test(edits_are_seen_while_they_are_made),
        cmocka_unit_test(an_aborted_edit_leaves_nothing),
        cmocka_unit_test(unchanged_zones_are_shared),
        cmocka_unit_test(random_edits_are_those_of_a_table),
        cmocka_unit_test(an_iterator_outlives_commits),
        cmocka_unit_test(readers_run_beside_the_writer),
        cmocka_unit_test(large_edits_are_cheap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
