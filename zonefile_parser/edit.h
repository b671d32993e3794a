/* The parts of zp_edit, in the order in which it calls them: collect finds the records that have to
 * do with it, plan says what becomes of each, place finds where new owners go, walk makes patches
 * of it all. */
#ifndef ZONEFILE_PARSER_EDIT_H
#define ZONEFILE_PARSER_EDIT_H

#include <betterdns/pool.h>

#include "parser.h"

#define EDIT_NONE UINT32_MAX
#define EDIT_TTL_MAX 24 /* octets of a TTL's text */

enum edit_action { EDIT_KEEP, EDIT_CHANGE, EDIT_DROP };

/* A record of the text that matters: its owner is one of the sets', or it stands beside an edit. */
struct edit_hit {
    struct str span;
    const struct dname *owner, *origin; /* the $ORIGIN in force at it */
    struct str rdata;
    struct str wanted;   /* EDIT_CHANGE: its rdata from now on */
    uint32_t set;        /* EDIT_NONE: it is in none */
    uint32_t next;       /* hit of the same set */
    uint32_t next_owner; /* hit of the same owner */
    uint32_t ttl, wanted_ttl;
    uint32_t dollar_ttl, ttl_before; /* in force at it; ZP_NO_TTL */
    unsigned file;
    uint16_t type;
    bool generated;
    bool follows; /* no other record stands between it and the hit before */
    enum edit_action action;
};

/* A record that comes behind a hit (before it, for the first of a run). */
struct edit_addition {
    uint32_t set, hit; /* hit EDIT_NONE: its place is still to be found */
    bool before;
    uint32_t rank; /* among those of new owners at the same place, from 1 */
    struct str rdata;
};

/* What the sets know of the text; an owner's first set speaks for the owner. */
struct edit_set {
    uint32_t owner; /* the index of the owner's first set */
    uint32_t first, last;
    uint32_t owner_first, owner_last;
};

/* n octets at `at` become the piece of edit.out that begins at `from`. */
struct edit_patch {
    const char *at;
    size_t n, from, nnew;
};

struct edit_words {
    struct str *word; /* quotes included */
    size_t n, cap;
};

/* Where the parts of a record are written; p NULL: not at all. */
struct edit_layout {
    bool blank; /* the owner is inherited */
    struct str owner, ttl, class, type;
    struct edit_words *rdata;
    const char *end; /* behind the last token or parenthesis */
    bool level;      /* as many parentheses are open at the first word of rdata as at the last */
    bool open;       /* one is, at the first word */
    size_t depth;    /* how many are at the type */
};

struct edit {
    struct str text;
    struct zp_options options;
    const struct zp_edits *edits;
    const struct zp_parser *ps; /* while it runs */
    struct pool pool;           /* until the edit ends */
    struct edit_set *sets;
    uint32_t *table; /* of owners: indexes of their first sets */
    size_t mask;
    bool lengths[DNAME_MAX + 1]; /* of owners, to pass most records by */
    struct edit_hit *hits;
    size_t nhits, cap_hits;
    struct edit_addition *additions;
    size_t nadditions, cap_additions;
    const char **points; /* records beside which something new comes, in order */
    size_t npoints, point;
    struct edit_patch *patches;
    size_t npatches, cap_patches;
    struct buf out;     /* the patches' texts */
    struct buf scratch; /* of one function at a time */
    struct edit_words written, old, new;
    struct buf old_text, new_text; /* behind the words of old and new */
    bool looked, raw;              /* for octets above 0x7f in the text; there are some */
    bool starved;                  /* a buffer had no memory */
    struct str eol;
    struct dname last_owner; /* of the record before */
    uint32_t last_set;       /* … its owner's first set */
    uint32_t last_ttl;
    uint32_t blanks, repeats; /* lines with a blank owner; with the same owner spelled out again */
    const char *last_line;    /* of the record before, in the text itself */
    const struct dname *last_origin;
    bool last_hit;      /* it was one */
    bool last_included; /* records of a file stood behind it */
    struct rdata rdata;
};

/* Makes room for one more of an array. */
int zp_edit_grow(void **array, size_t n, size_t *cap, size_t size);
/* buf_reset, but what the buffer had no memory for is not forgotten. */
void zp_edit_reset(struct edit *e, struct buf *b);

uint64_t zp_edit_hash(const struct dname *name); /* letters folded */
int zp_edit_collect(struct edit *e);
int zp_edit_plan(struct edit *e, size_t *ret_where);
int zp_edit_place(struct edit *e);
int zp_edit_walk(struct edit *e, size_t *ret_where);

int zp_edit_words(struct str text, struct edit_words *words);
int zp_edit_layout(struct edit *e, struct str span, struct edit_layout *ret_layout);
/* TTL, class and type, beginning with t, into a layout. */
bool zp_edit_fields(struct lexer *lx, struct lex_token t, struct edit_layout *l);
/* Begins a patch whose text is what is added to edit.out until it ends. */
int zp_edit_patch(struct edit *e, const char *at, size_t n);
void zp_edit_patch_end(struct edit *e);
/* Puts a text in the place of a token, and keeps what stands behind it in its column. */
int zp_edit_token(struct edit *e, struct str token, struct str text);
/* Writes out what a record inherited so far: its owner (n 0: not), its TTL (ZP_NO_TTL: not). */
int zp_edit_write_out(struct edit *e, const char *line, const struct edit_layout *l,
                      struct str owner, uint32_t ttl);
bool zp_edit_absolute(struct str word); /* ends in a dot that is not escaped */
/* The head of a single line that looks like a record, and where its rdata begins. */
bool zp_edit_head(struct str line, struct edit_layout *ret_layout, const char **ret_rdata);
/* The TTL in the spelling of the token that it replaces: 2h, 7200. */
struct str zp_edit_ttl_text(uint32_t ttl, struct str like, char out[EDIT_TTL_MAX]);
/* Visual columns, tabs every eight. */
size_t zp_edit_column(const char *line, const char *at, size_t column);

/* Blanks up to a column, one at least. Returns where they end. */
size_t zp_edit_pad(struct buf *out, size_t column, size_t target, bool tabs);

int zp_edit_rdata(struct edit *e, const struct edit_hit *h, const struct edit_layout *l);
/* rdata as text, its names as the model's: relative, where they can be. */
void zp_edit_rdata_text(struct edit *e, uint16_t type, struct str rdata,
                        const struct dname *relative_to, struct buf *out);
/* A name as people write it there: relative to the origin, if relative is wanted and possible. */
void zp_edit_name(const struct dname *name, const struct dname *origin, bool relative,
                  struct buf *out);
/* The same of an owner, which may have letters beyond ASCII as they are. */
void zp_edit_owner(struct edit *e, const struct dname *name, const struct dname *origin,
                   bool relative, struct buf *out);
/* Writes octets that were escaped as \DDD as they are, from `start` on, where they are printable
 * UTF-8 and the text has such letters already. */
void zp_edit_readable(struct edit *e, struct buf *out, size_t start);

/* A new record's line, in the style of the lines around its model, without a line end. */
struct edit_line {
    const struct edit_hit *model;
    bool blank; /* its owner is inherited */
    const struct dname *owner;
    struct str owner_text; /* n 0: spelled as the owners around */
    uint32_t ttl, in_force;
    bool sibling; /* the model is of the same set */
    uint16_t type;
    struct str rdata;
};
/* How a TTL is spelled there; n 0: none is. */
struct str zp_edit_ttl_around(struct edit *e, const char *line);
void zp_edit_line(struct edit *e, const struct edit_line *line);

/* The hits that one $GENERATE has made. */
struct edit_group {
    size_t first, end;
    uint32_t in_force; /* the TTL of a record that shows none, in the new text */
};
/* Does its line stay as it is? */
bool zp_edit_generate_stays(const struct edit *e, const struct edit_group *g);
/* Writes its records out in its place. Owner and TTL are the last one's; as they were, where none
 * is left. */
int zp_edit_generate(struct edit *e, const struct edit_group *g, const struct dname **owner,
                     uint32_t *ttl);

#endif
