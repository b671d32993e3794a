/* Snapshots against a naive model under random edits, and with readers beside the writer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "dns_kit.h"

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
        struct rrset *set = kit_rrset(&model_names[name], model_types[type], ttl);
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
    struct snap *held[HELD] = {NULL}, *s = kit_snap(roots, 2);
    uint32_t ttl = 1;

    srand(4034);
    make_model_names();
    for (unsigned round = 0; round < 600; round++) {
        struct snap_edit *e = kit_begin(s);
        tried = m;
        for (int n = rand() % (round % 10 ? 8 : 200); n > 0; n--)
            random_edit(e, &tried, ttl++);
        if (rand() % 5 == 0) {
            snap_edit_abort(e);
        } else {
            m = tried;
            s = kit_commit(e, s, round + 1);
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
    struct snap *s = kit_snap(roots, 2), *old;
    struct snap_iter it;
    unsigned zone;

    make_model_names();
    struct snap_edit *e = kit_begin(s);
    for (unsigned i = 0; i < NAMES; i++)
        snap_edit_set(e, 0, kit_rrset(&model_names[i], 1, i + 1));
    s = kit_commit(e, s, 1);
    old = snap_ref(s);
    snap_seek(old, (struct snap_key){.zone = 0}, &it);
    for (unsigned i = 0; i < NAMES; i++) {
        assert_int_equal(rrset_ttl(snap_next(&it, &zone)), i + 1);
        uint8_t key[DNAME_KEY_MAX];
        struct str owner = {(const char *)key, dname_key(&model_names[NAMES - 1 - i], key)};
        e = kit_begin(s);
        snap_edit_delete(e, (struct snap_key){0, owner, 1});
        s = kit_commit(e, s, i + 2);
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
    struct snap_edit *e = kit_begin(base);

    for (unsigned i = 0; i < NAMES; i++)
        snap_edit_set(e, i % 2, kit_rrset(&model_names[i], 1, (uint32_t)seq));
    return kit_commit(e, base, seq);
}

static void readers_run_beside_the_writer(void **state)
{
    (void)state;
    static const char *const roots[] = {".", "."};
    const char *wrong[3] = {NULL};
    pthread_t threads[ARRAY_SIZE(wrong)];

    make_model_names();
    shared.current = write_all(kit_snap(roots, 2), 1);
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

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_edits_are_those_of_a_table),
        cmocka_unit_test(an_iterator_outlives_commits),
        cmocka_unit_test(readers_run_beside_the_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
