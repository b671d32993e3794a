/* A zone's storage as a B+-tree that is copied where it is changed: two stores share all nodes
 * below which they are alike. Edits go from the root down once: a full node is split, and a thin
 * one joined with its neighbour, before it is entered, so each step leaves a valid tree with the
 * same RRsets, and an edit that runs out of memory can stop anywhere. */
#include "snap_node.h"

#include <stdlib.h>

struct snap_store {
    atomic_uint count;
    size_t n, nrecords;
    struct snap_node *root; /* an empty store has an empty leaf */
};

static struct snap_store *allocate(struct snap_node *root)
{
    struct snap_store *s = root ? malloc(sizeof(*s)) : NULL;

    if (!s)
        return NULL;
    *s = (struct snap_store){.root = root};
    atomic_init(&s->count, 1);
    return s;
}

struct snap_store *snap_store_new(void)
{
    struct snap_node *root = snap_node_new(0);
    struct snap_store *s = allocate(root);

    if (!s)
        snap_node_put(root);
    return s;
}

struct snap_store *snap_store_ref(struct snap_store *s)
{
    atomic_fetch_add_explicit(&s->count, 1, memory_order_relaxed);
    return s;
}

void snap_store_put(struct snap_store *s)
{
    if (!s || atomic_fetch_sub_explicit(&s->count, 1, memory_order_acq_rel) != 1)
        return;
    snap_node_put(s->root);
    free(s);
}

size_t snap_store_rrsets(const struct snap_store *s)
{
    return s->n;
}

size_t snap_store_records(const struct snap_store *s)
{
    return s->nrecords;
}

const struct snap_node *snap_store_root(const struct snap_store *s)
{
    return s->root;
}

/* ---- reading ---- */

static const struct snap_node *leaf_of(const struct snap_store *s, struct str owner, uint16_t type)
{
    const struct snap_node *node = s->root;

    while (node->height > 0)
        node = node->children[snap_node_child(node, owner, type)];
    return node;
}

const struct rrset *snap_store_find(const struct snap_store *s, struct str owner, uint16_t type)
{
    const struct snap_node *leaf = leaf_of(s, owner, type);
    bool exact;
    unsigned at = snap_node_find(leaf, owner, type, &exact);

    return exact ? leaf->sets[at] : NULL;
}

void snap_store_seek(const struct snap_store *s, struct str owner, uint16_t type, size_t *ret_at,
                     const void **ret_node)
{
    const struct snap_node *leaf = leaf_of(s, owner, type);
    bool exact;

    *ret_at = snap_node_find(leaf, owner, type, &exact);
    *ret_node = leaf;
}

/* Leaves do not point at each other (a copy of one would have to copy all): the next is found from
 * the root. */
static const struct snap_node *leaf_after(const struct snap_store *s, const struct snap_node *leaf)
{
    const struct snap_node *after = NULL, *node = s->root;

    while (node->height > 0) {
        const struct rrset *last = leaf->sets[leaf->n - 1];
        unsigned at = snap_node_child(node, rrset_owner_key(last), rrset_type(last));
        if (at + 1 < node->n)
            after = node->children[at + 1];
        node = node->children[at];
    }
    while (after && after->height > 0)
        after = after->children[0];
    return after;
}

const struct rrset *snap_store_next(const struct snap_store *s, size_t *at, const void **node)
{
    const struct snap_node *leaf = *node;

    if (*at >= leaf->n) {
        leaf = leaf_after(s, leaf);
        if (!leaf)
            return NULL;
        *node = leaf;
        *at = 0;
    }
    return leaf->sets[(*at)++];
}

/* ---- editing ---- */

/* As snap_node_own, for a store. */
static int own(struct snap_store **link)
{
    struct snap_store *s = *link, *copy;

    if (atomic_load_explicit(&s->count, memory_order_acquire) == 1)
        return 0;
    copy = allocate(s->root);
    if (!copy)
        return -ENOMEM;
    copy->n = s->n;
    copy->nrecords = s->nrecords;
    atomic_fetch_add_explicit(&s->root->count, 1, memory_order_relaxed);
    snap_store_put(s);
    *link = copy;
    return 0;
}

/* Where a set goes. Most come in order, at start and in an import: behind all others there is
 * nothing to search, and the nodes that they leave behind stay full. */
enum place { REPLACE, INSERT, APPEND };

static enum place place_of(const struct snap_store *s, const struct rrset *set,
                           const struct rrset **ret_old)
{
    const struct snap_node *node = s->root;
    struct str owner = rrset_owner_key(set);

    *ret_old = NULL;
    while (node->height > 0)
        node = node->children[node->n - 1];
    const struct rrset *last = node->n > 0 ? node->sets[node->n - 1] : NULL;
    if (!last || rrset_key_cmp(rrset_owner_key(last), rrset_type(last), owner, rrset_type(set)) < 0)
        return APPEND;
    *ret_old = snap_store_find(s, owner, rrset_type(set));
    return *ret_old ? REPLACE : INSERT;
}

/* How much a full node keeps. */
static unsigned split_at(enum place place)
{
    return place == APPEND ? SNAP_NODE_MAX - 1 : SNAP_NODE_MAX / 2;
}

static int grow(struct snap_store *s, enum place place)
{
    struct snap_node *top = snap_node_new(s->root->height + 1U);

    if (!top)
        return -ENOMEM;
    snap_node_insert(top, 0, s->root->sets[0], s->root);
    int r = snap_node_split(top, 0, split_at(place));
    if (r < 0) {
        s->root = top->children[0];
        top->n = 0;
        snap_node_put(top);
        return r;
    }
    s->root = top;
    return 0;
}

static void set_in_leaf(struct snap_node *leaf, struct rrset *set, enum place place)
{
    bool exact;
    unsigned at = leaf->n;

    if (place != APPEND)
        at = snap_node_find(leaf, rrset_owner_key(set), rrset_type(set), &exact);
    if (place != REPLACE) {
        snap_node_insert(leaf, at, set, NULL);
        return;
    }
    rrset_put(leaf->sets[at]);
    leaf->sets[at] = set;
}

static unsigned child_for(const struct snap_node *node, const struct rrset *set, enum place place)
{
    return place == APPEND ? node->n - 1U
                           : snap_node_child(node, rrset_owner_key(set), rrset_type(set));
}

/* Where the set is a new one, the node is not full. */
static int set_below(struct snap_node **link, struct rrset *set, enum place place)
{
    int r = snap_node_own(link);
    if (r < 0)
        return r;
    struct snap_node *node = *link;
    if (node->height == 0) {
        set_in_leaf(node, set, place);
        return 0;
    }
    unsigned at = child_for(node, set, place);
    if (place != REPLACE && node->children[at]->n == SNAP_NODE_MAX) {
        r = snap_node_split(node, at, split_at(place));
        if (r < 0)
            return r;
        at = child_for(node, set, place);
    }
    r = set_below(&node->children[at], set, place);
    node->sets[at] = node->children[at]->sets[0];
    return r;
}

int snap_store_set(struct snap_store **link, struct rrset *set)
{
    const struct rrset *old;

    int r = own(link);
    if (r < 0)
        return r;
    struct snap_store *s = *link;
    enum place place = place_of(s, set, &old);
    size_t nold = old ? rrset_rdatas(old).count : 0;
    if (place != REPLACE && s->root->n == SNAP_NODE_MAX)
        r = grow(s, place);
    if (r == 0)
        r = set_below(&s->root, set, place);
    if (r < 0)
        return r;
    s->n += place != REPLACE;
    s->nrecords += rrset_rdatas(set).count - nold;
    return 0;
}

/* The key is there; the node is the root or has more than SNAP_NODE_MIN. */
static int delete_below(struct snap_node **link, struct str owner, uint16_t type)
{
    int r = snap_node_own(link);
    if (r < 0)
        return r;
    struct snap_node *node = *link;
    if (node->height == 0) {
        bool exact;
        unsigned at = snap_node_find(node, owner, type, &exact);
        const struct rrset *set = node->sets[at];
        snap_node_remove(node, at);
        rrset_put(set); /* perhaps with the key's octets */
        return 0;
    }
    unsigned at = snap_node_child(node, owner, type);
    if (node->children[at]->n <= SNAP_NODE_MIN) {
        r = snap_node_join(node, at > 0 ? at - 1 : 0);
        if (r < 0)
            return r;
        at = snap_node_child(node, owner, type);
    }
    r = delete_below(&node->children[at], owner, type);
    node->sets[at] = node->children[at]->sets[0];
    return r;
}

/* A root with one child, which a join leaves, gives way to it. */
static void shrink(struct snap_store *s)
{
    struct snap_node *root = s->root;

    if (root->height == 0 || root->n > 1)
        return;
    s->root = root->children[0];
    root->n = 0;
    snap_node_put(root);
}

int snap_store_delete(struct snap_store **link, struct str owner, uint16_t type)
{
    const struct rrset *old = snap_store_find(*link, owner, type);

    if (!old)
        return 0;
    size_t nold = rrset_rdatas(old).count;
    int r = own(link);
    if (r < 0)
        return r;
    struct snap_store *s = *link;
    r = delete_below(&s->root, owner, type);
    shrink(s);
    if (r < 0)
        return r;
    s->n--;
    s->nrecords -= nold;
    return 0;
}
