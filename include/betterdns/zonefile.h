/* Zone files (RFC 1035 §5, RFC 2308 §4, RFC 3597): text to records and back. No threads, no
 * logging, no global state: all of it may run in several threads at once, and inside its own
 * callbacks. $GENERATE is BIND's; what an included file says of $ORIGIN, $TTL and the last owner
 * ends with it. A BOM, a NUL byte, a line end in quotes, a TTL above 2^31-1 (RFC 2181 §8), a class
 * other than IN and a type that is only asked for (RFC 6895 §3.1) are errors. Octets above 0x7f
 * stand for themselves in owner names and strings. */
#ifndef BETTERDNS_ZONEFILE_H
#define BETTERDNS_ZONEFILE_H

#include <betterdns/rrset.h>

struct zp_record {
    struct dname owner; /* case as written */
    uint32_t ttl;
    uint16_t type;
    uint16_t class;       /* 1 (IN): zp_parse refuses others */
    const uint8_t *rdata; /* wire form; valid during the call */
    uint16_t nrdata;
    struct str span; /* its bytes in the text, from the start of its line; with its line end */
    const char *at;  /* its first token */
    unsigned file;   /* where span and at are: 0: the text; else the n-th file that was included,
                        from 1, in order of the directives */
    bool generated;  /* made by $GENERATE: span and at are the directive's */
};

/* A file that $INCLUDE names. Both stay the caller's, and as they are until zp_parse returns, or
 * until the zp_zone made of them is freed. The same text at the same address is the same file: one
 * that includes itself is refused. */
struct zp_source {
    const char *name; /* for messages */
    struct str text;
};
/* Finds a file. name: as written, without quotes and escapes; depth: 1 for what the text itself
 * includes. 0; or a negative error: the directive is refused, and ret_source->name may say why in a
 * sentence (else NULL: the error's own). -ENOMEM ends the parse. Not called beyond depth 7. */
typedef int zp_include_fn(void *arg, struct str name, unsigned depth, struct zp_source *ret_source);

/* Called for each record in file order. Not 0: the parse ends at once with that value. */
typedef int zp_record_fn(void *arg, const struct zp_record *record);

struct zp_error {
    unsigned line, column;      /* from 1, in bytes */
    bool warning;               /* odd, but not refused: a forgotten final dot, TTLs that differ */
    const char *at;             /* in the text */
    size_t n;                   /* bytes at fault, at least 1 */
    const char *message, *hint; /* printable; hint may be NULL; valid during the call */
    const char *file;           /* NULL: the text itself; else the included file's name, */
    struct str text;            /* and its text */
};
/* Every error and warning, not only the first. */
typedef void zp_error_fn(void *arg, const struct zp_error *error);

struct zp_options {
    struct dname origin; /* of the zone, and the first $ORIGIN */
    /* Where neither $TTL nor an earlier TTL says one. UINT32_MAX: then it is an error, but for an
     * SOA, whose minimum counts. */
    uint32_t default_ttl;
    bool any_owner;        /* records outside the origin pass; else they are errors */
    unsigned max_errors;   /* then it gives up, and a last warning says so; 0: 100 */
    zp_error_fn *on_error; /* may be NULL */
    void *error_arg;
    zp_include_fn *include; /* NULL: $INCLUDE is refused */
    void *include_arg;
};

/* One pass, one allocation a call (and a few for a $GENERATE). 0; -BD_ESYNTAX when there was any
 * error (records before and after it were still reported: use them only after a 0; those that
 * inherit a bad owner are not); -ENOMEM; or what fn returned. */
int zp_parse(struct str text, const struct zp_options *options, zp_record_fn *fn, void *arg);

/* file:line:column: error: message (hint)
 *   6 | the source line
 *     | ^~~~                    Long lines are cut around the place; control bytes are shown as
 * '?'. */
void zp_error_format(const char *file, struct str text, const struct zp_error *error,
                     struct buf *out);

/* A zone's own rules over all its records, in any order. Errors: an SOA at the apex and nowhere
 * else, an NS there, no CNAME beside other data (but RRSIG, NSEC, KEY), one CNAME and one DNAME a
 * name (RFC 6672 §2.4). Warnings, which refuse nothing: repeated records, which fold into the
 * first; TTLs of an RRset that differ, of which the first counts; what a DNAME or a delegation
 * hides; a delegation without its glue (RFC 1034 §4.2.1); an NS, MX or SRV that names an alias (RFC
 * 2181 §10.3) or nothing in the zone. A hundred errors and a hundred warnings at most, each in the
 * text's order. any_owner is ignored. 0; -BD_ESYNTAX as zp_parse; -BD_EINVALID: a rule is broken;
 * -ENOMEM. */
struct zp_zone; /* collected records */
int zp_zone_load(struct str text, const struct zp_options *options, struct zp_zone **ret_zone);
void zp_zone_free(struct zp_zone *z);
size_t zp_zone_nrrsets(const struct zp_zone *z);
/* RRsets in canonical order, SOA as any other; the views live as long as z. ret_owner may be NULL.
 */
void zp_zone_rrset(const struct zp_zone *z, size_t i, struct dname *ret_owner, uint16_t *ret_type,
                   uint32_t *ret_ttl, struct rdset *ret_rdatas);
struct str zp_zone_key(const struct zp_zone *z, size_t i); /* dname_key of its owner; a view */
uint32_t zp_zone_serial(const struct zp_zone *z);
/* Where the j-th record of the i-th RRset stands: the file as in zp_record, the line from 1. Of
 * repeated records the first. */
void zp_zone_where(const struct zp_zone *z, size_t i, uint32_t j, unsigned *ret_file,
                   unsigned *ret_line);
unsigned zp_zone_nfiles(const struct zp_zone *z);                 /* that were included */
const char *zp_zone_file(const struct zp_zone *z, unsigned file); /* its name; file from 1 */

/* The text tidied up: one column each for owner, TTL, class, type and rdata, one for the comments
 * of neighbouring lines. Lines, words, comments, their order and the line end stay; $INCLUDE (which
 * is not read), $GENERATE, and records with a group around their type, stay to the letter. The same
 * records in the same order; the tidied text does not change any more. Of the options, origin,
 * max_errors and on_error count. 0; -BD_ESYNTAX as zp_parse; -ENOMEM: then out is of no use. */
int zp_fmt(struct str text, const struct zp_options *options, struct buf *out);

/* The canonical writer, streaming: absolute names, one record a line, "owner TTL IN TYPE rdata". */
void zp_write_rrset(const struct dname *owner, uint16_t type, uint32_t ttl,
                    const struct rdset *rdatas, struct buf *out);
/* The same for a server's copy: rdata as rdata_to_server_text has it, nothing of types that the
 * server refuses (RRTYPE_UNSERVED). */
void zp_write_served(const struct dname *owner, uint16_t type, uint32_t ttl,
                     const struct rdset *rdatas, struct buf *out);
/* One record in the corpus' spelling: owner ttl CLASSn TYPEn \# length HEX. */
void zp_write_canonical(const struct zp_record *record, struct buf *out);
/* The people's spelling of an RRset: names relative to the origin, columns; used for a file that
 * betterdns makes itself. */
void zp_write_people(const struct dname *owner, const struct dname *origin, uint16_t type,
                     uint32_t ttl, const struct rdset *rdatas, struct buf *out);

/* The marker of an export (design.md, "The people's file" 1): "; betterdns base=SEQ HASH". */
void zp_write_marker(uint64_t seq, const struct hash128 *hash, struct buf *out);
/* The first such line of a text; -BD_ENOTFOUND. */
int zp_find_marker(struct str text, uint64_t *ret_seq, struct hash128 *ret_hash);

/* ---- editing ---- */

/* What an RRset shall be from now on. */
struct zp_edit_set {
    struct dname owner;
    uint16_t type;
    uint32_t ttl;
    struct rdset rdatas; /* count 0: none */
};

struct zp_edits {
    const struct zp_edit_set *sets; /* in canonical order, at most one an (owner, type) */
    size_t nsets;
    /* A line with its end, which takes the place of the first marker of the text, or comes first
     * where there is none; n 0: the text's marker stays. */
    struct str marker;
};

/* The new text, piece by piece, in order. A piece lives as long as the call. Not 0: ends the edit
 * with that value. */
typedef int zp_text_fn(void *arg, struct str piece);

/* Rewrites a zone file so that these RRsets are as wanted; all else stays byte for byte: comments,
 * blank lines, order, spacing, directives, line ends, the records of other RRsets. What a record
 * inherits (owner, TTL) is written out where it would be lost. New records stand beside their like,
 * in the spelling of their neighbours. A $GENERATE of which a record changes becomes a comment with
 * its records behind it. Nothing is told before it is all known: an error leaves fn uncalled. A set
 * that is as wanted already changes nothing. Records of included files are not the text's: where a
 * set wants one of them changed or gone, or one would inherit something else, -BD_ECONFLICT, and
 * *ret_where (may be NULL) is the index of the set. -BD_ESYNTAX: the text is no zone file; -ENOMEM.
 * options->on_error is not called. One pass over the text, and three more where an owner is new;
 * memory for what changes, not for what stays. */
int zp_edit(struct str text, const struct zp_options *options, const struct zp_edits *edits,
            zp_text_fn *fn, void *arg, size_t *ret_where);

#endif
