/* Pending edits of one zone, in order of key: a skip list, so that edits in any order are cheap and
 * edits in order cheaper still. */
#ifndef DNS_SNAP_LIST_H
#define DNS_SNAP_LIST_H

#include "snap_store.h"

#define SNAP_LIST_LEVELS 12 /* with a quarter of each level on the next: good for 4^12 edits */

struct snap_list_node;

struct snap_list {
    struct snap_list_node *first[SNAP_LIST_LEVELS];
    struct snap_list_node *last[SNAP_LIST_LEVELS]; /* NULL while a level is empty */
    size_t n;
    uint32_t random; /* state of the dice; any number but 0 */
};

void snap_list_init(struct snap_list *l);
/* Frees nodes and puts RRsets. */
void snap_list_clear(struct snap_list *l);
/* The edit with exactly this key, or NULL. Its set may be replaced: the list owns one count of it.
 */
struct snap_change *snap_list_find(const struct snap_list *l, struct str owner, uint16_t type);
/* The first edit at or after a key, or NULL. */
struct snap_change *snap_list_seek(const struct snap_list *l, struct str owner, uint16_t type);
/* Adds an edit whose key is not in the list yet; takes over the count of set on success. -ENOMEM.
 */
int snap_list_add(struct snap_list *l, struct str owner, uint16_t type, struct rrset *set);
/* All edits in order, l->n of them. */
void snap_list_copy(const struct snap_list *l, struct snap_change *out);

#endif
