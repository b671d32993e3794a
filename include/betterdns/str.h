/* Text and bytes as views with a length. A view owns nothing and is not terminated by a NUL. */
#ifndef BETTERDNS_STR_H
#define BETTERDNS_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

struct str {
    const char *p; /* may be NULL only where n is 0 */
    size_t n;
};

/* A view of a string literal. */
#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
/* For printf's "%.*s". */
#define STR_ARG(s) (int)(s).n, (s).p ? (s).p : ""

static inline struct str str_c(const char *text)
{
    return (struct str){text, text ? strlen(text) : 0};
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* ASCII only, independent of the locale: names, header fields and keywords are ASCII. */
static inline unsigned char ascii_lower(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : c;
}

static inline bool ascii_digit(int c)
{
    return c >= '0' && c <= '9';
}

bool str_eq_fold(struct str a, struct str b); /* equal but for the case of ASCII letters */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
struct str str_trim(struct str s); /* without blanks and tabs at both ends */

/* Takes the part before the first sep off *rest (all of it where there is no sep). False when *rest
 * was empty. */
bool str_cut(struct str *rest, char sep, struct str *ret_head);

/* Decimal digits only, no sign, no blanks. -EINVAL: not a number; -ERANGE: above max. */
int str_u64(struct str s, uint64_t max, uint64_t *ret_value);
#define STR_U64_MAX 20
/* The other way: writes at most STR_U64_MAX digits, no NUL; returns their end. */
char *str_put_u64(char *to, uint64_t value);

/* "64KiB", "1MiB", "1GiB", or bytes as a bare number. -EINVAL: not that; -ERANGE: too large. */
int str_size(struct str s, uint64_t *ret_bytes);

/* The edit distance of two short words (64 bytes at most; neighbours that changed places count as
 * one edit), for "did you mean"; SIZE_MAX where one is longer. */
size_t str_distance(struct str a, struct str b);

/* "Did you mean": try every candidate, then best is the nearest one (letters' case does not count),
 * or has n 0 where none is near. Starts as {.word = …}. */
struct str_nearest {
    struct str word, best;
    size_t distance;
};
void str_nearest_try(struct str_nearest *n, struct str candidate);

/* The bytes of the first UTF-8 character (RFC 3629) and its code point; 0: none, or not
 * well-formed. */
unsigned str_utf8(struct str s, uint32_t *ret_code);
/* The same, but 0 too for what could act on a terminal or forge a line: control characters, line
 * separators, direction marks. */
unsigned str_printable(struct str s);
/* Ends a text of n octets, of which not all came into its size octets (4 at least), in "...",
 * behind a whole character. */
void str_mark_cut(char *text, size_t n, size_t size);
/* vsnprintf; what is too long ends so, and what cannot be formatted is empty. */
void str_vformat(char *out, size_t size, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));
void str_format(char *out, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A NUL-terminated copy, to be freed; NULL without memory. */
char *str_dup(struct str s);

#endif
