/* What a look through the text finds out about where people would put a new owner. */
#ifndef ZONEFILE_PARSER_EDIT_PLACE_H
#define ZONEFILE_PARSER_EDIT_PLACE_H

#include "edit.h"
#include "edit_order.h"

#define EDIT_SCOPES_MAX 64 /* origins that are told apart */

/* What people keep together. */
enum edit_kind { HOST, ALIAS, POINTER, SERVER, MAIL, TEXT, SERVICE, OTHER, EDIT_NKINDS };
enum edit_kind zp_edit_kind(uint16_t type);

/* Owners that follow each other in some order. */
struct edit_run {
    const char *first, *last; /* their first and last lines */
    uint32_t owners[EDIT_NKINDS];
};

/* All of the text that is under one $ORIGIN. The zone's own name counts only for `last`. */
struct edit_scope {
    struct dname origin;
    struct edit_run now[EDIT_NORDERS], best[EDIT_NORDERS][EDIT_NKINDS];
    uint32_t owners[EDIT_NKINDS];
    const char *last_of[2][EDIT_NKINDS]; /* the last lines of owners one label below the origin, and
                                            of deeper ones */
    struct str last;                     /* the last record's lines */
    enum edit_kind kind;                 /* of the owner before, by its first record */
    struct dname owner;                  /* of the record before; n 0: none */
};

/* The names under one that is no origin: web.prod, db.prod. */
struct edit_family {
    struct dname parent;
    const char *last; /* NULL: the text has none */
};

struct edit_survey {
    struct edit *e;
    struct edit_scope *scopes;
    size_t nscopes, scope;      /* scope: of the record before */
    struct edit_family *family; /* a table by hash, of which a parent n of 0 is an empty place */
    size_t mask;
    bool lengths[DNAME_MAX + 1]; /* of parents */
    struct edit_family *now;     /* that of the record before */
};

/* Of the families it looks only for those of the additions that have no place yet. */
int zp_edit_survey(struct edit *e, struct edit_survey *ret_survey);
void zp_edit_survey_free(struct edit_survey *s);
size_t zp_edit_depth(const struct dname *owner, const struct dname *origin); /* 0: one label */
/* The family of an owner that was looked for. */
const struct edit_family *zp_edit_family(struct edit_survey *s, const struct dname *owner);

#endif
