/* Presentation form to rdata, driven by the table's fields. */
#include "rdata.h"

#include <arpa/inet.h>
#include <stdio.h>

/* What a message quotes of the user's text: printable, and not too long. */
struct quote {
    char text[72];
};

static struct quote quote_of(struct str s)
{
    struct quote q;
    size_t n = 0, shown = s.n <= 64 ? s.n : 61;

    for (; n < shown; n++) {
        unsigned char c = (unsigned char)s.p[n];
        q.text[n] = c < 0x20 || c >= 0x7f ? '?' : (char)c;
    }
    snprintf(q.text + n, sizeof(q.text) - n, "%s", n < s.n ? "..." : "");
    return q;
}

/* One rdata being read. */
struct reading {
    struct lexer *lx;
    uint16_t type;
    const struct rrtype *row; /* NULL: none */
    const struct dname_rules *rules;
    struct rdata *to;
};

/* The type, for messages. */
struct type_text {
    char text[RRTYPE_TEXT_MAX];
};

static struct type_text type_of(const struct reading *rd)
{
    struct type_text t;

    rrtype_to_text(rd->type, t.text);
    return t;
}

static void hint_example(struct reading *rd)
{
    if (rd->row && rd->row->example)
        snprintf(rd->lx->error.hint, sizeof(rd->lx->error.hint), "%s is written like: %s",
                 type_of(rd).text, rd->row->example);
}

/* The common fault: this token is not what the type wants here. */
static int wrong(struct reading *rd, struct lex_token t, int code, const char *what)
{
    struct quote q = quote_of(t.text);

    lex_fail(rd->lx, t, code, "'%s' %s", q.text, what);
    hint_example(rd);
    return code;
}

static uint8_t *room(struct reading *rd, struct lex_token t, size_t n)
{
    if (n > (size_t)(RDATA_MAX - rd->to->n)) {
        lex_fail(rd->lx, t, -BD_EINVALID, "the record is longer than %d octets", RDATA_MAX);
        return NULL;
    }
    uint8_t *p = rd->to->b + rd->to->n;
    rd->to->n = (uint16_t)(rd->to->n + n);
    return p;
}

static bool token_number(struct lex_token t, uint32_t max, int *ret_error, uint32_t *ret_value)
{
    uint64_t value;

    *ret_error = t.kind == LEX_WORD ? str_u64(t.text, max, &value) : -EINVAL;
    if (*ret_error < 0)
        return false;
    *ret_value = (uint32_t)value;
    return true;
}

static int parse_number(struct reading *rd, struct lex_token t, unsigned octets)
{
    uint32_t max = octets == 4 ? UINT32_MAX : (UINT32_C(1) << 8 * octets) - 1, value;
    int error;
    char what[64];

    if (!token_number(t, max, &error, &value)) {
        snprintf(what, sizeof(what), "is not a number from 0 to %u", max);
        return wrong(rd, t, error == -ERANGE ? -BD_EINVALID : -BD_ESYNTAX, what);
    }
    uint8_t *p = room(rd, t, octets);
    if (!p)
        return -BD_EINVALID;
    for (unsigned i = 0; i < octets; i++)
        p[i] = (uint8_t)(value >> 8 * (octets - 1 - i));
    return 0;
}

/* A plain number may use all 32 bits: RFC 1035 §3.3.13 says so, the limit of RFC 2181 §8 is for
 * TTLs. */
static int parse_seconds(struct reading *rd, struct lex_token t)
{
    uint32_t value;
    int error;

    if (!token_number(t, UINT32_MAX, &error, &value)) {
        error = t.kind == LEX_WORD && error != -ERANGE ? lex_ttl(t.text, &value) : -ERANGE;
        if (error < 0)
            return wrong(rd, t, -BD_ESYNTAX, "is not a time (seconds, or like 1h30m)");
    }
    uint8_t *p = room(rd, t, 4);
    if (!p)
        return -BD_EINVALID;
    wire_put_u32(p, value);
    return 0;
}

/* Exactly four decimal octets without leading zeros: 010.0.0.1 is 8.0.0.1 to some and 10.0.0.1 to
 * others. */
static const char *read_ipv4(struct str text, uint8_t out[4])
{
    size_t at = 0;

    for (unsigned i = 0; i < 4; i++) {
        unsigned value = 0, digits = 0;
        if (i > 0 && (at == text.n || text.p[at++] != '.'))
            return "is not an IPv4 address (four numbers from 0 to 255 with dots between them)";
        for (; at < text.n && text.p[at] >= '0' && text.p[at] <= '9' && digits < 4; at++) {
            value = value * 10 + (unsigned)(text.p[at] - '0');
            digits++;
        }
        if (digits > 1 && text.p[at - digits] == '0')
            return "has a leading zero";
        if (digits == 0 || digits > 3 || value > 255)
            return "is not an IPv4 address (four numbers from 0 to 255 with dots between them)";
        out[i] = (uint8_t)value;
    }
    return at == text.n ? NULL
                        : "is not an IPv4 address (four numbers from 0 to 255 with dots between "
                          "them)";
}

static bool is_ipv6(struct str text, uint8_t out[16])
{
    char copy[INET6_ADDRSTRLEN];

    if (text.n >= sizeof(copy) || memchr(text.p, '\0', text.n))
        return false;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    return inet_pton(AF_INET6, copy, out) == 1;
}

/* Takes off what people write behind an address; returns what to say about it, NULL where there is
 * nothing of that kind. */
static const char *address_with_more(struct str text)
{
    static const struct {
        char sep;
        const char *says;
    } kinds[] = {
        {'/', "is a network, not an address"},
        {'%', "has an interface behind the address, which DNS cannot carry"},
        {':', "has a port behind the address"},
    };
    struct str head;
    uint8_t octets[16];

    if (text.n > 2 && text.p[0] == '[')
        return "has brackets, which belong into URLs only";
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        const char *sep = memchr(text.p, kinds[i].sep, text.n);
        if (!sep)
            continue;
        head = (struct str){text.p, (size_t)(sep - text.p)};
        if (!read_ipv4(head, octets) || is_ipv6(head, octets))
            return kinds[i].says;
    }
    return NULL;
}

static int wrong_address(struct reading *rd, struct lex_token t, const char *what)
{
    uint8_t octets[16];
    bool v4 = !read_ipv4(t.text, octets), v6 = !v4 && is_ipv6(t.text, octets);
    const char *more = address_with_more(t.text);
    char says[96];

    if (v6)
        snprintf(says, sizeof(says), "is an IPv6 address; type %s takes an IPv4 address (use AAAA)",
                 type_of(rd).text);
    else if (v4)
        snprintf(says, sizeof(says), "is an IPv4 address; type %s takes an IPv6 address (use A)",
                 type_of(rd).text);
    else
        snprintf(says, sizeof(says), "%s", more ? more : what);
    return wrong(rd, t, -BD_EINVALID, says);
}

static int put(struct reading *rd, struct lex_token t, const uint8_t *octets, size_t n)
{
    uint8_t *p = room(rd, t, n);

    if (!p)
        return -BD_EINVALID;
    memcpy(p, octets, n);
    return 0;
}

static int parse_ipv4(struct reading *rd, struct lex_token t)
{
    uint8_t octets[4];
    const char *fault = read_ipv4(t.text, octets);

    if (t.kind == LEX_QUOTED)
        return wrong(rd, t, -BD_ESYNTAX, "is in quotes; an address stands without them");
    if (fault)
        return wrong_address(rd, t, fault);
    return put(rd, t, octets, sizeof(octets));
}

static int parse_ipv6(struct reading *rd, struct lex_token t)
{
    uint8_t octets[16];

    if (t.kind == LEX_QUOTED)
        return wrong(rd, t, -BD_ESYNTAX, "is in quotes; an address stands without them");
    if (!is_ipv6(t.text, octets))
        return wrong_address(rd, t, "is not an IPv6 address");
    return put(rd, t, octets, sizeof(octets));
}

static int parse_name(struct reading *rd, struct lex_token t)
{
    struct dname name;
    size_t at;

    if (t.kind == LEX_QUOTED)
        return wrong(rd, t, -BD_ESYNTAX, "is in quotes; a name stands without them");
    int r = dname_from_text(t.text, rd->rules, &name, &at);
    if (r < 0) {
        struct quote q = quote_of(t.text);
        struct lex_token place = t;
        if (at < t.text.n) {
            place.text.p += at;
            place.text.n = r == -BD_ESYNTAX ? 1 : place.text.n - at;
        }
        return lex_fail(rd->lx, place, r == -BD_EINVALID ? r : -BD_ESYNTAX,
                        "'%s' is not a name: %s", q.text, dname_fault(r, t.text, at));
    }
    return put(rd, t, name.b, name.n);
}

static int parse_string(struct reading *rd, struct lex_token t)
{
    uint8_t octets[255];
    int n = lex_octets(t.text, octets, sizeof(octets));

    if (n == -ENOSPC) {
        lex_fail(rd->lx, t, -BD_EINVALID, "a string is longer than 255 octets");
        snprintf(rd->lx->error.hint, sizeof(rd->lx->error.hint),
                 "write it as several strings: \"...\" \"...\"");
        return -BD_EINVALID;
    }
    if (n < 0)
        return wrong(rd, t, -BD_ESYNTAX,
                     "has a backslash without a character or three digits up to 255 behind it");
    uint8_t *p = room(rd, t, (size_t)n + 1);
    if (!p)
        return -BD_EINVALID;
    p[0] = (uint8_t)n;
    memcpy(p + 1, octets, (size_t)n);
    return 0;
}

static int parse_strings(struct reading *rd, struct lex_token t)
{
    for (;;) {
        int r = parse_string(rd, t);
        if (r < 0)
            return r;
        t = lex_next(rd->lx);
        if (t.kind == LEX_BAD)
            return -BD_ESYNTAX;
        if (t.kind != LEX_WORD && t.kind != LEX_QUOTED) {
            lex_push(rd->lx, t);
            return 0;
        }
    }
}

static int parse_field(struct reading *rd, uint8_t field, struct lex_token t)
{
    switch (field) {
    case RDATA_U8: return parse_number(rd, t, 1);
    case RDATA_U16: return parse_number(rd, t, 2);
    case RDATA_U32: return parse_number(rd, t, 4);
    case RDATA_SECONDS: return parse_seconds(rd, t);
    case RDATA_IPV4: return parse_ipv4(rd, t);
    case RDATA_IPV6: return parse_ipv6(rd, t);
    case RDATA_NAME: return parse_name(rd, t);
    case RDATA_STRING: return parse_string(rd, t);
    default: return parse_strings(rd, t);
    }
}

/* The next word, where one must follow. */
static int take(struct reading *rd, struct lex_token *ret_token)
{
    struct lex_token t = lex_next(rd->lx);

    if (t.kind == LEX_BAD)
        return -BD_ESYNTAX;
    if (t.kind != LEX_WORD && t.kind != LEX_QUOTED) {
        lex_push(rd->lx, t);
        lex_fail(rd->lx, t, -BD_ESYNTAX, "the value of type %s ends too early", type_of(rd).text);
        hint_example(rd);
        return -BD_ESYNTAX;
    }
    *ret_token = t;
    return 0;
}

static int parse_fields(struct reading *rd, struct lex_token t)
{
    const uint8_t *field = rd->row->fields;

    for (;;) {
        int r = parse_field(rd, *field, t);
        if (r < 0 || *++field == RDATA_END)
            return r;
        r = take(rd, &t);
        if (r < 0)
            return r;
    }
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)ascii_lower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Words of hex, an even number of digits each (RFC 3597 §5), up to the line's end. */
static int parse_hex(struct reading *rd)
{
    for (;;) {
        struct lex_token t = lex_next(rd->lx);
        if (t.kind == LEX_BAD)
            return -BD_ESYNTAX;
        if (t.kind == LEX_EOL || t.kind == LEX_EOF) {
            lex_push(rd->lx, t);
            return 0;
        }
        if (t.kind != LEX_WORD || t.text.n % 2 != 0)
            return wrong(rd, t, -BD_ESYNTAX, "is not an even number of hexadecimal digits");
        uint8_t *p = room(rd, t, t.text.n / 2);
        if (!p)
            return -BD_EINVALID;
        for (size_t i = 0; i < t.text.n; i += 2) {
            int high = hex_digit(t.text.p[i]), low = hex_digit(t.text.p[i + 1]);
            if (high < 0 || low < 0)
                return wrong(rd, t, -BD_ESYNTAX, "is not hexadecimal");
            p[i / 2] = (uint8_t)(high << 4 | low);
        }
    }
}

/* RFC 3597 §5, behind "\#". */
static int parse_generic(struct reading *rd, struct lex_token start)
{
    struct lex_token t;
    uint32_t length;
    int error, r = take(rd, &t);

    if (r < 0)
        return r;
    if (!token_number(t, RDATA_MAX, &error, &length))
        return wrong(rd, t, -BD_ESYNTAX, "is not the number of octets (0 to 65535)");
    r = parse_hex(rd);
    if (r < 0)
        return r;
    if (rd->to->n != length)
        return lex_fail(rd->lx, t, -BD_EINVALID, "\\# says %u octets, but %u follow", length,
                        rd->to->n);
    if (rdata_check(rd->type, rd->to->b, rd->to->n) < 0)
        return lex_fail(rd->lx, start, -BD_EINVALID,
                        "these octets are not a well-formed value of type %s", type_of(rd).text);
    return 0;
}

/* Nothing but the line's end may follow; it stays for the caller. */
static int expect_end(struct reading *rd)
{
    struct lex_token t = lex_next(rd->lx);

    if (t.kind == LEX_BAD)
        return -BD_ESYNTAX;
    if (t.kind == LEX_EOL || t.kind == LEX_EOF) {
        lex_push(rd->lx, t);
        return 0;
    }
    char what[64];
    snprintf(what, sizeof(what), "is too much behind a value of type %s", type_of(rd).text);
    return wrong(rd, t, -BD_ESYNTAX, what);
}

static bool is_generic_mark(struct lex_token t)
{
    return t.kind == LEX_WORD && str_eq(t.text, STR("\\#"));
}

int rdata_parse(struct lexer *lx, uint16_t type, const struct dname_rules *rules,
                struct rdata *ret_rdata)
{
    struct reading rd = {
        .lx = lx, .type = type, .row = rrtype_by_code(type), .rules = rules, .to = ret_rdata};
    struct lex_token t;
    int r;

    ret_rdata->n = 0;
    r = take(&rd, &t);
    if (r < 0)
        return r;
    if (type == 0 || (rd.row && rd.row->flags & RRTYPE_META))
        return lex_fail(lx, t, -BD_EINVALID, "type %s is for questions only, it has no records",
                        type_of(&rd).text);
    if (is_generic_mark(t)) {
        r = parse_generic(&rd, t);
    } else if (!rd.row) {
        r = lex_fail(lx, t, -BD_ESYNTAX, "a value of %s is written as \\# LENGTH HEX (RFC 3597)",
                     type_of(&rd).text);
    } else {
        r = parse_fields(&rd, t);
    }
    return r < 0 ? r : expect_end(&rd);
}

int rdata_from_text(uint16_t type, struct str text, const struct dname_rules *rules,
                    struct rdata *ret_rdata, struct lex_error *ret_error)
{
    struct lexer lx;
    struct lex_token t;
    int r;

    lex_start(&lx, text);
    r = rdata_parse(&lx, type, rules, ret_rdata);
    if (r < 0)
        goto failed;
    do
        t = lex_next(&lx);
    while (t.kind == LEX_EOL);
    if (t.kind == LEX_EOF)
        return 0;
    r = t.kind == LEX_BAD
            ? -BD_ESYNTAX
            : lex_fail(&lx, t, -BD_ESYNTAX, "one value is one record: something follows its line");
failed:
    *ret_error = lx.error;
    if (text.n == 0)
        ret_error->at = text.p; /* the lexer has a place of its own for no text at all */
    return r;
}
