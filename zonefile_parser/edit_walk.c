/* Makes patches of the plan, in the order of the text. What each record inherits (owner, TTL) is
 * followed through the old text and the new one: where they part, it is written out. */
#include "edit.h"

#include <stdlib.h>

struct walk {
    struct edit *e;
    const struct dname *owner; /* in force in the new text; NULL: unknown */
    bool clean;                /* it is what it was in the old one */
    uint32_t ttl;              /* the TTL of the record before, in the new text */
    size_t next;               /* addition */
    uint32_t last;             /* the set whose edit came last */
    const struct edit_hit *h;
    struct edit_layout layout; /* of h */
};

/* The TTL of a record that shows none. */
static uint32_t in_force(const struct walk *w, uint16_t type, struct str rdata)
{
    struct soa soa;

    if (w->h->dollar_ttl != ZP_NO_TTL)
        return w->h->dollar_ttl;
    if (w->ttl != ZP_NO_TTL)
        return w->ttl;
    if (w->e->options.default_ttl == ZP_NO_TTL && type == RRTYPE_SOA &&
        soa_from_rdata((const uint8_t *)rdata.p, rdata.n, &soa) == 0)
        return soa.minimum;
    return w->e->options.default_ttl;
}

static bool is_owner(const struct walk *w, const struct dname *owner)
{
    return w->owner && dname_eq(w->owner, owner);
}

/* No edit is near: all is as it was. */
static void begin(struct walk *w, const struct dname *owner)
{
    w->ttl = w->h->ttl_before;
    w->owner = owner;
    w->clean = true;
}

/* Would a record with a blank owner get another one? */
static bool loses_owner(const struct walk *w, const struct edit_hit *h)
{
    return !is_owner(w, h->owner) && (w->owner || !w->clean);
}

/* The owner's spelling in the last record before the hit that shows it, under the same origin. */
static struct str owner_text(struct edit *e, size_t hit)
{
    const struct edit_hit *at = &e->hits[hit], *h = at;
    struct lexer lx;

    for (;; h--) {
        if (h->file == 0 && !h->generated && h->span.p[0] != ' ' && h->span.p[0] != '\t' &&
            dname_eq(h->origin, at->origin) && dname_eq(h->owner, at->owner)) {
            lex_start(&lx, h->span);
            return lex_next(&lx).text;
        }
        if (h == e->hits || !dname_eq(h[-1].owner, at->owner))
            return (struct str){NULL, 0};
    }
}

/* ---- new records ---- */

/* Are lines with a blank owner the custom here? */
static bool likes_blank(const struct walk *w, size_t hit)
{
    const struct edit *e = w->e;

    if (!dname_eq(w->h->owner, w->owner))
        return e->blanks > e->repeats;
    if (w->layout.blank)
        return true;
    if (hit && w->h->follows && dname_eq(e->hits[hit - 1].owner, w->h->owner))
        return false; /* its owner could have been blank, and is not */
    return e->blanks > e->repeats;
}

static int add(struct walk *w, size_t hit, const struct edit_addition *a)
{
    struct edit *e = w->e;
    const struct edit_hit *h = w->h;
    const struct zp_edit_set *set = &e->edits->sets[a->set];
    struct edit_line line = {
        .model = h,
        .owner = &set->owner,
        .blank = is_owner(w, &set->owner) && likes_blank(w, hit),
        .ttl = set->ttl,
        .in_force = in_force(w, set->type, a->rdata),
        .sibling = h->set == a->set,
        .type = set->type,
        .rdata = a->rdata,
    };

    if (dname_eq(h->owner, &set->owner))
        line.owner_text = owner_text(e, hit);
    zp_edit_line(e, &line);
    w->last = a->set;
    w->owner = &set->owner;
    w->ttl = set->ttl;
    return e->out.error;
}

static bool has_additions(const struct walk *w, size_t hit, bool before)
{
    const struct edit_addition *a;

    if (w->next == w->e->nadditions)
        return false;
    a = &w->e->additions[w->next];
    return a->hit == hit && a->before == before;
}

/* The additions of one place, as one patch. */
static int add_all(struct walk *w, size_t hit, bool before, const char *at)
{
    struct edit *e = w->e;
    const struct edit_hit *h = &e->hits[hit];
    const bool ended = before || at[-1] == '\n';
    bool first = h->action == EDIT_DROP && !h->generated && at == h->span.p + h->span.n;
    int r;

    if (!has_additions(w, hit, before))
        return 0;
    r = zp_edit_patch(e, at, 0);
    for (; r == 0 && has_additions(w, hit, before); w->next++, first = false) {
        if (!ended && !first)
            buf_add_str(&e->out, e->eol);
        r = add(w, hit, &e->additions[w->next]);
        if (ended)
            buf_add_str(&e->out, e->eol);
    }
    if (r == 0)
        zp_edit_patch_end(e);
    return r;
}

/* The end of the $INCLUDE lines that follow, with no other directive or record between; NULL: there
 * are none, or they are more than lines. */
static const char *behind_includes(const struct edit *e, const char *p)
{
    struct str rest = {p, (size_t)(e->text.p + e->text.n - p)}, line;
    const char *behind = NULL;

    while (str_cut(&rest, '\n', &line)) {
        struct str words = line, word;
        if (!str_cut(&words, ';', &line)) /* without its comment */
            continue;
        word = (struct str){line.p, line.n < 8 ? line.n : 8};
        if (memchr(line.p, '(', line.n))
            return NULL;
        if (str_eq_fold(word, STR("$INCLUDE")))
            behind = rest.n ? rest.p : e->text.p + e->text.n;
        else if (str_trim(line).n && str_trim(line).p[0] != '\r')
            break;
    }
    return behind;
}

static bool inherits(struct edit *e, const struct edit_hit *h)
{
    struct edit_layout l;

    if (h->generated)
        return h->dollar_ttl == ZP_NO_TTL;
    return zp_edit_layout(e, h->span, &l) < 0 || l.blank ||
           (!l.ttl.p && h->dollar_ttl == ZP_NO_TTL);
}

/* Behind a record; behind the files that are included there, if they take over what they can of the
 * record before them. Then that comes when they have passed. */
static int add_behind(struct walk *w, size_t hit)
{
    struct edit *e = w->e;
    const struct edit_hit *h = &e->hits[hit];
    const char *at = h->span.p + h->span.n;
    const bool file = hit + 1 < e->nhits && h[1].file && h[1].follows;

    if (has_additions(w, hit, false) && file && inherits(e, &h[1]) && behind_includes(e, at))
        return 0;
    return add_all(w, hit, false, at);
}

/* What add_behind has left for now. */
static int add_behind_files(struct walk *w, size_t hit)
{
    const struct edit_hit *h = &w->e->hits[hit];

    if (h->file || !has_additions(w, hit, false))
        return 0;
    w->h = h;
    return add_all(w, hit, false, behind_includes(w->e, h->span.p + h->span.n));
}

/* ---- records that are there ---- */

static void note_edit(struct walk *w)
{
    if (w->h->action != EDIT_KEEP || w->h->wanted_ttl != w->h->ttl)
        w->last = w->h->set;
}

static int drop(struct walk *w)
{
    int r = zp_edit_patch(w->e, w->h->span.p, w->h->span.n);

    if (r == 0)
        zp_edit_patch_end(w->e);
    return r;
}

static int write_out(struct walk *w, size_t hit, bool owner, uint32_t ttl)
{
    struct edit *e = w->e;
    struct str text = {NULL, 0};

    if (owner) {
        text = owner_text(e, hit);
        if (text.n == 0) {
            zp_edit_reset(e, &e->scratch);
            zp_edit_owner(e, w->h->owner, w->h->origin, true, &e->scratch);
            text = buf_str(&e->scratch);
        }
    }
    return zp_edit_write_out(e, w->h->span.p, &w->layout, text, ttl);
}

static int keep(struct walk *w, size_t hit)
{
    struct edit *e = w->e;
    const struct edit_hit *h = w->h;
    const struct edit_layout *l = &w->layout;
    const uint32_t wanted = h->wanted_ttl;
    const struct str rdata = h->action == EDIT_CHANGE ? h->wanted : h->rdata;
    const bool owner = l->blank && loses_owner(w, h);
    uint32_t ttl = ZP_NO_TTL;
    char text[EDIT_TTL_MAX];
    int r = 0;

    if (!l->ttl.p && in_force(w, h->type, rdata) != wanted)
        ttl = wanted;
    if (owner || ttl != ZP_NO_TTL)
        r = write_out(w, hit, owner, ttl);
    if (r == 0 && l->ttl.p && h->ttl != wanted)
        r = zp_edit_token(e, l->ttl, zp_edit_ttl_text(wanted, l->ttl, text));
    if (r == 0 && h->action == EDIT_CHANGE)
        r = zp_edit_rdata(e, h, l);
    return r;
}

/* A record of an included file cannot be told to keep what it would lose. */
static int pass_included(struct walk *w, const struct edit_hit *h)
{
    struct edit *e = w->e;
    struct edit_layout l;
    int r;

    if (!h->follows)
        return 0; /* another one of the file stands before it */
    w->h = h;
    if (h->generated)
        return zp_edit_generate_stays(
                   e, &(struct edit_group){.first = (size_t)(h - e->hits),
                                           .end = (size_t)(h - e->hits) + 1,
                                           .in_force = in_force(w, h->type, h->rdata)})
                   ? 0
                   : -BD_ECONFLICT;
    r = zp_edit_layout(e, h->span, &l);
    if (r < 0)
        return r;
    if (!l.ttl.p && in_force(w, h->type, h->rdata) != h->ttl)
        return -BD_ECONFLICT;
    return l.blank && loses_owner(w, h) ? -BD_ECONFLICT : 0;
}

/* All that one $GENERATE has made. *ret_end: the hit behind it. */
static int visit_generated(struct walk *w, size_t first, size_t *ret_end)
{
    struct edit *e = w->e;
    const struct edit_hit *h = &e->hits[first];
    struct edit_group g = {.first = first, .end = first};
    int r;

    w->h = h;
    w->layout = (struct edit_layout){.blank = false};
    if (!h->follows)
        begin(w, NULL);
    while (g.end < e->nhits && e->hits[g.end].span.p == h->span.p)
        g.end++;
    r = add_all(w, first, true, h->span.p);
    g.in_force = in_force(w, h->type, h->rdata);
    if (r == 0 && zp_edit_generate_stays(e, &g)) {
        w->ttl = h->ttl;
    } else if (r == 0) {
        r = zp_edit_generate(e, &g, &w->owner, &w->ttl);
        w->clean = false;
    }
    for (size_t i = first; i < g.end && r == 0; i++) {
        w->h = &e->hits[i];
        note_edit(w);
        r = add_behind(w, i);
    }
    *ret_end = g.end;
    return r;
}

static int visit(struct walk *w, size_t hit)
{
    struct edit *e = w->e;
    const struct edit_hit *h = &e->hits[hit];
    int r;

    w->h = h;
    r = zp_edit_layout(e, h->span, &w->layout);
    if (r < 0)
        return r;
    if (!h->follows)
        begin(w, w->layout.blank ? h->owner : NULL);
    r = add_all(w, hit, true, h->span.p);
    if (r < 0)
        return r;
    r = h->action == EDIT_DROP ? drop(w) : keep(w, hit);
    if (r < 0)
        return r;
    note_edit(w);
    if (h->action == EDIT_DROP) {
        w->clean = false;
    } else {
        w->owner = h->owner;
        w->ttl = h->wanted_ttl;
    }
    return add_behind(w, hit);
}

static int compare_additions(const void *x, const void *y)
{
    const struct edit_addition *a = x, *b = y;

    if (a->hit != b->hit)
        return a->hit < b->hit ? -1 : 1;
    if (a->before != b->before)
        return a->before ? -1 : 1;
    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    if (a->set != b->set)
        return a->set < b->set ? -1 : 1;
    return (a->rdata.p > b->rdata.p) - (a->rdata.p < b->rdata.p); /* as in the packed set */
}

static int visit_next(struct walk *w, size_t *hit)
{
    const size_t i = *hit;
    const struct edit_hit *h = &w->e->hits[i];

    *hit = i + 1;
    if (h->file) {
        int r = pass_included(w, h);
        return r == 0 && i ? add_behind_files(w, i - 1) : r;
    }
    return h->generated ? visit_generated(w, i, hit) : visit(w, i);
}

int zp_edit_walk(struct edit *e, size_t *ret_where)
{
    struct walk w = {.e = e, .ttl = ZP_NO_TTL};

    if (e->nadditions)
        qsort(e->additions, e->nadditions, sizeof(*e->additions), compare_additions);
    for (size_t i = 0; i < e->nhits;) {
        int r = visit_next(&w, &i);
        if (r == -BD_ECONFLICT) /* it would suffer from that edit */
            *ret_where = w.last;
        if (r < 0)
            return r;
    }
    return 0;
}
