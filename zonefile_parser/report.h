/* Errors and warnings on their way to the caller: places found, texts made printable, floods
 * capped. */
#ifndef ZONEFILE_PARSER_REPORT_H
#define ZONEFILE_PARSER_REPORT_H

#include <betterdns/zonefile.h>

struct zp_report {
    struct str text;
    const struct zp_options *options;
    unsigned errors, warnings;
    bool full; /* as many errors as the caller wanted to see: stop */
};

void zp_report_start(struct zp_report *rp, struct str text, const struct zp_options *options);
void zp_report_error(struct zp_report *rp, const struct lex_error *error);
void zp_report_warning(struct zp_report *rp, const struct lex_error *error);

/* Fills an error without a hint. */
void zp_error_set(struct lex_error *error, const char *at, size_t n, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* How many octets of a printable UTF-8 character stand at p, at most n; 0: a control or a stray
 * octet, to be shown as '?'. */
size_t zp_printable(const char *p, size_t n);

/* For "%.*s" in messages: a token, cut where it is long. */
#define ZP_SHOWN(s) ((s).n < 60 ? (int)(s).n : 60), (s).p

#endif
