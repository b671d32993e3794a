/* Nodes of the B+-tree of snap_store.c. A node is counted by the nodes and stores that point to it.
 * A node that only one edit can reach is changed in place, any other is copied first
 * (snap_node_own): what a snapshot holds never changes.
 *
 * A leaf holds RRsets, and counts them. An inner node holds children, and for each child, not
 * counted, the first RRset below it: that RRset lives as long as the child, and its key tells what
 * is where. So the search is the same in all nodes. */
#ifndef DNS_SNAP_NODE_H
#define DNS_SNAP_NODE_H

#include "snap_store.h"

#include <stdatomic.h>

/* Measured: larger nodes make a copy dearer (it touches the count of all that the node holds),
 * smaller ones make more nodes. */
#define SNAP_NODE_MAX 32
/* No node has fewer, but for the root and the right edge, where appending leaves full nodes
 * behind. */
#define SNAP_NODE_MIN (SNAP_NODE_MAX / 4)

struct snap_node {
    atomic_uint count;
    uint16_t n;
    uint16_t height; /* of a leaf: 0 */
    const struct rrset *sets[SNAP_NODE_MAX];
    struct snap_node *children[]; /* SNAP_NODE_MAX in an inner node, none in a leaf */
};

/* An empty one with a count of 1; NULL without memory. */
struct snap_node *snap_node_new(unsigned height);
void snap_node_put(struct snap_node *node); /* NULL is fine; from any thread */
/* Makes the node at a link that nobody else reads one that nobody else reads. -ENOMEM: as it was.
 */
int snap_node_own(struct snap_node **link);

/* How many of the node's sets have a smaller key. ret_exact: the next one has this very key. */
unsigned snap_node_find(const struct snap_node *node, struct str owner, uint16_t type,
                        bool *ret_exact);
/* The child that holds the key, if any does. */
unsigned snap_node_child(const struct snap_node *node, struct str owner, uint16_t type);

/* The rest takes owned nodes, and takes over the counts that it is given. */
void snap_node_insert(struct snap_node *node, unsigned at, const struct rrset *set,
                      struct snap_node *child);
void snap_node_remove(struct snap_node *node, unsigned at); /* puts nothing */
/* Splits a child: it keeps so many of its entries, a new one to its right gets the others. -ENOMEM:
 * all have what they had. */
int snap_node_split(struct snap_node *parent, unsigned at, unsigned keep);
/* Makes one of a child and its neighbour to the right, or evens the two out. -ENOMEM as above. */
int snap_node_join(struct snap_node *parent, unsigned at);

#endif
