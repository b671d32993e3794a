/* Zone files as random people write them. */
#ifndef TESTS_SPELLING_KIT_H
#define TESTS_SPELLING_KIT_H

#include "edit_kit.h"

#define KIT_NO_SET SIZE_MAX
#define KIT_GENERATED 4 /* records of owners g-1, g-2, …, which one $GENERATE makes */

extern uint64_t kit_state; /* of the numbers: what follows from it is always the same */
unsigned kit_draw(unsigned below);
bool kit_chance(unsigned percent);
uint32_t kit_random_ttl(void);
bool kit_is_generated(const struct dname *owner);

/* A text as it grows, with what is in force at its end, and what each line is. */
struct kit_spelling {
    struct buf text;
    const struct kit_zone *zone;
    struct dname zone_origin, origin, owner;
    uint32_t dollar_ttl, last_ttl;
    bool crlf, tabs, wild; /* wild: parentheses and comments everywhere */
    struct {
        size_t set;    /* KIT_NO_SET: a comment, a blank line, a directive */
        bool inherits; /* it may change when others do */
    } lines[2000];
    size_t nlines;
    bool included[256]; /* sets of the zone that stand in a file */
    struct buf file;
    bool file_inherits; /* its first record inherits from those before it, or may do so */
};

/* Writes a zone into w->text, with the parts that were drawn to be included in w->file. */
void kit_write_zone(struct kit_spelling *w, const struct kit_zone *z, const struct dname *origin);

#endif
