#include "snap_node.h"

#include <stdlib.h>

struct snap_node *snap_node_new(unsigned height)
{
    size_t nchildren = height > 0 ? SNAP_NODE_MAX : 0;
    struct snap_node *node = malloc(sizeof(*node) + nchildren * sizeof(node->children[0]));

    if (!node)
        return NULL;
    atomic_init(&node->count, 1);
    node->n = 0;
    node->height = (uint16_t)height;
    return node;
}

/* The counts of a node's entries lie all over the memory: asked for at once, they come at once,
 * while atomic operations would wait for them one by one. */
static void prefetch(const struct snap_node *node)
{
    for (unsigned i = 0; i < node->n; i++)
        __builtin_prefetch(node->height > 0 ? (const void *)node->children[i] : node->sets[i], 1);
}

void snap_node_put(struct snap_node *node)
{
    /* Whoever frees must see what the others did before they let go. */
    if (!node || atomic_fetch_sub_explicit(&node->count, 1, memory_order_acq_rel) != 1)
        return;
    prefetch(node);
    for (unsigned i = 0; i < node->n; i++) {
        if (node->height > 0)
            snap_node_put(node->children[i]);
        else
            rrset_put(node->sets[i]);
    }
    free(node);
}

/* Copies entries, or moves them: counts stay as they are. */
static void move(struct snap_node *to, unsigned to_at, const struct snap_node *from,
                 unsigned from_at, unsigned n)
{
    memmove(to->sets + to_at, from->sets + from_at, n * sizeof(to->sets[0]));
    if (to->height > 0)
        memmove(to->children + to_at, from->children + from_at, n * sizeof(to->children[0]));
}

int snap_node_own(struct snap_node **link)
{
    struct snap_node *node = *link, *copy;

    /* The last of the others may just have let go, in another thread. */
    if (atomic_load_explicit(&node->count, memory_order_acquire) == 1)
        return 0;
    copy = snap_node_new(node->height);
    if (!copy)
        return -ENOMEM;
    prefetch(node);
    move(copy, 0, node, 0, node->n);
    copy->n = node->n;
    for (unsigned i = 0; i < copy->n; i++) {
        if (copy->height > 0)
            atomic_fetch_add_explicit(&copy->children[i]->count, 1, memory_order_relaxed);
        else
            rrset_ref(copy->sets[i]);
    }
    snap_node_put(node);
    *link = copy;
    return 0;
}

unsigned snap_node_find(const struct snap_node *node, struct str owner, uint16_t type,
                        bool *ret_exact)
{
    unsigned low = 0, high = node->n;

    *ret_exact = false;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        const struct rrset *set = node->sets[middle];
        int d = rrset_key_cmp(rrset_owner_key(set), rrset_type(set), owner, type);
        *ret_exact = *ret_exact || d == 0;
        if (d < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

unsigned snap_node_child(const struct snap_node *node, struct str owner, uint16_t type)
{
    bool exact;
    unsigned at = snap_node_find(node, owner, type, &exact);

    return exact || at == 0 ? at : at - 1;
}

void snap_node_insert(struct snap_node *node, unsigned at, const struct rrset *set,
                      struct snap_node *child)
{
    move(node, at + 1, node, at, node->n - at);
    node->sets[at] = set;
    if (node->height > 0)
        node->children[at] = child;
    node->n++;
}

void snap_node_remove(struct snap_node *node, unsigned at)
{
    node->n--;
    move(node, at, node, at + 1, node->n - at);
}

int snap_node_split(struct snap_node *parent, unsigned at, unsigned keep)
{
    struct snap_node *right;

    int r = snap_node_own(&parent->children[at]);
    if (r < 0)
        return r;
    struct snap_node *left = parent->children[at];
    right = snap_node_new(left->height);
    if (!right)
        return -ENOMEM;
    move(right, 0, left, keep, left->n - keep);
    right->n = (uint16_t)(left->n - keep);
    left->n = (uint16_t)keep;
    snap_node_insert(parent, at + 1, right->sets[0], right);
    return 0;
}

int snap_node_join(struct snap_node *parent, unsigned at)
{
    int r = snap_node_own(&parent->children[at]);
    if (r == 0)
        r = snap_node_own(&parent->children[at + 1]);
    if (r < 0)
        return r;
    struct snap_node *left = parent->children[at], *right = parent->children[at + 1];
    unsigned total = (unsigned)left->n + right->n;
    unsigned keep = total <= SNAP_NODE_MAX ? total : total / 2;
    if (left->n < keep) {
        unsigned n = keep - left->n;
        move(left, left->n, right, 0, n);
        move(right, 0, right, n, right->n - n);
    } else {
        unsigned n = left->n - keep;
        move(right, n, right, 0, right->n);
        move(right, 0, left, keep, n);
    }
    left->n = (uint16_t)keep;
    right->n = (uint16_t)(total - keep);
    if (right->n > 0) {
        parent->sets[at + 1] = right->sets[0];
    } else {
        snap_node_remove(parent, at + 1);
        snap_node_put(right);
    }
    return 0;
}
