/* Rdata field by field: what parser, printer, check and comparator share. A field of the table of
 * types (enum rdata_field) is of a kind; each kind is a constant of its own, in the file of its
 * family, and rdata_kinds lists them. */
#ifndef DNS_RDATA_H
#define DNS_RDATA_H

#include <betterdns/rrtype.h>

/* One rdata that is being read from text. */
struct rdata_reader {
    struct lexer *lx;
    uint16_t type;
    const struct rrtype *row;      /* NULL: none */
    const struct rdata_kind *kind; /* of the field in work */
    const struct dname_rules *rules;
    struct rdata *to; /* what was read of it so far */
};

/* A number that has a name too. */
struct rdata_word {
    const char *name;
    uint16_t value;
};

struct rdata_kind {
    /* The octets that the field takes at `at` of rdata's n (at <= n); -1: it is not well-formed
     * there. The fields before it are. */
    int (*length)(const struct rdata_kind *kind, const uint8_t *rdata, size_t at, size_t n);
    /* From the token t, and further ones where the field takes several words. */
    int (*read)(struct rdata_reader *rd, struct lex_token t);
    /* length octets at `at`, which are well-formed. */
    void (*write)(const struct rdata_kind *kind, struct buf *out, const uint8_t *rdata, size_t at,
                  size_t length);
    uint8_t size;  /* octets, where it is always the same; length is NULL then */
    bool fold;     /* compared without the case of letters (RFC 4034 §6.2) */
    bool optional; /* without octets it has no text either */
    uint8_t least; /* octets, of a field up to the end of rdata */
    /* Of a digest: its octets by its type, which is the octet before it; 0 or beyond: any. */
    const uint8_t *sizes;
    uint8_t nsizes;
    const struct rdata_word *words; /* ends with a NULL */
    const char *what;               /* in messages: "an algorithm" */
};

extern const struct rdata_kind rdata_u8, rdata_u16, rdata_u32, rdata_seconds, rdata_time,
    rdata_type, rdata_algorithm, rdata_cert_type;
extern const struct rdata_kind rdata_ipv4, rdata_ipv6, rdata_apl;
extern const struct rdata_kind rdata_domain, rdata_domain_exact, rdata_gateway;
extern const struct rdata_kind rdata_string, rdata_strings, rdata_tag, rdata_text, rdata_uri;
extern const struct rdata_kind rdata_base64, rdata_key, rdata_salt, rdata_base32, rdata_ds_digest,
    rdata_sshfp_digest, rdata_tlsa_digest, rdata_zonemd_digest;
extern const struct rdata_kind rdata_eui48, rdata_eui64, rdata_node;
extern const struct rdata_kind rdata_bitmap, rdata_bitmap_or_none;
extern const struct rdata_kind rdata_loc, rdata_svcparams;

extern const struct rdata_kind *const rdata_kinds[RDATA_NFIELDS];

static inline int rdata_length(const struct rdata_kind *kind, const uint8_t *rdata, size_t at,
                               size_t n)
{
    if (kind->length)
        return kind->length(kind, rdata, at, n);
    return kind->size <= n - at ? kind->size : -1;
}

/* ---- for kinds: reading ------------------------------------------------------------------- */

/* What a message quotes of the user's text: printable, and not too long. */
struct rdata_quote {
    char text[72];
};
struct rdata_quote rdata_quote(struct str s);
/* "'TOKEN' FORMAT", pointing at the token, with the type's example as the hint. Returns code. */
int rdata_wrong(struct rdata_reader *rd, struct lex_token t, int code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The same for n bytes of the token, from its byte `at` on. */
int rdata_wrong_part(struct rdata_reader *rd, struct lex_token t, size_t at, size_t n,
                     const char *what);
/* The type's example as the hint. */
void rdata_hint_example(struct rdata_reader *rd);
/* Room for n more octets; NULL (and an error) where the record would become too long. */
uint8_t *rdata_room(struct rdata_reader *rd, struct lex_token t, size_t n);
int rdata_put(struct rdata_reader *rd, struct lex_token t, const void *octets, size_t n);
/* The next word: 1; 0 where there is none before the line's end, which stays; an error. */
int rdata_more(struct rdata_reader *rd, struct lex_token *ret_token);
/* The next word, which must follow. */
int rdata_take(struct rdata_reader *rd, struct lex_token *ret_token);
/* A decimal number in a word. -EINVAL, -ERANGE. */
int rdata_number(struct lex_token t, uint32_t max, uint32_t *ret_value);
/* NULL, or what is wrong with the address. */
const char *rdata_ipv4_from_text(struct str text, uint8_t out[4]);
bool rdata_ipv6_from_text(struct str text, uint8_t out[16]);
/* 0 to 15, -1. */
int rdata_hex_digit(char c);
/* Base64 in one piece, padded, to out of size octets: their number, or -1. */
int rdata_base64_from_text(struct str text, uint8_t *out, size_t size);

/* ---- for kinds: writing ------------------------------------------------------------------- */

void rdata_add_number(struct buf *out, uint32_t value);
void rdata_add_ipv4(struct buf *out, const uint8_t *p);
void rdata_add_ipv6(struct buf *out, const uint8_t *p);
void rdata_add_quoted(struct buf *out, const uint8_t *p, size_t n);
void rdata_add_hex(struct buf *out, const uint8_t *p, size_t n); /* upper case */
void rdata_add_base64(struct buf *out, const uint8_t *p, size_t n);

static inline uint16_t wire_u16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t wire_u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void wire_put_u16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void wire_put_u32(uint8_t *p, uint32_t v)
{
    wire_put_u16(p, (uint16_t)(v >> 16));
    wire_put_u16(p + 2, (uint16_t)v);
}

#endif
