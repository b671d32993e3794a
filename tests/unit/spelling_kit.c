#include "spelling_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

uint64_t kit_state;

unsigned kit_draw(unsigned below)
{
    kit_state = kit_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(kit_state >> 33) % below;
}

bool kit_chance(unsigned percent)
{
    return kit_draw(100) < percent;
}

uint32_t kit_random_ttl(void)
{
    static const uint32_t ttls[] = {60, 300, 3600, 7200, 86400};

    return ttls[kit_draw(ARRAY_SIZE(ttls))];
}

bool kit_is_generated(const struct dname *owner)
{
    return owner->n > 3 && owner->b[0] == 3 && owner->b[1] == 'g' && owner->b[2] == '-';
}

static void end_line(struct kit_spelling *w, size_t set, bool inherits)
{
    buf_add_str(&w->text, w->crlf ? STR("\r\n") : STR("\n"));
    assert_true(w->nlines < ARRAY_SIZE(w->lines));
    w->lines[w->nlines].set = set;
    w->lines[w->nlines++].inherits = inherits;
}

static void put_blanks(struct kit_spelling *w)
{
    if (w->tabs)
        buf_add_str(&w->text, kit_chance(80) ? STR("\t") : STR("\t\t"));
    else
        buf_add_str(&w->text, kit_chance(60) ? STR(" ") : STR("    "));
}

static void put_name(struct kit_spelling *w, const struct dname *name)
{
    char text[DNAME_TEXT_MAX];

    if (kit_chance(70) && dname_below(name, &w->origin))
        buf_add(&w->text, text, dname_to_text_below(name, &w->origin, text));
    else
        buf_add(&w->text, text, dname_to_text(name, text));
}

/* Between records: comments, blank lines, directives. */
static void put_between(struct kit_spelling *w)
{
    static const char *const origins[] = {"example.org.", "sub.example.org.", "org.", "."};
    const char *origin;

    if (kit_chance(10)) {
        buf_add_str(&w->text, kit_chance(50) ? STR("; web A 192.0.2.1 (") : STR(""));
        end_line(w, KIT_NO_SET, false);
    }
    if (kit_chance(8)) {
        origin = origins[kit_draw(ARRAY_SIZE(origins))];
        buf_addf(&w->text, "$ORIGIN %s", origin);
        end_line(w, KIT_NO_SET, false);
        assert_int_equal(dname_from_text(str_c(origin), NULL, &w->origin, NULL), 0);
    }
    if (kit_chance(8)) {
        w->dollar_ttl = kit_random_ttl();
        buf_addf(&w->text, "$TTL %u ; from here on", w->dollar_ttl);
        end_line(w, KIT_NO_SET, false);
    }
}

static bool inherits_ttl(struct kit_spelling *w, uint32_t ttl)
{
    uint32_t now = w->dollar_ttl != UINT32_MAX ? w->dollar_ttl : w->last_ttl;

    return now == ttl && kit_chance(70);
}

static void put_rdata(struct kit_spelling *w, size_t set, struct str rdata)
{
    const struct zp_edit_set *s = &w->zone->sets[set];
    struct buf text = {.p = NULL};
    struct lexer lx;
    struct lex_token t;
    bool open = false, wild = w->wild && kit_chance(40);

    rdata_to_text(s->type, (const uint8_t *)rdata.p, rdata.n, &text);
    lex_start(&lx, buf_str(&text));
    while (t = lex_next(&lx), t.kind == LEX_WORD || t.kind == LEX_QUOTED) {
        size_t quotes = t.kind == LEX_QUOTED;
        put_blanks(w);
        if (wild && !open && kit_chance(30)) {
            buf_add_str(&w->text, STR("( "));
            open = true;
        }
        buf_add(&w->text, t.text.p - quotes, t.text.n + 2 * quotes);
        if (open && kit_chance(50)) {
            buf_add_str(&w->text, kit_chance(50) ? STR(" ; part") : STR(""));
            end_line(w, set, true);
        } else if (open && kit_chance(20)) {
            buf_add_str(&w->text, STR(")"));
            open = false;
        }
    }
    if (open)
        buf_add_str(&w->text, STR(" )"));
    buf_free(&text);
}

static void put_record(struct kit_spelling *w, size_t set, struct str rdata)
{
    const struct zp_edit_set *s = &w->zone->sets[set];
    bool blank = w->owner.n && dname_eq(&w->owner, &s->owner) && kit_chance(60);
    bool silent = inherits_ttl(w, s->ttl), class = kit_chance(50), early = kit_chance(30);
    char type[RRTYPE_TEXT_MAX];

    if (!blank)
        put_name(w, &s->owner);
    put_blanks(w);
    if (class && early) {
        buf_add_str(&w->text, STR("IN"));
        put_blanks(w);
    }
    if (!silent) {
        if (s->ttl % 3600 == 0 && kit_chance(30))
            buf_addf(&w->text, "%uh", s->ttl / 3600);
        else
            buf_addf(&w->text, "%u", s->ttl);
        put_blanks(w);
    }
    if (class && !early) {
        buf_add_str(&w->text, STR("in"));
        put_blanks(w);
    }
    buf_add_str(&w->text, str_c(rrtype_to_text(s->type, type)));
    put_rdata(w, set, rdata);
    if (kit_chance(20))
        buf_add_str(&w->text, STR("   ; why ) it is here"));
    end_line(w, set, blank || (silent && w->dollar_ttl == UINT32_MAX));
    w->owner = s->owner;
    w->last_ttl = s->ttl;
}

/* The line of an expanded directive goes, and so may what inherits of it. */
static void put_generate(struct kit_spelling *w, const struct zp_edit_set *s)
{
    bool silent = inherits_ttl(w, s->ttl);

    buf_addf(&w->text, "$GENERATE 1-%d g-$%s ", KIT_GENERATED,
             dname_eq(&w->origin, &w->zone_origin) ? "" : ".example.org.");
    if (!silent)
        buf_addf(&w->text, "%u\t", s->ttl);
    buf_addf(&w->text, "%sA %s", kit_chance(50) ? "IN " : "",
             kit_chance(50) ? "192.0.2.$" : "192.0.2.${0,1,d} ; many");
    end_line(w, KIT_NO_SET, true);
    w->last_ttl = s->ttl;
}

static void put_set(struct kit_spelling *w, size_t set)
{
    const struct zp_edit_set *s = &w->zone->sets[set];
    const uint8_t *at = s->rdatas.p;
    struct str rdata;

    while (rdset_next(&s->rdatas, &at, &rdata)) {
        put_between(w);
        put_record(w, set, rdata);
        if (kit_chance(3))
            put_record(w, set, rdata);
    }
}

static void choose_included(struct kit_spelling *w)
{
    bool any = kit_chance(30);

    for (size_t i = 0; i < w->zone->n && any; i++)
        w->included[i] = w->zone->sets[i].type != RRTYPE_SOA && kit_chance(20) &&
                         !kit_is_generated(&w->zone->sets[i].owner);
}

/* All that is included, at the first of its places. */
static void put_include(struct kit_spelling *w, const size_t *order)
{
    static struct kit_spelling file;

    if (w->file.n)
        return;
    file = (struct kit_spelling){.zone = w->zone,
                                 .origin = w->origin,
                                 .owner = w->owner,
                                 .dollar_ttl = w->dollar_ttl,
                                 .last_ttl = w->last_ttl};
    for (size_t i = 0; i < w->zone->n; i++) {
        if (w->included[order[i]])
            put_set(&file, order[i]);
    }
    w->file = file.text;
    w->file_inherits = w->dollar_ttl == UINT32_MAX;
    for (size_t i = 0; i < file.nlines; i++) {
        if (file.lines[i].set == KIT_NO_SET)
            continue;
        w->file_inherits |= file.lines[i].inherits;
        break;
    }
    buf_add_str(&w->text, STR("$INCLUDE the.file"));
    end_line(w, KIT_NO_SET, false);
}

void kit_write_zone(struct kit_spelling *w, const struct kit_zone *z, const struct dname *origin)
{
    size_t order[256];

    *w = (struct kit_spelling){.zone = z, .dollar_ttl = UINT32_MAX, .last_ttl = UINT32_MAX};
    w->origin = w->zone_origin = *origin;
    w->crlf = kit_chance(20);
    w->tabs = kit_chance(40);
    w->wild = kit_chance(50);
    choose_included(w);
    assert_true(z->n <= ARRAY_SIZE(order));
    for (size_t i = 0; i < z->n; i++) {
        size_t k = kit_chance(30) ? kit_draw((unsigned)i + 1) : i;
        order[i] = order[k];
        order[k] = i;
    }
    if (kit_chance(60)) {
        w->dollar_ttl = 3600;
        buf_add_str(&w->text, STR("$TTL 1h"));
        end_line(w, KIT_NO_SET, false);
    }
    for (size_t i = 0; i < z->n; i++) {
        const struct zp_edit_set *s = &z->sets[order[i]];
        if (w->included[order[i]])
            put_include(w, order);
        else if (!kit_is_generated(&s->owner))
            put_set(w, order[i]);
        else if (s->owner.b[3] == '1')
            put_generate(w, s);
    }
    if (kit_chance(20))
        w->text.n -= w->crlf ? 2 : 1;
    assert_int_equal(w->text.error, 0);
}
