/* Hostile values: octets that are known, in one of their many spellings, and those with soup in
 * them. */
#include "injection_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <betterdns/clock.h>

static struct dname origin;
static uint64_t seed;

void injection_start(const struct dname *of)
{
    const char *given = getenv("BETTERDNS_SEED");

    origin = *of;
    seed = given ? strtoull(given, NULL, 10) : (uint64_t)clock_mono_ns();
    print_message("BETTERDNS_SEED=%llu\n", (unsigned long long)seed);
}

/* ---- chance ---- */

static uint64_t next(void)
{
    uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static unsigned below(unsigned n)
{
    return (unsigned)(next() % n);
}

/* What ends a token, a line, a string or a record, and what looks like the beginning of another. */
#define PIECE(text) .p = (text), .n = sizeof(text) - 1
static const struct str pieces[] = {
    {PIECE("\n")},
    {PIECE("\r\n")},
    {PIECE("\r")},
    {PIECE("\t")},
    {PIECE(" ")},
    {PIECE(";")},
    {PIECE("\"")},
    {PIECE("(")},
    {PIECE(")")},
    {PIECE("@")},
    {PIECE("\\")},
    {PIECE("\\\\")},
    {PIECE("\\0")},
    {PIECE("\\256")},
    {PIECE("\\010")},
    {PIECE("\\\"")},
    {PIECE("\0")},
    {PIECE("\x7f")},
    {PIECE("\x80")},
    {PIECE("\xff")},
    {PIECE(".")},
    {PIECE("..")},
    {PIECE("*")},
    {PIECE("$")},
    {PIECE("$INCLUDE /etc/passwd\n")},
    {PIECE("$ORIGIN evil.test.\n")},
    {PIECE("$TTL 1\n")},
    {PIECE("$GENERATE 1-9 g$ A 192.0.2.$\n")},
    {PIECE("\nevil 30 IN A 192.0.2.66\n")},
    {PIECE("\n; betterdns base=1 00000000000000000000000000000000\n")},
    {PIECE("\\# 4 01020304")},
    {PIECE("\r\nSet-Cookie: evil=1\r\n\r\n")},
    {PIECE("\",\"evil\":\"1")},
    {PIECE("\nlevel=error msg=evil")},
    {PIECE("b\xc3\xbc\x63her")},
    {PIECE("\xe2\x80\xa8\xe2\x80\xae")},
    {PIECE("xn--bcher-kva")},
    {PIECE("%0a%00")},
    {PIECE("IN")},
    {PIECE("A")},
    {PIECE("3600")},
    {PIECE("-")},
    {PIECE("_")},
    {PIECE("web")},
    {PIECE("WEB")},
    {PIECE(".lab.example.")},
};

static void soup(struct buf *out, unsigned most)
{
    size_t end = out->n + 1 + below(most);

    if (below(20) == 0) { /* one octet, as often as it may be */
        memset(buf_room(out, most), (int)below(256), most);
        out->n += most;
        return;
    }
    for (unsigned n = 1 + below(8); n > 0; n--) {
        if (below(10) < 7)
            buf_add_str(out, pieces[below(ARRAY_SIZE(pieces))]);
        for (unsigned m = below(3); m > 0; m--)
            buf_add_c(out, (char)next());
    }
    if (out->n > end)
        out->n = end;
}

static void splice(struct buf *text)
{
    struct buf out = {0};
    size_t at = below((unsigned)text->n + 1);

    buf_add(&out, text->p, at);
    soup(&out, 40);
    if (below(3) && text->n) /* else cut off there */
        buf_add(&out, text->p + at, text->n - at);
    buf_free(text);
    *text = out;
}

/* ---- spelling: octets that are known, in one of their many forms ---- */

static void spell(struct buf *out, uint8_t c, const char *special, bool raw)
{
    bool digit = c >= '0' && c <= '9', plain = c > 0x20 && c < 0x7f;

    if ((!plain && !(raw && (c == ' ' || c >= 0x80))) || below(6) == 0)
        buf_addf(out, "\\%03u", c);
    else if (plain && !digit && (strchr(special, c) || below(10) == 0))
        buf_addf(out, "\\%c", c);
    else
        buf_add_c(out, (char)c);
}

static void spell_name(struct buf *out, const struct dname *name)
{
    for (unsigned at = 0; name->b[at]; at += name->b[at] + 1U) {
        for (unsigned i = 1; i <= name->b[at]; i++)
            spell(out, name->b[at + i], ".\\\"();@$", false);
        buf_add_c(out, '.');
    }
    if (name->n == 1)
        buf_add_c(out, '.');
    else if (dname_below(name, &origin) && below(2))
        out->n--;
}

static void spell_string(struct buf *out, const uint8_t *p, size_t n)
{
    bool quoted = n == 0 || below(4);

    if (quoted)
        buf_add_c(out, '"');
    for (size_t i = 0; i < n; i++)
        spell(out, p[i], quoted ? "\"\\" : "\"\\();", quoted);
    if (quoted)
        buf_add_c(out, '"');
}

/* ---- cases ---- */

static void append_label(struct dname *name, const char *p, size_t n, size_t most)
{
    if (n > 63)
        n = 63;
    if (name->n + n + 1 > most || n == 0)
        return;
    name->b[name->n++] = (uint8_t)n;
    memcpy(name->b + name->n, p, n);
    name->n = (uint8_t)(name->n + n);
}

static void random_name(struct dname *name, bool inside)
{
    size_t most = DNAME_MAX - (inside ? origin.n : 1U);
    struct buf label = {0};

    for (unsigned n = below(4) + (below(20) == 0 ? 120 : 0); n > 0; n--) {
        buf_reset(&label);
        soup(&label, n > 10 ? 1 : 63);
        append_label(name, label.p, label.n, most);
    }
    buf_free(&label);
    if (inside) {
        memcpy(name->b + name->n, origin.b, origin.n);
        name->n = (uint8_t)(name->n + origin.n);
    } else {
        name->b[name->n++] = 0;
    }
}

static void random_strings(struct trial *t, unsigned n)
{
    for (struct buf string = {0}; n > 0; n--) {
        buf_reset(&string);
        if (below(10))
            soup(&string, 255);
        buf_add_c(&t->wire, (char)string.n);
        buf_add(&t->wire, string.p, string.n);
        spell_string(&t->value, (const uint8_t *)string.p, string.n);
        if (n > 1)
            buf_add_str(&t->value, below(2) ? STR(" ") : STR("\t "));
        else
            buf_free(&string);
    }
}

/* Without a length octet. */
static void random_text(struct trial *t)
{
    struct buf text = {0};

    soup(&text, 400);
    buf_add(&t->wire, text.p, text.n);
    spell_string(&t->value, (const uint8_t *)text.p, text.n);
    buf_free(&text);
}

static void random_field(struct trial *t, uint8_t field)
{
    struct dname name = {.n = 0};
    unsigned number = below(65536);
    char address[] = {(char)192, 0, 2, (char)number};

    switch (field) {
    case RDATA_U16:
        buf_addf(&t->value, "%u", number);
        buf_add_c(&t->wire, (char)(number >> 8));
        buf_add_c(&t->wire, (char)number);
        break;
    case RDATA_NAME:
        random_name(&name, below(2));
        spell_name(&t->value, &name);
        buf_add(&t->wire, name.b, name.n);
        break;
    case RDATA_U8:
        buf_addf(&t->value, "%u", number & 255);
        buf_add_c(&t->wire, (char)number);
        break;
    case RDATA_TAG:
        buf_add_str(&t->value, STR("issue"));
        buf_add(&t->wire, "\5issue", 6);
        break;
    case RDATA_TEXT: random_text(t); break;
    case RDATA_STRING: random_strings(t, 1); break;
    case RDATA_STRINGS: random_strings(t, 1 + below(4)); break;
    case RDATA_IPV4:
        buf_addf(&t->value, "192.0.2.%u", number & 255);
        buf_add(&t->wire, address, 4);
        break;
    case RDATA_IPV6:
        buf_addf(&t->value, "2001:db8::%x", number | 1);
        buf_add(&t->wire, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0", 14);
        buf_add_c(&t->wire, (char)(number >> 8));
        buf_add_c(&t->wire, (char)(number | 1));
        break;
    default: fail_msg("a field without a generator");
    }
}

static void random_value(struct trial *t)
{
    const struct rrtype *row = rrtype_by_code(t->type);

    for (const uint8_t *f = row ? row->fields : NULL; f && *f != RDATA_END; f++) {
        if (t->value.n)
            buf_add_c(&t->value, ' ');
        random_field(t, *f);
    }
    if (row)
        return;
    if (below(10))
        soup(&t->wire, 300);
    buf_addf(&t->value, "\\# %zu ", t->wire.n);
    for (size_t i = 0; i < t->wire.n; i++)
        buf_addf(&t->value, below(20) ? "%02x" : "%02X ", (uint8_t)t->wire.p[i]);
}

void injection_make(struct trial *t, unsigned number)
{
    static const uint16_t types[] = {16, 16, 16, 5,  15, 33, 12,  2,    13,
                                     35, 17, 18, 39, 1,  28, 257, 65280};
    struct buf first = {0};

    *t = (struct trial){.type = types[below(ARRAY_SIZE(types))], .known = below(5) < 3};
    if (below(2))
        soup(&first, 50);
    buf_addf(&first, "v%u", number);
    append_label(&t->owner, first.p, first.n, DNAME_MAX);
    buf_free(&first);
    random_name(&t->owner, true);
    spell_name(&t->name, &t->owner);
    dname_fold(&t->owner);
    random_value(t);
    if (below(2))
        buf_add_str(&t->id, below(2) ? STR("\\\"; $INCLUDE \xc3\xa9\xe2\x80\xa8") : STR("x"));
    if (t->known)
        return;
    if (below(2))
        splice(&t->name);
    if (below(3))
        splice(&t->value);
    if (below(3) == 0)
        splice(&t->id);
}

void injection_free(struct trial *t)
{
    buf_free(&t->name);
    buf_free(&t->value);
    buf_free(&t->id);
    buf_free(&t->wire);
}
