/* A skip list (W. Pugh, 1990) of pending edits. */
#include "snap_list.h"

#include <stdlib.h>

struct snap_list_node {
    struct snap_change change;
    unsigned levels;
    struct snap_list_node *next[]; /* one a level; the owner's octets follow */
};

void snap_list_init(struct snap_list *l)
{
    *l = (struct snap_list){.random = 2463534242U};
}

void snap_list_clear(struct snap_list *l)
{
    struct snap_list_node *node = l->first[0], *next;

    for (; node; node = next) {
        next = node->next[0];
        rrset_put(node->change.set);
        free(node);
    }
    snap_list_init(l);
}

static int cmp(const struct snap_list_node *node, struct str owner, uint16_t type)
{
    return snap_key_cmp(node->change.owner, node->change.type, owner, type);
}

/* On each level, the last node before the key; NULL: the key stands before all. */
static void find_before(const struct snap_list *l, struct str owner, uint16_t type,
                        struct snap_list_node *before[SNAP_LIST_LEVELS])
{
    struct snap_list_node *at = NULL;

    for (int level = SNAP_LIST_LEVELS - 1; level >= 0; level--) {
        struct snap_list_node *next = at ? at->next[level] : l->first[level];
        while (next && cmp(next, owner, type) < 0) {
            at = next;
            next = at->next[level];
        }
        before[level] = at;
    }
}

struct snap_change *snap_list_seek(const struct snap_list *l, struct str owner, uint16_t type)
{
    struct snap_list_node *before[SNAP_LIST_LEVELS];

    if (!l->last[0] || cmp(l->last[0], owner, type) < 0)
        return NULL;
    find_before(l, owner, type, before);
    struct snap_list_node *node = before[0] ? before[0]->next[0] : l->first[0];
    return &node->change; /* there is one: the last is not before the key */
}

struct snap_change *snap_list_find(const struct snap_list *l, struct str owner, uint16_t type)
{
    struct snap_change *c = snap_list_seek(l, owner, type);

    return c && snap_key_cmp(c->owner, c->type, owner, type) == 0 ? c : NULL;
}

/* How many levels the next node is on. */
static unsigned throw_dice(struct snap_list *l)
{
    unsigned levels = 1;

    l->random ^= l->random << 13; /* xorshift (G. Marsaglia, 2003) */
    l->random ^= l->random >> 17;
    l->random ^= l->random << 5;
    for (uint32_t bits = l->random; levels < SNAP_LIST_LEVELS && (bits & 3) == 0; bits >>= 2)
        levels++;
    return levels;
}

int snap_list_add(struct snap_list *l, struct str owner, uint16_t type, struct rrset *set)
{
    struct snap_list_node *before[SNAP_LIST_LEVELS], *node;
    unsigned levels = throw_dice(l);

    node = malloc(sizeof(*node) + levels * sizeof(node->next[0]) + owner.n);
    if (!node)
        return -ENOMEM;
    char *octets = (char *)(node->next + levels);
    if (owner.n > 0)
        memcpy(octets, owner.p, owner.n);
    node->change = (struct snap_change){{octets, owner.n}, type, set};
    node->levels = levels;
    if (l->last[0] && cmp(l->last[0], owner, type) < 0)
        memcpy(before, l->last, sizeof(before)); /* an import comes in order */
    else
        find_before(l, owner, type, before);
    for (unsigned i = 0; i < levels; i++) {
        struct snap_list_node **link = before[i] ? &before[i]->next[i] : &l->first[i];
        node->next[i] = *link;
        *link = node;
        if (!node->next[i])
            l->last[i] = node;
    }
    l->n++;
    return 0;
}

void snap_list_copy(const struct snap_list *l, struct snap_change *out)
{
    for (const struct snap_list_node *node = l->first[0]; node; node = node->next[0])
        *out++ = node->change;
}
