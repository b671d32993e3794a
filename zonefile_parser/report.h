/* Errors and warnings on their way to the caller: places found, texts made printable, floods
 * capped. */
#ifndef ZONEFILE_PARSER_REPORT_H
#define ZONEFILE_PARSER_REPORT_H

#include <betterdns/zonefile.h>

/* A text of a zone, and how far its lines are counted. */
struct zp_text {
    const char *name; /* NULL: the text itself */
    struct str text;
    const char *at;
    unsigned line; /* of at */
};

struct zp_report {
    struct str text;
    const char *file; /* NULL, or the included file's name: then text is its */
    /* Of a whole zone: text, then the files that were included; an error is of the one that it
     * points into. */
    const struct zp_text *texts;
    size_t ntexts;
    const struct zp_options *options;
    /* While $GENERATE makes records: where errors and warnings are to point; of warnings one. */
    struct str place;
    bool placed; /* that one */
    unsigned errors, warnings;
    bool full; /* as many errors as the caller wanted to see: stop */
};

void zp_report_start(struct zp_report *rp, struct str text, const struct zp_options *options);
/* Of a whole zone: the text that the place is in. */
const struct zp_text *zp_report_text(const struct zp_report *rp, const char *at);
void zp_report_error(struct zp_report *rp, const struct lex_error *error);
void zp_report_warning(struct zp_report *rp, const struct lex_error *error);

/* Fills an error without a hint. */
void zp_error_set(struct lex_error *error, const char *at, size_t n, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The name of an included file that has none. */
#define ZP_UNNAMED "an included file"

/* For "%.*s" in messages: a token, cut where it is long. */
#define ZP_SHOWN(s) ((s).n < 60 ? (int)(s).n : 60), (s).p

#endif
