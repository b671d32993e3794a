/* YAML as configurations need it: maps, lists and texts, each with its place. Aliases, anchors,
 * tags, duplicate keys, several documents and deep nesting are refused; JSON is YAML. */
#ifndef CONFIG_YAML_H
#define CONFIG_YAML_H

#include <betterdns/buf.h>
#include <betterdns/pool.h>

/* What is wrong, a line each: "file:line:column: sentence". */
struct faults {
    const char *file;
    struct buf *out;
    unsigned n;
    bool no_memory;
};

enum node_kind { NODE_TEXT, NODE_LIST, NODE_MAP };

struct node {
    enum node_kind kind;
    bool plain;            /* a text without quotes: true, null and numbers are meant as such */
    unsigned line, column; /* from 1; 0: not from a file */
    struct str text;
    unsigned n;         /* members */
    struct node *first; /* member of a list or map */
    struct node *last, *next;
    struct node *key; /* of a member of a map */
};

/* Adds a line, but no more than 20 of them. */
void fault(struct faults *f, const struct node *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The tree of text, in the pool; *ret_root is NULL for a text without content, and for one that
 * could not be read to its end: nothing else is sure then. Duplicate keys do not end it, so that
 * all faults are said. -BD_EINVALID when there was any, -ENOMEM. */
int yaml_tree(struct pool *pool, struct str text, struct faults *faults, struct node **ret_root);

bool node_is_null(const struct node *n); /* null, ~ or nothing, without quotes; NULL too */
/* The member of a map; NULL where there is none (or no map). */
struct node *node_member(const struct node *map, struct str key);

#endif
