/* Domain names in uncompressed wire form (RFC 1035 §3.1), absolute, at most 255 octets, labels of
 * at most 63. */
#ifndef BETTERDNS_DNAME_H
#define BETTERDNS_DNAME_H

#include <betterdns/error.h>
#include <betterdns/str.h>

#define DNAME_MAX 255
#define DNAME_TEXT_MAX 1024 /* every octet as \DDD, dots, final NUL */
#define DNAME_KEY_MAX 512

struct dname {
    uint8_t n;            /* octets used, with the root's; 0: no name */
    uint8_t b[DNAME_MAX]; /* octets beyond n are undefined */
};

/* How a text without a final dot becomes absolute. */
struct dname_rules {
    const struct dname *origin; /* what is appended; NULL: such a text is refused */
    const struct dname
        *zones; /* a text that ends in one of these is absolute already (interface.md, "Names"); the
                   root does not count; NULL in zone files */
    unsigned nzones;
};

/* Presentation form (RFC 1035 §5.1: \X, \DDD, "@" is the origin) to wire form; letters keep their
 * case. -BD_ESYNTAX: empty label, bad escape, empty text, control or non-ASCII byte that is not
 * escaped; -BD_EINVALID: label > 63 or name > 255; -EDESTADDRREQ: relative, and no origin. *ret_at
 * (may be NULL) is the offset of the fault in text. */
int dname_from_text(struct str text, const struct dname_rules *rules, struct dname *ret_name,
                    size_t *ret_at);

/* In words, what such an error at that place means: a literal, for the end of a message. */
const char *dname_fault(int error, struct str text, size_t at);

/* Absolute text with the final dot, NUL-terminated; `. \ " ( ) ; @ $` inside a label get a
 * backslash, octets <= 0x20 or >= 0x7f become \DDD. Returns the length without the NUL. */
size_t dname_to_text(const struct dname *name, char out[DNAME_TEXT_MAX]);

/* The whole wire name at the start of bytes (no compression pointers). Its length, or -BD_ESYNTAX.
 */
int dname_from_wire(const uint8_t *bytes, size_t n, struct dname *ret_name);
/* The length alone. */
int dname_wire_length(const uint8_t *bytes, size_t n);

void dname_fold(struct dname *name); /* A-Z to a-z: owners are kept folded (RFC 4343) */
bool dname_eq(const struct dname *a, const struct dname *b); /* case folded */
int dname_cmp(const struct dname *a, const struct dname *b); /* canonical order, RFC 4034 §6.1 */
bool dname_below(const struct dname *name,
                 const struct dname *apex);      /* equal to apex or under it */
unsigned dname_labels(const struct dname *name); /* the root has 0 */
bool dname_is_root(const struct dname *name);
/* Letters, digits, hyphens (not at a label's ends), underscores; the first label may be "*"
 * (interface.md, "Names"). */
bool dname_is_host(const struct dname *name);
/* Text relative to the apex ("web", "@" for the apex itself), without a final dot; name must be
 * below it. */
size_t dname_to_text_below(const struct dname *name, const struct dname *apex,
                           char out[DNAME_TEXT_MAX]);

/* The key: labels from the root down, folded, each ended by 00 (00 inside as 01 01, 01 as 01 02),
 * so that memcmp (shorter first) is canonical order, and all names below an apex share its key as
 * prefix. Returns its length. */
size_t dname_key(const struct dname *name, uint8_t out[DNAME_KEY_MAX]);
int dname_from_key(const uint8_t *key, size_t n, struct dname *ret_name); /* -BD_ESYNTAX */

#endif
