/* Trees of src/dns beside a model, a sorted array: keys, random edits of both, and checks that the
 * tree has its shape and the model's content. A failure ends the test. */
#ifndef TESTS_TREE_KIT_H
#define TESTS_TREE_KIT_H

#include "dns_kit.h"
#include "snap_store.h"

#define TREE_NAMES 1500
#define TREE_KEYS (2 * TREE_NAMES)

/* All keys of a test, in order. */
struct tree_model {
    uint32_t ttl[TREE_KEYS]; /* 0: not there */
    size_t n;
};

/* Keys that differ early, late (behind 130 octets that they share), and by their length only. */
void tree_make_names(void);
/* The owner of a key, in DNAME_KEY_MAX octets of the caller. */
struct str tree_key(unsigned key, uint8_t *octets);
uint16_t tree_type(unsigned key);
/* With a TTL that no other has. */
struct rrset *tree_set(unsigned key);

/* Order, uniform depth, fill, separators, totals. */
void tree_assert_shape(const struct snap_store *s);
void tree_assert_content(const struct snap_store *s, const struct tree_model *m);
/* A look-up, and a walk of a few from there. */
void tree_assert_seek(const struct snap_store *s, const struct tree_model *m, unsigned key);

/* Edits of both; what the tree answers. */
int tree_put(struct snap_store **s, struct tree_model *m, unsigned key);
int tree_delete(struct snap_store **s, struct tree_model *m, unsigned key);

unsigned tree_random(unsigned n); /* below n */

/* A stretch of edits that has a direction and a mood: filling up, emptying, both. */
struct tree_mood {
    unsigned puts; /* of 100 edits */
    enum { ANYWHERE, UPWARDS, DOWNWARDS } where;
    unsigned at;
};

struct tree_mood tree_any_mood(void);
int tree_edit(struct snap_store **s, struct tree_model *m, struct tree_mood *mood);

#endif
