/* The tree of a zone against a sorted array: shape and content under random edits, old versions
 * that stay what they were, memory that runs out at every place, readers in other threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <pthread.h>

#include "snap_node.h"
#include "tree_kit.h"

/* ---- memory: counted, and failing where a test says so (the linker's --wrap) ---- */

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void __wrap_free(void *p);

static atomic_long blocks;   /* allocated and not freed */
static long fail_after = -1; /* so many succeed first; negative: all */

static bool may_allocate(void)
{
    if (fail_after == 0)
        return false;
    if (fail_after > 0)
        fail_after--;
    return true;
}

static void *counted(void *p)
{
    if (p)
        atomic_fetch_add(&blocks, 1);
    return p;
}

void *__wrap_malloc(size_t n)
{
    return may_allocate() ? counted(__real_malloc(n)) : NULL;
}

void *__wrap_calloc(size_t n, size_t size)
{
    return may_allocate() ? counted(__real_calloc(n, size)) : NULL;
}

void __wrap_free(void *p)
{
    if (p)
        atomic_fetch_sub(&blocks, 1);
    __real_free(p);
}

/* ---- versions that are held while the newest moves on ---- */

#define HELD 6

struct held {
    struct snap_store *store;
    struct tree_model model;
    const void *node; /* an iterator under way */
    size_t at;
    unsigned key;
};

static void hold(struct held *h, struct snap_store *s, const struct tree_model *m)
{
    uint8_t octets[DNAME_KEY_MAX];

    snap_store_put(h->store);
    h->store = snap_store_ref(s);
    h->model = *m;
    h->key = tree_random(TREE_KEYS);
    snap_store_seek(s, tree_key(h->key, octets), tree_type(h->key), &h->at, &h->node);
}

/* The iterator goes on and sees what was there when it began. */
static void go_on(struct held *h, unsigned steps)
{
    for (; h->store && h->key < TREE_KEYS && steps > 0; h->key++, steps--)
        if (h->model.ttl[h->key])
            assert_int_equal(rrset_ttl(snap_store_next(h->store, &h->at, &h->node)),
                             h->model.ttl[h->key]);
    if (h->store && h->key == TREE_KEYS)
        assert_null(snap_store_next(h->store, &h->at, &h->node));
}

static void random_edits_are_those_of_a_sorted_array(void **state)
{
    (void)state;
    static struct held held[HELD];
    static struct tree_model m;
    struct tree_mood mood = tree_any_mood();
    unsigned greatest = 0, empty = 0;

    srand(1034);
    tree_make_names();
    long before = blocks;
    struct snap_store *s = snap_store_new();
    for (unsigned round = 0; round < 1200; round++) {
        if (tree_random(60) == 0)
            mood = tree_any_mood();
        for (unsigned n = tree_random(round % 7 ? 12 : 700); n > 0; n--)
            assert_int_equal(tree_edit(&s, &m, &mood), 0);
        tree_assert_shape(s);
        tree_assert_content(s, &m);
        tree_assert_seek(s, &m, tree_random(TREE_KEYS));
        for (unsigned i = 0; i < HELD; i++)
            go_on(&held[i], tree_random(60));
        unsigned slot = tree_random(HELD);
        if (held[slot].store) {
            tree_assert_shape(held[slot].store);
            tree_assert_content(held[slot].store, &held[slot].model);
        }
        if (tree_random(3) == 0)
            hold(&held[slot], s, &m);
        if (snap_store_root(s)->height > greatest)
            greatest = snap_store_root(s)->height;
        empty += m.n == 0;
    }
    assert_true(greatest >= 2); /* the moods went far enough, both ways */
    assert_true(empty > 0);
    snap_store_put(s);
    for (unsigned i = 0; i < HELD; i++)
        snap_store_put(held[i].store);
    assert_int_equal(blocks, before); /* all freed, and once: the allocator knows the second time */
}

/* What comes in order, as at start, makes full leaves. */
static void sets_in_order_fill_their_leaves(void **state)
{
    (void)state;
    static struct tree_model m;
    struct snap_store *s = snap_store_new();
    size_t leaves = 0;

    tree_make_names();
    memset(&m, 0, sizeof(m));
    for (unsigned key = 0; key < TREE_KEYS; key++)
        assert_int_equal(tree_put(&s, &m, key), 0);
    tree_assert_shape(s);
    tree_assert_content(s, &m);
    const struct snap_node *root = snap_store_root(s);
    assert_int_equal(root->height, 2);
    for (unsigned i = 0; i < root->n; i++)
        leaves += root->children[i]->n;
    assert_in_range(leaves, TREE_KEYS / SNAP_NODE_MAX, TREE_KEYS / (SNAP_NODE_MAX - 1) + 1);
    /* An edit copies one node of each height, and shares all others. */
    struct snap_store *old = snap_store_ref(s);
    assert_int_equal(tree_put(&s, &m, TREE_KEYS / 2), 0);
    long fresh = 0;
    for (unsigned i = 0; i < root->n; i++)
        fresh += snap_store_root(s)->children[i] != root->children[i];
    assert_int_equal(fresh, 1);
    snap_store_put(old);
    snap_store_put(s);
}

/* Every allocation of an edit fails once: the edit is refused, and nobody sees a change. */
static void without_memory_nothing_changes(void **state)
{
    (void)state;
    static struct tree_model m, base_model;
    struct tree_mood mood = tree_any_mood();
    unsigned refused = 0;

    srand(12);
    tree_make_names();
    memset(&m, 0, sizeof(m));
    long before = blocks;
    struct snap_store *s = snap_store_new(), *base;
    for (unsigned round = 0; round < 800; round++) {
        if (tree_random(40) == 0)
            mood = tree_any_mood();
        base = tree_random(4) ? snap_store_ref(s) : NULL;
        base_model = m;
        uint8_t octets[DNAME_KEY_MAX];
        unsigned key = tree_random(TREE_KEYS);
        bool put = tree_random(100) < mood.puts;
        struct str owner = tree_key(key, octets);
        uint32_t ttl = 0;
        int r = -ENOMEM;
        for (long n = 0; r < 0; n++) {
            struct rrset *set = put ? tree_set(key) : NULL;
            ttl = set ? rrset_ttl(set) : 0;
            fail_after = n;
            r = set ? snap_store_set(&s, set) : snap_store_delete(&s, owner, tree_type(key));
            fail_after = -1;
            if (r == 0)
                break;
            assert_int_equal(r, -ENOMEM);
            rrset_put(set);
            refused++;
            tree_assert_shape(s);
            tree_assert_content(s, &m);
        }
        m.n = m.n + put - (m.ttl[key] != 0);
        m.ttl[key] = ttl;
        tree_assert_shape(s);
        tree_assert_content(s, &m);
        if (base)
            tree_assert_content(base, &base_model);
        snap_store_put(base);
        for (unsigned n = tree_random(12); n > 0; n--)
            tree_edit(&s, &m, &mood);
    }
    assert_true(refused > 800);
    snap_store_put(s);
    assert_int_equal(blocks, before);
}

/* The same where the tree becomes one node higher. */
static void without_memory_it_does_not_grow(void **state)
{
    (void)state;
    static struct tree_model m, base_model;
    unsigned refused = 0;

    tree_make_names();
    memset(&m, 0, sizeof(m));
    long before = blocks;
    struct snap_store *s = snap_store_new();
    for (unsigned key = 0; key < SNAP_NODE_MAX; key++)
        assert_int_equal(tree_put(&s, &m, key), 0);
    struct snap_store *base = snap_store_ref(s);
    base_model = m;
    struct rrset *set = tree_set(TREE_KEYS - 1);
    for (fail_after = 0; snap_store_set(&s, set) < 0; fail_after = ++refused) {
        fail_after = -1;
        tree_assert_shape(s);
        tree_assert_content(s, &m);
        tree_assert_content(base, &base_model);
        snap_store_put(s);
        s = snap_store_ref(base);
    }
    fail_after = -1;
    m.ttl[TREE_KEYS - 1] = rrset_ttl(set);
    m.n++;
    assert_int_equal(refused, 4); /* the store, the new root, and both halves */
    tree_assert_shape(s);
    tree_assert_content(s, &m);
    tree_assert_content(base, &base_model);
    snap_store_put(s);
    snap_store_put(base);
    assert_int_equal(blocks, before);
}

static void a_snapshot_without_memory_is_none(void **state)
{
    (void)state;
    static const char *const origins[] = {"a.", "b."};
    struct dname origin_names[2] = {kit_name("a."), kit_name("b.")};
    struct snap *s = NULL, *base = kit_snap(origins, 2);
    struct snap_edit *e = NULL;
    long before = blocks;
    int r = -ENOMEM;

    for (long n = 0; r < 0; n++) {
        fail_after = n;
        r = snap_new(origin_names, 2, &s);
        fail_after = -1;
        assert_int_equal(r < 0, n < 5); /* itself; two stores, a leaf each */
        assert_true(r == 0 || blocks == before);
    }
    snap_put(s);
    r = -ENOMEM;
    for (long n = 0; r < 0; n++) {
        fail_after = n;
        r = snap_edit_begin(base, &e);
        fail_after = -1;
        assert_true(r == 0 || blocks == before);
    }
    snap_edit_abort(e);
    assert_int_equal(blocks, before);
    snap_put(base);
}

/* ---- versions read and let go by other threads, in any order ---- */

#define SLOTS 16

static struct {
    pthread_mutex_t lock;
    struct snap_store *slots[SLOTS]; /* guarded by lock */
    bool done;                       /* guarded by lock */
} shelf = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct snap_store *exchange(unsigned slot, struct snap_store *s)
{
    pthread_mutex_lock(&shelf.lock);
    struct snap_store *old = shelf.slots[slot];
    shelf.slots[slot] = s;
    pthread_mutex_unlock(&shelf.lock);
    return old;
}

/* NULL, or what was wrong. */
static const char *read_store(const struct snap_store *s)
{
    const struct rrset *set, *last = NULL;
    const void *node;
    size_t at, n = 0;

    snap_store_seek(s, STR(""), 0, &at, &node);
    while ((set = snap_store_next(s, &at, &node))) {
        if (last && rrset_key_cmp(rrset_owner_key(last), rrset_type(last), rrset_owner_key(set),
                                  rrset_type(set)) >= 0)
            return "RRsets in disorder";
        last = set;
        n++;
    }
    return n == snap_store_rrsets(s) ? NULL : "a wrong number of RRsets";
}

static void *reader(void *arg)
{
    const char **wrong = arg;
    bool done = false;

    for (unsigned turn = 0; !done && !*wrong; turn++) {
        struct snap_store *s = exchange(turn * 7 % SLOTS, NULL);
        if (s)
            *wrong = read_store(s);
        snap_store_put(s);
        pthread_mutex_lock(&shelf.lock);
        done = shelf.done;
        pthread_mutex_unlock(&shelf.lock);
    }
    return NULL;
}

static void versions_are_read_and_freed_elsewhere(void **state)
{
    (void)state;
    static struct tree_model m;
    const char *wrong[3] = {NULL};
    pthread_t threads[ARRAY_SIZE(wrong)];

    srand(5);
    tree_make_names();
    memset(&m, 0, sizeof(m));
    struct tree_mood mood = {.puts = 60};
    long before = blocks;
    struct snap_store *s = snap_store_new();
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, reader, &wrong[i]), 0);
    for (unsigned round = 0; round < 4000; round++) {
        tree_edit(&s, &m, &mood);
        snap_store_put(exchange(tree_random(SLOTS), snap_store_ref(s)));
    }
    pthread_mutex_lock(&shelf.lock);
    shelf.done = true;
    pthread_mutex_unlock(&shelf.lock);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
        pthread_join(threads[i], NULL);
        if (wrong[i])
            fail_msg("%s", wrong[i]);
    }
    tree_assert_shape(s);
    tree_assert_content(s, &m);
    snap_store_put(s);
    for (unsigned i = 0; i < SLOTS; i++)
        snap_store_put(exchange(i, NULL));
    assert_int_equal(blocks, before);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_edits_are_those_of_a_sorted_array),
        cmocka_unit_test(sets_in_order_fill_their_leaves),
        cmocka_unit_test(without_memory_nothing_changes),
        cmocka_unit_test(without_memory_it_does_not_grow),
        cmocka_unit_test(a_snapshot_without_memory_is_none),
        cmocka_unit_test(versions_are_read_and_freed_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
