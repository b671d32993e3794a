/* What the files of the fast path share. Nobody asks for the end of the text there: a line that is
 * read has a line end, at which every loop stops, and room behind it, so that whole words can be
 * loaded. The functions return where they have stopped, or NULL for what is left to the complete
 * parser. */
#ifndef ZONEFILE_PARSER_FAST_H
#define ZONEFILE_PARSER_FAST_H

#include "parser.h"

static inline bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static inline const char *skip_blanks(const char *p)
{
    while (is_blank(*p))
        p++;
    return p;
}

/* At least one. */
static inline const char *take_blanks(const char *p)
{
    return is_blank(*p) ? skip_blanks(p + 1) : NULL;
}

/* A-Z a-z 0-9 - _ * and /: octets that mean themselves in a name. */
static inline bool is_plain(char c)
{
    static const uint64_t plain[4] = {UINT64_C(0x03ffa40000000000), UINT64_C(0x07fffffe87fffffe)};

    return plain[(unsigned char)c >> 6] >> ((unsigned char)c & 63) & 1;
}

/* At most nine digits, so that nothing overflows. */
static inline const char *take_number(const char *p, uint32_t *ret_value)
{
    const char *start = p;
    uint32_t value = 0;

    for (; ascii_digit(*p); p++)
        value = value * 10 + (uint32_t)(*p - '0');
    *ret_value = value;
    return p > start && p - start <= 9 ? p : NULL;
}

/* A name in wire form; NULL too where the complete parser would have something to say about it. */
const char *zp_fast_name(const char *p, const struct zp_origin *origin, uint8_t out[DNAME_MAX],
                         size_t *ret_n, bool *ret_absolute);
/* A value of this type. */
const char *zp_fast_value(const char *p, uint16_t type, const struct zp_origin *origin,
                          struct rdata *to);

#endif
