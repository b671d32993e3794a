/* Zones with $INCLUDE and $GENERATE: files in memory, outcomes as text. */
#ifndef TESTS_UNIT_DIRECTIVE_KIT_H
#define TESTS_UNIT_DIRECTIVE_KIT_H

#include <betterdns/zonefile.h>

/* The zone's least: SOA, NS, its address. */
#define APEX "@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"

/* What $INCLUDE finds; "refused" is refused, "full" is no memory. */
struct file {
    const char *name, *text;
};

struct run {
    const struct file *files; /* ended by a name of NULL */
    struct str text;
    struct buf records; /* OWNER TTL TYPE VALUE, and the file where that is not the text */
    struct buf errors;  /* as they are shown */
    unsigned nrecords, ngenerated, nerrors, nwarnings, deepest;
    int r;
};

/* The zone example.org, a TTL of 60. */
int directive_setup(void **state);
struct zp_options options_of(struct run *run);
int on_record(void *run, const struct zp_record *record);

struct run parse(const char *text, const struct file *files);
struct run load(const char *text, const struct file *files, struct zp_zone **ret_zone);
void end_run(struct run *run);
/* "OWNER TYPE FILE:LINE FILE:LINE", a set a line. */
struct buf places(const struct zp_zone *z);

void assert_records(const char *text, const struct file *files, const char *want);
/* The first line of what is said. */
void assert_fault(const char *text, const struct file *files, const char *want);
/* All of it. */
void assert_shown(const char *text, const struct file *files, const char *want);

#endif
