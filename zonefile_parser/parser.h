/* What the parser's slow and fast paths share. */
#ifndef ZONEFILE_PARSER_PARSER_H
#define ZONEFILE_PARSER_PARSER_H

#include "report.h"

#define ZP_CLASS_IN 1
#define ZP_NO_TTL UINT32_MAX
#define ZP_INCLUDE_MAX 7 /* files inside files */
/* Octets of all files that one text includes, each time that it does; each counts for at least
 * ZP_INCLUDED_LEAST, so that empty ones have an end too. */
#define ZP_INCLUDED_MAX ((size_t)256 << 20)
#define ZP_INCLUDED_LEAST ((size_t)4096)
#define ZP_FILE_NAME_MAX 4096           /* octets of what $INCLUDE names */
#define ZP_GENERATE_MAX UINT32_C(65536) /* records of one $GENERATE */

/* The present $ORIGIN, and what is asked of it at each name. */
struct zp_origin {
    struct dname name;
    struct dname twice; /* "example.org.example.org."; n 0: there is no such name */
    bool inside;        /* of the zone */
};

struct zp_parser {
    struct lexer lx;
    const char *line;                    /* the start of the present line, or of its first */
    struct str open[ZP_INCLUDE_MAX + 1]; /* the texts inside each other, the present one at depth */
    unsigned depth;                      /* 0: in the text that zp_parse was given */
    unsigned nfiles;                     /* included so far */
    size_t included;                     /* their octets */
    bool ended;                          /* the present text */
    const struct zp_options *options;
    zp_record_fn *fn;
    void *arg;
    const char *fast_end; /* the last line end that lines for zp_fast_record may have; NULL: none */
    struct zp_origin origin;
    struct str owner_text; /* the spelling of record.owner under this origin; n 0: unknown */
    uint32_t dollar_ttl;   /* $TTL, or ZP_NO_TTL */
    uint32_t last_ttl;     /* the TTL of the record before, or ZP_NO_TTL */
    bool no_owner; /* the last owner was bad: lines that inherit it are checked, but not reported */
    bool done;
    int result;              /* of fn */
    struct zp_record record; /* the present one; its owner stays for lines with a blank owner */
    struct zp_report report;
    /* Behind these nothing is cleared: they are written before they are read. */
    struct rdata rdata;
    char file_name[ZP_FILE_NAME_MAX];
};

/* zp_parse, but *ret_parser is there to be looked at in the callbacks. */
int zp_parse_watched(struct str text, const struct zp_options *options, zp_record_fn *fn, void *arg,
                     const struct zp_parser **ret_parser);
/* The first marker's line, with its end. */
bool zp_marker_line(struct str text, struct str *ret_line);

/* The present text, to its end or until done. */
void zp_read_text(struct zp_parser *ps);
/* A line that begins with t, a word that begins with $. */
int zp_read_directive(struct zp_parser *ps, struct lex_token t);
int zp_generate(struct zp_parser *ps, struct lex_token directive);

/* The parts of a record. On failure lx.error is filled. */
int zp_read_owner(struct zp_parser *ps, struct lex_token t);
/* [TTL] [class] type, or [class] [TTL] type (RFC 1035 §5.1), beginning with t. */
int zp_read_fields(struct zp_parser *ps, struct lex_token t);
/* The rdata of the present type, to the record's end; warns of its names. */
int zp_read_rdata(struct zp_parser *ps, struct lex_token *ret_end);
/* RFC 2308 §4: the record's own TTL, else $TTL, else (RFC 1035 §5.1) that of the record before. */
int zp_settle_ttl(struct zp_parser *ps, struct lex_token at);
/* Hands record and rdata over. */
void zp_emit(struct zp_parser *ps);

bool zp_is_end(struct lex_token t);
/* The hint of the error that was filled last. */
void zp_hint(struct lexer *lx, const char *text);
/* What lex_ttl has refused. */
int zp_fail_ttl(struct lexer *lx, struct lex_token t, int r);

/* A name relative to the present origin; on failure lx.error is filled. Warns of a forgotten final
 * dot. */
int zp_read_name(struct zp_parser *ps, struct lex_token t, struct dname *ret_name);
/* Warns of a forgotten final dot in the names of the present rdata, whose text begins at text. */
void zp_check_rdata_names(struct zp_parser *ps, const char *text);
/* Is a type asked for or made on the way, and never stored (RFC 6895 §3.1: 0, OPT, 128 to 255)? */
bool zp_is_meta(uint16_t type);
/* What to write instead of an unknown type; false: no idea. */
bool zp_hint_type(struct str text, char *out, size_t size);
/* Is the wire name equal to tail, or under it? */
bool zp_ends_in(const uint8_t *b, size_t n, const struct dname *tail);
void zp_origin_set(struct zp_origin *origin, const struct dname *name, const struct dname *zone);
/* Does the wire name end in the origin twice, as "www.example.org" without its final dot does? */
bool zp_doubled(const struct zp_origin *origin, const uint8_t *b, size_t n);

/* Once lx has its text. */
void zp_fast_start(struct zp_parser *ps);
/* Reads the line at lx.p as far as it is an ordinary one. */
enum zp_fast {
    ZP_FAST_NOTHING, /* lx.p has not moved */
    ZP_FAST_HEAD,    /* record has owner, TTL and type, and lx.p stands before the value */
    ZP_FAST_RECORD,  /* record and rdata are filled, and lx.p is behind the line */
};
enum zp_fast zp_fast_record(struct zp_parser *ps);

#endif
