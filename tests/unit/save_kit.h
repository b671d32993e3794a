/* Saves of the first zone's file, as people make them: an export, edited as text, and saved. */
#ifndef SAVE_KIT_H
#define SAVE_KIT_H

#include "base.h"
#include "registry_kit.h"

struct savekit {
    struct regkit k;
    struct saved saved;   /* of the last save */
    char notes[4096];     /* its notes */
    bool accept;          /* the operator says yes */
    base_rule_fn *rule;   /* NULL: the product's */
    uint64_t patience_ns; /* 0: a minute */
};

/* Opens a registry whose first zone has, by hand: SOA with serial 7, NS, ns1, www A .80 and .81
 * with TTL 60, mail MX, old TXT; as change 1 of an import. */
void savekit_start(struct savekit *s);
/* The same, and the zone file includes this one, which is written beside it. */
void savekit_start_with(struct savekit *s, const char *name, const char *text);
/* Writes a file that can be included. */
void savekit_include(struct savekit *s, const char *name, const char *text);
void savekit_end(struct savekit *s);
/* The same for cmocka: one kit, which is the state of each test. */
int savekit_make(void **state);   /* savekit_start */
int savekit_remove(void **state); /* savekit_end */

/* The file as betterdns exports it now, with its marker; to be freed. */
char *savekit_export(struct savekit *s);
/* The same text edited; the old one is freed. */
char *savekit_with(char *text, const char *line);
char *savekit_without(char *text, const char *part); /* without the lines that have the part */
char *savekit_replace(char *text, const char *from, const char *to); /* in one line */

/* What the registry is told of the file that holds the text. */
struct hash128 savekit_content(const char *text);
/* registry_save's result; the problem is in s->k.problem. */
int savekit_save(struct savekit *s, const char *text);
/* The same; the verdict is asserted, and the text freed. */
void savekit_expect(struct savekit *s, char *text, enum save_verdict verdict);

/* A save by a thread of its own: savekit_main with this as its argument. */
struct savejob {
    struct savekit *s;
    const char *file;
    int result;
};
void *savekit_main(void *job);

/* "ttl value|value" or "-", and its registrations, as regkit_records and regkit_registrations. */
#define ASSERT_RECORDS(s, name, type, expected)                                                    \
    assert_string_equal(regkit_records(&(s)->k, name, type), expected)
#define ASSERT_REGISTRATIONS(s, name, type, expected)                                              \
    assert_string_equal(regkit_registrations(&(s)->k, name, type), expected)
#define ASSERT_NOTE(s, part) assert_non_null(strstr((s)->notes, part))

#endif
