/* Random zones as random people write them, random changes: the edited text is the wanted zone, and
 * what does not have to do with the change is as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <betterdns/file.h>

#include "edit_kit.h"

#define ZONES 3000
#define NO_SET SIZE_MAX

static uint64_t state_;

static unsigned draw(unsigned below)
{
    state_ = state_ * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(state_ >> 33) % below;
}

static bool chance(unsigned percent)
{
    return draw(100) < percent;
}

static struct zp_options options;

static int setup(void **state)
{
    (void)state;
    options.default_ttl = UINT32_MAX;
    return dname_from_text(STR("example.org."), NULL, &options.origin, NULL);
}

/* ---- zones ---- */

static struct dname random_owner(void)
{
    static const char *const names[] = {"web",   "db", "mail", "a.sub", "b.sub",
                                        "sub",   "x1", "x2",   "x10",   "_sip._tcp",
                                        "w\\.w", "*",  "@",    "*.sub", "Cased"};
    const struct dname_rules rules = {.origin = &options.origin};
    struct dname name;

    assert_int_equal(dname_from_text(str_c(names[draw(ARRAY_SIZE(names))]), &rules, &name, NULL),
                     0);
    return name;
}

static void add_text(struct kit_zone *z, const struct dname *owner, uint32_t ttl, uint16_t type,
                     const char *text)
{
    static struct rdata rdata;
    const struct dname_rules rules = {.origin = &options.origin};
    struct lex_error error;

    if (rdata_from_text(type, str_c(text), &rules, &rdata, &error) < 0)
        fail_msg("%s: %s", text, error.message);
    kit_zone_add(z, owner, type, ttl, ttl, (struct str){(const char *)rdata.b, rdata.n});
}

static uint32_t random_ttl(void)
{
    static const uint32_t ttls[] = {60, 300, 3600, 7200, 86400};

    return ttls[draw(ARRAY_SIZE(ttls))];
}

static bool has_owner(const struct kit_zone *z, const struct dname *owner)
{
    for (size_t i = 0; i < z->n; i++) {
        if (dname_eq(&z->sets[i].owner, owner))
            return true;
    }
    return false;
}

/* One more record, somewhere; a CNAME only where nothing else is. */
static void add_random(struct kit_zone *z)
{
    struct dname owner = random_owner();
    uint32_t ttl = chance(70) ? UINT32_MAX : random_ttl();
    char text[128];
    uint16_t type;

    if (kit_zone_find(z, &owner, RRTYPE_CNAME))
        return;
    switch (draw(8)) {
    case 0:
        if (has_owner(z, &owner))
            return;
        type = RRTYPE_CNAME;
        snprintf(text, sizeof(text), "%s", chance(50) ? "web" : "cdn.example.net.");
        break;
    case 1:
        type = RRTYPE_MX;
        snprintf(text, sizeof(text), "%u mail%u", draw(3) * 10, draw(3));
        break;
    case 2:
        type = RRTYPE_TXT;
        snprintf(text, sizeof(text), "%s", chance(50) ? "\"v=1; (x\" \"two \\\" parts\"" : "one");
        break;
    case 3:
        type = RRTYPE_AAAA;
        snprintf(text, sizeof(text), "2001:db8::%x", draw(9));
        break;
    case 4:
        type = 65280;
        snprintf(text, sizeof(text), "\\# 3 0102%02x", draw(9));
        break;
    default: type = RRTYPE_A; snprintf(text, sizeof(text), "192.0.2.%u", draw(9));
    }
    if (ttl == UINT32_MAX)
        ttl = kit_zone_find(z, &owner, type) ? UINT32_MAX : 3600;
    add_text(z, &owner, ttl, type, text);
}

static struct kit_zone random_zone(void)
{
    struct kit_zone z = {NULL, 0};

    add_text(&z, &options.origin, random_ttl(), RRTYPE_SOA, "ns1 host 7 7200 3600 1209600 300");
    add_text(&z, &options.origin, random_ttl(), RRTYPE_NS, "ns1");
    if (chance(50))
        add_text(&z, &options.origin, UINT32_MAX, RRTYPE_NS, "ns2.example.net.");
    for (unsigned n = draw(25); n > 0; n--)
        add_random(&z);
    return z;
}

static void remove_random(struct kit_zone *z)
{
    struct zp_edit_set *s = &z->sets[draw((unsigned)z->n)];
    const uint8_t *at = s->rdatas.p;
    struct dname owner = s->owner;
    struct str rdata;

    if (s->type == RRTYPE_SOA || s->type == RRTYPE_NS)
        return;
    if (chance(40)) {
        kit_zone_drop(z, &owner, s->type);
        return;
    }
    for (unsigned skip = draw(s->rdatas.count) + 1; skip > 0; skip--)
        rdset_next(&s->rdatas, &at, &rdata);
    kit_zone_remove(z, &owner, s->type, rdata);
    kit_zone_tidy(z);
}

static void bump_serial(struct kit_zone *z)
{
    struct zp_edit_set *soa = kit_zone_find(z, &options.origin, RRTYPE_SOA);
    uint8_t *rdata;

    assert_non_null(soa);
    rdata = (uint8_t *)(uintptr_t)soa->rdatas.p + 2;
    soa_set_serial(rdata, soa->rdatas.n - 2U, soa_serial(rdata, soa->rdatas.n - 2U) + 3);
}

static void change_random(struct kit_zone *z)
{
    for (unsigned n = 1 + draw(6); n > 0; n--) {
        switch (draw(5)) {
        case 0: bump_serial(z); break;
        case 1:
        case 2: remove_random(z); break;
        case 3: z->sets[draw((unsigned)z->n)].ttl = random_ttl(); break;
        default: add_random(z);
        }
    }
}

/* ---- people ---- */

/* A text as it grows, with what is in force at its end, and what each line is. */
struct writer {
    struct buf text;
    const struct kit_zone *zone;
    struct dname origin, owner;
    uint32_t dollar_ttl, last_ttl;
    bool crlf, tabs, wild; /* wild: parentheses and comments everywhere */
    struct {
        size_t set;    /* NO_SET: a comment, a blank line, a directive */
        bool inherits; /* it may change when others do */
    } lines[2000];
    size_t nlines;
};

static void end_line(struct writer *w, size_t set, bool inherits)
{
    buf_add_str(&w->text, w->crlf ? STR("\r\n") : STR("\n"));
    assert_true(w->nlines < ARRAY_SIZE(w->lines));
    w->lines[w->nlines].set = set;
    w->lines[w->nlines++].inherits = inherits;
}

static void put_blanks(struct writer *w)
{
    if (w->tabs)
        buf_add_str(&w->text, chance(80) ? STR("\t") : STR("\t\t"));
    else
        buf_add_str(&w->text, chance(60) ? STR(" ") : STR("    "));
}

static void put_name(struct writer *w, const struct dname *name)
{
    char text[DNAME_TEXT_MAX];

    if (chance(70) && dname_below(name, &w->origin))
        buf_add(&w->text, text, dname_to_text_below(name, &w->origin, text));
    else
        buf_add(&w->text, text, dname_to_text(name, text));
}

/* Between records: comments, blank lines, directives. */
static void put_between(struct writer *w)
{
    static const char *const origins[] = {"example.org.", "sub.example.org.", "org.", "."};
    const char *origin;

    if (chance(10)) {
        buf_add_str(&w->text, chance(50) ? STR("; web A 192.0.2.1 (") : STR(""));
        end_line(w, NO_SET, false);
    }
    if (chance(8)) {
        origin = origins[draw(ARRAY_SIZE(origins))];
        buf_addf(&w->text, "$ORIGIN %s", origin);
        end_line(w, NO_SET, false);
        assert_int_equal(dname_from_text(str_c(origin), NULL, &w->origin, NULL), 0);
    }
    if (chance(8)) {
        w->dollar_ttl = random_ttl();
        buf_addf(&w->text, "$TTL %u ; from here on", w->dollar_ttl);
        end_line(w, NO_SET, false);
    }
}

static bool inherits_ttl(struct writer *w, uint32_t ttl)
{
    uint32_t now = w->dollar_ttl != UINT32_MAX ? w->dollar_ttl : w->last_ttl;

    return now == ttl && chance(70);
}

static void put_rdata(struct writer *w, size_t set, struct str rdata)
{
    const struct zp_edit_set *s = &w->zone->sets[set];
    struct buf text = {.p = NULL};
    struct lexer lx;
    struct lex_token t;
    bool open = false, wild = w->wild && chance(40);

    rdata_to_text(s->type, (const uint8_t *)rdata.p, rdata.n, &text);
    lex_start(&lx, buf_str(&text));
    while (t = lex_next(&lx), t.kind == LEX_WORD || t.kind == LEX_QUOTED) {
        size_t quotes = t.kind == LEX_QUOTED;
        put_blanks(w);
        if (wild && !open && chance(30)) {
            buf_add_str(&w->text, STR("( "));
            open = true;
        }
        buf_add(&w->text, t.text.p - quotes, t.text.n + 2 * quotes);
        if (open && chance(50)) {
            buf_add_str(&w->text, chance(50) ? STR(" ; part") : STR(""));
            end_line(w, set, true);
        } else if (open && chance(20)) {
            buf_add_str(&w->text, STR(")"));
            open = false;
        }
    }
    if (open)
        buf_add_str(&w->text, STR(" )"));
    buf_free(&text);
}

static void put_record(struct writer *w, size_t set, struct str rdata)
{
    const struct zp_edit_set *s = &w->zone->sets[set];
    bool blank = w->owner.n && dname_eq(&w->owner, &s->owner) && chance(60);
    bool silent = inherits_ttl(w, s->ttl), class = chance(50), early = chance(30);
    char type[RRTYPE_TEXT_MAX];

    if (!blank)
        put_name(w, &s->owner);
    put_blanks(w);
    if (class && early) {
        buf_add_str(&w->text, STR("IN"));
        put_blanks(w);
    }
    if (!silent) {
        if (s->ttl % 3600 == 0 && chance(30))
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
    if (chance(20))
        buf_add_str(&w->text, STR("   ; why ) it is here"));
    end_line(w, set, blank || (silent && w->dollar_ttl == UINT32_MAX));
    w->owner = s->owner;
    w->last_ttl = s->ttl;
}

static void put_set(struct writer *w, size_t set)
{
    const struct zp_edit_set *s = &w->zone->sets[set];
    const uint8_t *at = s->rdatas.p;
    struct str rdata;

    while (rdset_next(&s->rdatas, &at, &rdata)) {
        put_between(w);
        put_record(w, set, rdata);
        if (chance(3))
            put_record(w, set, rdata);
    }
}

static void write_zone(struct writer *w, const struct kit_zone *z)
{
    size_t order[256];

    *w = (struct writer){.zone = z, .dollar_ttl = UINT32_MAX, .last_ttl = UINT32_MAX};
    w->origin = options.origin;
    w->crlf = chance(20);
    w->tabs = chance(40);
    w->wild = chance(50);
    assert_true(z->n <= ARRAY_SIZE(order));
    for (size_t i = 0; i < z->n; i++) {
        size_t k = chance(30) ? draw((unsigned)i + 1) : i;
        order[i] = order[k];
        order[k] = i;
    }
    if (chance(60)) {
        w->dollar_ttl = 3600;
        buf_add_str(&w->text, STR("$TTL 1h"));
        end_line(w, NO_SET, false);
    }
    for (size_t i = 0; i < z->n; i++)
        put_set(w, order[i]);
    if (chance(20))
        w->text.n -= w->crlf ? 2 : 1;
    assert_int_equal(w->text.error, 0);
}

/* ---- what must be so ---- */

static struct buf edit(struct str text, const struct kit_zone *from, const struct kit_zone *to)
{
    struct zp_edits edits = {.marker = {NULL, 0}};
    struct zp_edit_set *sets;
    struct buf out = {.p = NULL};
    struct kit_zone got;

    edits.nsets = kit_zone_diff(from, to, &sets);
    edits.sets = sets;
    assert_int_equal(zp_edit(text, &options, &edits, kit_take_text, &out, NULL), 0);
    got = kit_zone_read(buf_str(&out), &options);
    if (!kit_zone_eq(&got, to))
        fail_msg("another zone than wanted; of\n%.*s\nbecame\n%.*s", STR_ARG(text),
                 STR_ARG(buf_str(&out)));
    kit_zone_free(&got);
    free(sets);
    return out;
}

static bool is_changed(const struct kit_zone *from, struct kit_zone *to, size_t set)
{
    const struct zp_edit_set *a = &from->sets[set];
    const struct zp_edit_set *b = kit_zone_find(to, &a->owner, a->type);

    return !b || a->ttl != b->ttl || !rdset_eq(a->type, &a->rdatas, &b->rdatas);
}

/* The last line may get a line end when another comes behind it. */
static struct str without_cr(struct str line)
{
    line.n -= line.n && line.p[line.n - 1] == '\r';
    return line;
}

/* The lines that have nothing to do with the change are all there, in their order. */
static void check_untouched(const struct writer *w, struct kit_zone *to, struct str result)
{
    struct str before = buf_str(&w->text), line, found;

    for (size_t i = 0; str_cut(&before, '\n', &line); i++) {
        if (w->lines[i].inherits ||
            (w->lines[i].set != NO_SET && is_changed(w->zone, to, w->lines[i].set)))
            continue;
        do {
            if (!str_cut(&result, '\n', &found))
                fail_msg("a line has gone: %.*s\n%.*s", STR_ARG(line), STR_ARG(buf_str(&w->text)));
        } while (!str_eq(without_cr(line), without_cr(found)));
    }
}

static void run_zone(uint64_t seed)
{
    static struct writer w;
    struct kit_zone zone, to, read;
    struct buf there, back;

    state_ = seed * 7919 + 1;
    draw(2);
    zone = random_zone();
    write_zone(&w, &zone);
    read = kit_zone_read(buf_str(&w.text), &options);
    assert_true(kit_zone_eq(&zone, &read));
    to = kit_zone_copy(&zone);
    there = edit(buf_str(&w.text), &zone, &zone);
    assert_true(str_eq(buf_str(&there), buf_str(&w.text)));
    buf_free(&there);
    change_random(&to);
    there = edit(buf_str(&w.text), &zone, &to);
    check_untouched(&w, &to, buf_str(&there));
    back = edit(buf_str(&there), &to, &zone);
    buf_free(&back);
    buf_free(&there);
    kit_zone_free(&read);
    kit_zone_free(&to);
    kit_zone_free(&zone);
    buf_free(&w.text);
}

static void test_random(void **state)
{
    const char *zones = getenv("BETTERDNS_ZONES"), *first = getenv("BETTERDNS_FIRST");
    uint64_t n = zones ? strtoull(zones, NULL, 10) : ZONES,
             from = first ? strtoull(first, NULL, 10) : 0;

    (void)state;
    for (uint64_t seed = from; seed < from + n; seed++) {
        if (zones)
            print_message("seed %llu\n", (unsigned long long)seed);
        run_zone(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};

    return cmocka_run_group_tests(tests, setup, NULL);
}
