/* $GENERATE when one of its records changes: the line becomes a comment, and its records stand
 * behind it, written out. */
#include "edit.h"

/* Where the parts of a directive are written. */
struct directive {
    struct edit_layout head;
    struct str fields; /* between owner and value, with its blanks */
    bool plain;        /* … without parentheses, comments, line ends */
    bool relative;     /* the owner is; so is the value, if it is a name */
    bool relative_value;
    struct str line; /* all of it, without its line end; n 0: it is more than one */
};

/* Of a line that was understood once. */
static struct directive read_directive(struct str span)
{
    struct directive d = {.plain = true, .line = span};
    struct lexer lx;
    struct lex_token value;
    struct str owner;

    lex_start(&lx, span);
    lex_next(&lx); /* $GENERATE */
    lex_next(&lx); /* the range */
    owner = lex_next(&lx).text;
    zp_edit_fields(&lx, lex_next(&lx), &d.head);
    value = lex_next(&lx);
    d.fields.p = owner.p + owner.n;
    d.fields.n = (size_t)(value.text.p - (value.kind == LEX_QUOTED) - d.fields.p);
    for (size_t i = 0; i < d.fields.n; i++)
        d.plain &= !memchr("();\n\r", d.fields.p[i], 5);
    d.relative = !zp_edit_absolute(owner);
    d.relative_value = !zp_edit_absolute(value.text);
    while (d.line.n && (d.line.p[d.line.n - 1] == '\n' || d.line.p[d.line.n - 1] == '\r'))
        d.line.n--;
    if (memchr(d.line.p, '\n', d.line.n))
        d.line.n = 0;
    return d;
}

bool zp_edit_generate_stays(const struct edit *e, const struct edit_group *g)
{
    const struct directive d = read_directive(e->hits[g->first].span);

    for (size_t i = g->first; i < g->end; i++) {
        const struct edit_hit *h = &e->hits[i];
        if (h->action != EDIT_KEEP || h->wanted_ttl != h->ttl ||
            (!d.head.ttl.p && g->in_force != h->ttl))
            return false;
    }
    return true;
}

/* ---- writing out ---- */

struct expansion {
    struct edit *e;
    const struct edit_group *group;
    struct directive directive;
    const struct edit_hit *first;
    size_t next;       /* hit */
    uint32_t in_force; /* the TTL of a record that shows none */
    bool any;          /* a line was written */
    struct dname last; /* the last one's owner */
    uint32_t last_ttl;
};

/* The hit that this record is; NULL: it is none. Hits come in the order of the records. */
static const struct edit_hit *find_hit(struct expansion *x, const struct zp_record *rec)
{
    const struct edit_hit *h = &x->e->hits[x->next];

    if (x->next == x->group->end || !dname_eq(h->owner, &rec->owner) ||
        !str_eq(h->rdata, (struct str){(const char *)rec->rdata, rec->nrdata}))
        return NULL;
    x->next++;
    return h;
}

static void put_fields(struct expansion *x, uint16_t type, uint32_t ttl)
{
    const struct directive *d = &x->directive;
    struct buf *out = &x->e->out;
    const struct str old = d->head.ttl;
    const char *p = d->fields.p, *end = p + d->fields.n;
    char name[RRTYPE_TEXT_MAX], text[EDIT_TTL_MAX];
    struct str shown = {NULL, 0};

    if (old.p || ttl != x->in_force)
        shown = zp_edit_ttl_text(ttl, old, text);
    if (!d->plain) {
        buf_addf(out, " %.*s%sIN %s ", STR_ARG(shown), shown.n ? " " : "",
                 rrtype_to_text(type, name));
    } else if (old.p) {
        buf_add(out, p, (size_t)(old.p - p));
        buf_add_str(out, shown);
        buf_add(out, old.p + old.n, (size_t)(end - old.p) - old.n);
    } else if (shown.n) {
        for (; p < end && (*p == ' ' || *p == '\t'); p++)
            buf_add_c(out, *p);
        buf_add_str(out, shown);
        buf_add_c(out, ' ');
        buf_add(out, p, (size_t)(end - p));
    } else {
        buf_add_str(out, d->fields);
    }
}

static int write_record(void *arg, const struct zp_record *rec)
{
    struct expansion *x = arg;
    struct edit *e = x->e;
    const struct edit_hit *h = find_hit(x, rec);
    const uint32_t ttl = h ? h->wanted_ttl : rec->ttl;
    struct str rdata = {(const char *)rec->rdata, rec->nrdata};

    if (h && h->action == EDIT_DROP)
        return 0;
    if (h && h->action == EDIT_CHANGE)
        rdata = h->wanted;
    if (x->any || x->directive.line.n)
        buf_add_str(&e->out, e->eol);
    zp_edit_name(&rec->owner, x->first->origin, x->directive.relative, &e->out);
    put_fields(x, rec->type, ttl);
    zp_edit_rdata_text(e, rec->type, rdata, x->directive.relative_value ? x->first->origin : NULL,
                       &e->out);
    if (x->first->dollar_ttl == ZP_NO_TTL)
        x->in_force = ttl;
    x->any = true;
    x->last = rec->owner;
    x->last_ttl = ttl;
    return e->out.error;
}

static int write_records(struct expansion *x)
{
    struct zp_options options = x->e->options;
    const struct edit_hit *h = x->first;

    options.origin = *h->origin;
    options.any_owner = true;
    if (h->dollar_ttl != ZP_NO_TTL)
        options.default_ttl = h->dollar_ttl;
    else if (h->ttl_before != ZP_NO_TTL)
        options.default_ttl = h->ttl_before;
    return zp_parse(h->span, &options, write_record, x);
}

int zp_edit_generate(struct edit *e, const struct edit_group *g, const struct dname **owner,
                     uint32_t *ttl)
{
    const struct edit_hit *first = &e->hits[g->first];
    const struct str span = first->span;
    struct expansion x = {
        .e = e, .group = g, .first = first, .next = g->first, .in_force = g->in_force};
    struct dname *copy;
    int r = zp_edit_patch(e, span.p, span.n);

    if (r < 0)
        return r;
    x.directive = read_directive(span);
    if (x.directive.line.n)
        buf_addf(&e->out, "; was: %.*s", STR_ARG(x.directive.line));
    r = write_records(&x);
    if (r < 0)
        return r;
    if ((x.any || x.directive.line.n) && span.p[span.n - 1] == '\n')
        buf_add_str(&e->out, e->eol);
    zp_edit_patch_end(e);
    if (!x.any)
        return 0;
    copy = pool_alloc(&e->pool, sizeof(*copy));
    if (!copy)
        return -ENOMEM;
    *copy = x.last;
    *owner = copy;
    *ttl = x.last_ttl;
    return 0;
}
