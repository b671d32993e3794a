/* The style of the lines around a place. */
#ifndef ZONEFILE_PARSER_EDIT_STYLE_H
#define ZONEFILE_PARSER_EDIT_STYLE_H

#include "edit.h"

enum edit_field { TTL, CLASS, TYPE, RDATA, EDIT_NFIELDS };

/* How a field stands in a line. */
struct edit_spot {
    size_t column, before; /* where it begins, and where what is before it ends */
    size_t nblanks;
    bool tabs;
    bool first;       /* nothing but the owner comes before */
    bool after_blank; /* … and that is inherited */
};

#define EDIT_LINES_BEFORE 8
#define EDIT_LINES_MAX 16

struct edit_samples {
    struct edit_spot spots[EDIT_NFIELDS][EDIT_LINES_MAX];
    size_t n[EDIT_NFIELDS];
    /* TTLs: the columns behind them, and the blanks there. */
    size_t ttl_end[EDIT_LINES_MAX], ttl_gap[EDIT_LINES_MAX];
    size_t nbehind;         /* TTLs behind their class */
    bool own[EDIT_NFIELDS]; /* the first spot is the model's, which is of the same owner */
    bool own_type;          /* … and type */
    bool indented;          /* blank owners are an indent, not as wide as the owner above them */
    size_t nlower;          /* types in small letters */
    size_t nlines, nabsolute, nrelative; /* lines that are records; their owners */
    size_t absolute_data, relative_data; /* names in rdata */
    struct str ttl;                      /* the nearest one, for its spelling */
};

/* Where a field begins in these lines. */
struct edit_rule {
    size_t column; /* 0: in none in particular */
    bool tabs;
};

/* Reads the lines around the one that begins at start: the model's. */
void zp_edit_look(const struct edit *e, const char *start, struct edit_samples *s);
/* For a field that comes first in a line with a blank owner, or not; what is written ends at the
 * column now. */
struct edit_rule zp_edit_rule(const struct edit_samples *s, enum edit_field field, bool after_blank,
                              size_t now);

#endif
