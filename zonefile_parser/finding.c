/* What is wrong with a zone, in words. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>

#define LINE_TEXT_MAX 80

static unsigned limit(const struct zp_entries *all)
{
    unsigned asked = all->report.options->max_errors;

    return asked && asked < ZP_FINDINGS ? asked : ZP_FINDINGS;
}

bool zp_wants_warnings(const struct zp_entries *all)
{
    return all->report.options->on_error && all->nwarnings < limit(all);
}

void zp_found(struct zp_entries *all, enum zp_rule rule, const struct zp_entry *e,
              const struct zp_entry *other)
{
    unsigned *count = rule < ZP_WARNINGS ? &all->nerrors : &all->nwarnings;
    struct zp_finding *f = &all->found[all->nerrors + all->nwarnings];

    if (rule < ZP_WARNINGS ? all->nerrors == limit(all) : !zp_wants_warnings(all))
        return;
    /* All that one $GENERATE makes stands in one place. */
    if (f > all->found && f[-1].rule == rule && f[-1].e.at == e->at && rule >= ZP_WARNINGS)
        return;
    *f = (struct zp_finding){.rule = rule, .e = *e};
    if (other)
        f->other = *other;
    ++*count;
}

/* ---- the parts of a sentence ---- */

struct words {
    char owner[DNAME_TEXT_MAX], target[DNAME_TEXT_MAX], type[RRTYPE_TEXT_MAX],
        other_type[RRTYPE_TEXT_MAX];
    char line[LINE_TEXT_MAX], other_line[LINE_TEXT_MAX]; /* "line 3", "line 3 of hosts.inc" */
};

/* The place that is shown: of two the later one is at fault. */
static const struct zp_entry *place(const struct zp_finding *f)
{
    return f->rule == ZP_BESIDE_CNAME && f->other.order > f->e.order ? &f->other : &f->e;
}

/* The file too, where it is another one than that of the place shown. */
static void set_line(const struct zp_entries *all, const struct zp_finding *f,
                     const struct zp_entry *e, char out[LINE_TEXT_MAX])
{
    const struct zp_text *text;
    unsigned line, column;
    int n;

    out[0] = '\0';
    if (!e->at)
        return;
    text = zp_report_text(&all->report, e->at);
    lex_position(text->text, e->at, &line, &column);
    n = snprintf(out, LINE_TEXT_MAX, "line %u", line);
    if (text != zp_report_text(&all->report, place(f)->at))
        snprintf(out + n, LINE_TEXT_MAX - (size_t)n, " of %s",
                 text->name ? text->name : "the zone file");
}

static void set_words(const struct zp_entries *all, const struct zp_finding *f, struct words *w)
{
    struct dname name = {.n = 1};

    if (dname_from_key(f->e.key, f->e.nkey, &name) < 0)
        name = (struct dname){.n = 1};
    dname_to_text(&name, w->owner);
    w->target[0] = '\0';
    if (f->rule >= ZP_NO_GLUE && zp_target(&f->e, &name))
        dname_to_text(&name, w->target);
    rrtype_to_text(f->e.type, w->type);
    rrtype_to_text(f->other.type, w->other_type);
    set_line(all, f, &f->e, w->line);
    set_line(all, f, &f->other, w->other_line);
}

/* The record's first word. */
static struct str first_word(const struct zp_entries *all, const char *at)
{
    struct str text = zp_report_text(&all->report, at)->text;
    const char *end = text.p + text.n, *p = at;

    while (p < end && (unsigned char)*p > ' ')
        p++;
    return (struct str){at, p > at ? (size_t)(p - at) : 1};
}

/* Its last word, which is the name that it points to; or the first with an '@' in it. */
static struct str later_word(const struct zp_entries *all, const char *at, bool mailbox)
{
    struct str text = zp_report_text(&all->report, at)->text;
    const char *end = text.p + text.n;
    struct str word = first_word(all, at);
    struct lexer lx;
    struct lex_token t;

    lex_start(&lx, (struct str){at, (size_t)(end - at)});
    while (t = lex_next(&lx), t.kind == LEX_WORD || t.kind == LEX_QUOTED) {
        if (mailbox && t.text.n > 1 && memchr(t.text.p, '@', t.text.n))
            return t.text;
        if (!mailbox)
            word = t.text;
    }
    return word;
}

/* ---- the sentences ---- */

static void set_hint(struct lex_error *e, const char *text)
{
    snprintf(e->hint, sizeof(e->hint), "%s", text);
}

static void say_error(const struct zp_finding *f, const struct words *w, struct str at,
                      struct lex_error *e)
{
    switch (f->rule) {
    case ZP_SECOND:
        zp_error_set(e, at.p, at.n, "a second %s of '%.100s': the first is in %s", w->type,
                     w->owner, w->other_line);
        break;
    case ZP_BESIDE_CNAME:
        zp_error_set(e, at.p, at.n, "'%.100s' has a CNAME (%s) and other data (%s in %s)", w->owner,
                     w->line, w->other_type, w->other_line);
        set_hint(e, "a CNAME stands alone");
        break;
    case ZP_SOA_ELSEWHERE:
        zp_error_set(e, at.p, at.n, "an SOA at '%.100s', which is not the zone's apex", w->owner);
        break;
    case ZP_NO_SOA:
        zp_error_set(e, at.p, 1, "the zone has no SOA record at '%.100s'", w->owner);
        set_hint(e, "as in: @ SOA ns1 hostmaster 1 3600 600 604800 10");
        break;
    default:
        zp_error_set(e, at.p, at.n, "the zone has no NS record at '%.100s'", w->owner);
        set_hint(e, "as in: @ NS ns1");
    }
}

/* Warnings about what a record names point at the name. */
static void say_target(const struct zp_finding *f, const struct words *w, struct str at,
                       struct lex_error *e)
{
    switch (f->rule) {
    case ZP_NO_GLUE:
        zp_error_set(e, at.p, at.n,
                     "the name server '%.60s' is inside what it serves, and has no address here",
                     w->target);
        set_hint(e, "glue is needed: add its A or AAAA here too (RFC 1034 section 4.2.1)");
        break;
    case ZP_NO_ADDRESS:
        zp_error_set(e, at.p, at.n, "this %s names '%.100s', which has no address", w->type,
                     w->target);
        break;
    case ZP_NO_TARGET:
        zp_error_set(e, at.p, at.n, "this %s names '%.100s', which does not exist", w->type,
                     w->target);
        if (memchr(at.p, '.', at.n) && at.p[at.n - 1] != '.')
            set_hint(e, "did you forget the final dot?");
        break;
    case ZP_ALIAS:
        zp_error_set(e, at.p, at.n, "this %s names '%.80s', which is a CNAME (%s)", w->type,
                     w->target, w->other_line);
        set_hint(e, f->e.type == RRTYPE_SRV
                        ? "not every client follows it: name the host itself (RFC 2782)"
                        : "not every resolver follows it: name the host itself (RFC 2181 section "
                          "10.3)");
        break;
    default:
        zp_error_set(e, at.p, at.n, "'%.*s' is an address, but %s wants a name: this means '%.60s'",
                     ZP_SHOWN(at), w->type, w->target);
        set_hint(e, "give the host a name and an A record, and write the name here");
    }
}

static void say_warning(const struct zp_finding *f, const struct words *w, struct str at,
                        struct lex_error *e)
{
    switch (f->rule) {
    case ZP_DUPLICATE:
        if (f->e.at == f->other.at)
            zp_error_set(e, at.p, at.n, "this makes the same record more than once");
        else
            zp_error_set(e, at.p, at.n, "the same record as in %s", w->other_line);
        break;
    case ZP_TTL:
        zp_error_set(e, at.p, at.n, "TTL %u of '%.80s' %s differs from %u in %s, which counts",
                     f->e.ttl, w->owner, w->type, f->other.ttl, w->other_line);
        break;
    case ZP_BELOW_DNAME:
        zp_error_set(e, at.p, at.n, "'%.80s' is below the DNAME in %s, which hides it", w->owner,
                     w->other_line);
        set_hint(e, "RFC 6672 section 2.4: nothing may stand below a DNAME");
        break;
    case ZP_DNAME_AND_NS:
        zp_error_set(e, at.p, at.n, "'%.80s' has an NS and a DNAME (%s)", w->owner, w->other_line);
        set_hint(e, "RFC 6672 section 2.3: either delegate a name or redirect it");
        break;
    case ZP_MAILBOX:
        zp_error_set(e, at.p, at.n, "'%.*s' has an '@', but the SOA's mailbox is a name",
                     ZP_SHOWN(at));
        set_hint(e, "write a dot for it: hostmaster.lab.example. (RFC 1035 section 3.3.13)");
        break;
    default:
        zp_error_set(e, at.p, at.n,
                     "'%.80s' is delegated by the NS in %s: its %s is not answered from here",
                     w->owner, w->other_line, w->type);
    }
}

static void say(struct zp_entries *all, const struct zp_finding *f, const struct dname *apex)
{
    struct words w;
    struct lex_error e;
    struct str at = f->rule >= ZP_NO_GLUE || f->rule == ZP_MAILBOX
                        ? later_word(all, f->e.at, f->rule == ZP_MAILBOX)
                        : first_word(all, place(f)->at);

    set_words(all, f, &w);
    if (f->rule == ZP_NO_SOA)
        dname_to_text(apex, w.owner);
    if (f->rule < ZP_WARNINGS)
        say_error(f, &w, at, &e);
    else if (f->rule < ZP_NO_GLUE)
        say_warning(f, &w, at, &e);
    else
        say_target(f, &w, at, &e);
    if (f->rule < ZP_WARNINGS)
        zp_report_error(&all->report, &e);
    else
        zp_report_warning(&all->report, &e);
}

static int compare_findings(const void *x, const void *y)
{
    const struct zp_finding *a = x, *b = y;
    uint32_t p = place(a)->order, q = place(b)->order;

    return p == q ? (a->rule > b->rule) - (a->rule < b->rule) : p > q ? 1 : -1;
}

void zp_tell(struct zp_entries *all, const struct dname *apex)
{
    size_t n = all->nerrors + all->nwarnings;

    qsort(all->found, n, sizeof(*all->found), compare_findings);
    for (size_t i = 0; i < n; i++)
        say(all, &all->found[i], apex);
}
