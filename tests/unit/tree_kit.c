/* See tree_kit.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "snap_node.h"
#include "tree_kit.h"

static const uint16_t types[] = {RRTYPE_A, RRTYPE_AAAA};
static struct dname names[TREE_NAMES];
static uint32_t last_ttl;

static int by_name(const void *a, const void *b)
{
    return dname_cmp(a, b);
}

void tree_make_names(void)
{
    char text[DNAME_TEXT_MAX], tail[64];

    memset(tail, 'x', 62);
    tail[62] = '\0';
    for (unsigned i = 0; i < TREE_NAMES; i++) {
        switch (i % 3) {
        case 0: snprintf(text, sizeof(text), "h%u.example.", i); break;
        case 1: snprintf(text, sizeof(text), "%u.%s.%s.example.", i, tail, tail); break;
        case 2: snprintf(text, sizeof(text), "w.h%u.example.", i - i % 2); break;
        }
        if (i % 3 == 2 && i % 2)
            snprintf(text, sizeof(text), "%u.h%u.example.", i, i);
        names[i] = kit_name(text);
    }
    qsort(names, TREE_NAMES, sizeof(names[0]), by_name);
}

struct str tree_key(unsigned key, uint8_t *octets)
{
    return (struct str){(const char *)octets, dname_key(&names[key / 2], octets)};
}

uint16_t tree_type(unsigned key)
{
    return types[key % 2];
}

struct rrset *tree_set(unsigned key)
{
    return kit_rrset(&names[key / 2], tree_type(key), ++last_ttl);
}

/* ---- shape ---- */

struct walk {
    const struct rrset *last;
    size_t n, nrecords;
};

static void walk_set(struct walk *w, const struct rrset *set)
{
    if (w->last)
        assert_true(rrset_key_cmp(rrset_owner_key(w->last), rrset_type(w->last),
                                  rrset_owner_key(set), rrset_type(set)) < 0);
    w->last = set;
    w->n++;
    w->nrecords += rrset_rdatas(set).count;
}

static void walk_node(struct walk *w, const struct snap_node *node, bool edge)
{
    assert_true(node->count >= 1);
    assert_in_range(node->n, edge ? 1 : SNAP_NODE_MIN, SNAP_NODE_MAX);
    for (unsigned i = 0; i < node->n; i++) {
        if (node->height == 0) {
            walk_set(w, node->sets[i]);
            continue;
        }
        assert_int_equal(node->children[i]->height, node->height - 1);
        assert_ptr_equal(node->children[i]->sets[0], node->sets[i]);
        walk_node(w, node->children[i], edge && i + 1U == node->n);
    }
}

void tree_assert_shape(const struct snap_store *s)
{
    const struct snap_node *root = snap_store_root(s);
    struct walk w = {.last = NULL};

    if (root->height > 0) /* the root may be thin, its children not */
        assert_in_range(root->n, 2, SNAP_NODE_MAX);
    if (root->n > 0)
        walk_node(&w, root, true);
    assert_int_equal(snap_store_rrsets(s), w.n);
    assert_int_equal(snap_store_records(s), w.nrecords);
}

void tree_assert_content(const struct snap_store *s, const struct tree_model *m)
{
    const struct rrset *set;
    const void *node;
    size_t at;

    snap_store_seek(s, STR(""), 0, &at, &node);
    for (unsigned k = 0; k < TREE_KEYS; k++) {
        if (m->ttl[k] == 0)
            continue;
        set = snap_store_next(s, &at, &node);
        assert_non_null(set);
        assert_int_equal(rrset_ttl(set), m->ttl[k]);
    }
    assert_null(snap_store_next(s, &at, &node));
    assert_null(snap_store_next(s, &at, &node));
    assert_int_equal(snap_store_rrsets(s), m->n);
}

void tree_assert_seek(const struct snap_store *s, const struct tree_model *m, unsigned key)
{
    uint8_t octets[DNAME_KEY_MAX];
    struct str owner = tree_key(key, octets);
    const struct rrset *set = snap_store_find(s, owner, tree_type(key));
    const void *node;
    size_t at;

    assert_int_equal(set ? rrset_ttl(set) : 0, m->ttl[key]);
    snap_store_seek(s, owner, tree_type(key), &at, &node);
    for (unsigned k = key; k < TREE_KEYS && k < key + 70; k++)
        if (m->ttl[k])
            assert_int_equal(rrset_ttl(snap_store_next(s, &at, &node)), m->ttl[k]);
}

/* ---- edits ---- */

int tree_put(struct snap_store **s, struct tree_model *m, unsigned key)
{
    struct rrset *set = tree_set(key);
    uint32_t ttl = rrset_ttl(set);

    int r = snap_store_set(s, set);
    if (r < 0) {
        rrset_put(set);
        return r;
    }
    m->n += m->ttl[key] == 0;
    m->ttl[key] = ttl;
    return 0;
}

int tree_delete(struct snap_store **s, struct tree_model *m, unsigned key)
{
    uint8_t octets[DNAME_KEY_MAX];

    int r = snap_store_delete(s, tree_key(key, octets), tree_type(key));
    if (r < 0)
        return r;
    m->n -= m->ttl[key] != 0;
    m->ttl[key] = 0;
    return 0;
}

unsigned tree_random(unsigned n)
{
    return (unsigned)rand() % n;
}

struct tree_mood tree_any_mood(void)
{
    static const unsigned puts[] = {0, 5, 50, 95, 100};

    return (struct tree_mood){puts[tree_random(ARRAY_SIZE(puts))], tree_random(3),
                              tree_random(TREE_KEYS)};
}

int tree_edit(struct snap_store **s, struct tree_model *m, struct tree_mood *mood)
{
    unsigned key = mood->at;

    if (mood->where == ANYWHERE)
        key = tree_random(TREE_KEYS);
    else
        mood->at = (mood->at + (mood->where == UPWARDS ? 1 : TREE_KEYS - 1)) % TREE_KEYS;
    return tree_random(100) < mood->puts ? tree_put(s, m, key) : tree_delete(s, m, key);
}
