/* Strict JSON (RFC 8259): what cJSON lets through is refused before it sees it. It takes bytes
 * behind the end, numbers like 01 and 1., text that is not UTF-8, cuts strings at \u0000, and its
 * recursion is as deep as the text wants. */
#include "http_private.h"

struct scan {
    struct str text; /* all of it */
    size_t at;
    unsigned depth;
    struct arena *arena;
    struct json_numbers numbers;
    struct problem *problem;
};

static int scan_value(struct scan *s);

static int peek(const struct scan *s)
{
    return s->at < s->text.n ? (unsigned char)s->text.p[s->at] : -1;
}

static int fail(struct scan *s, const char *what)
{
    size_t line = 1, column = 1;

    for (size_t i = 0; i < s->at && i < s->text.n; i++) {
        const bool newline = s->text.p[i] == '\n';
        line += newline;
        column = newline ? 1 : column + 1;
    }
    return problem_set(s->problem, -BD_ESYNTAX, NULL, "JSON, line %zu, column %zu: %s", line,
                       column, what);
}

static void skip_blanks(struct scan *s)
{
    while (s->at < s->text.n && memchr(" \t\r\n", s->text.p[s->at], 4))
        s->at++;
}

static unsigned skip_digits(struct scan *s)
{
    unsigned n = 0;

    for (; peek(s) >= '0' && peek(s) <= '9'; s->at++)
        n++;
    return n;
}

static int keep_number(struct scan *s, size_t from)
{
    struct json_numbers *kept = &s->numbers;
    const struct str text = {s->text.p + from, s->at - from};

    if (text.n > 63) /* cJSON's own limit */
        return fail(s, "a number of more than 63 characters");
    if (kept->n == kept->cap) {
        struct str *items = arena_grow(s->arena, kept->items, &kept->cap, sizeof(*items));
        if (!items)
            return problem_set(s->problem, -ENOMEM, NULL, "out of memory");
        kept->items = items;
    }
    kept->items[kept->n++] = text;
    return 0;
}

static int scan_number(struct scan *s)
{
    const size_t from = s->at;

    s->at += peek(s) == '-';
    const bool zero = peek(s) == '0';
    const unsigned whole = skip_digits(s);
    if (whole == 0 || (zero && whole > 1))
        return fail(s, whole == 0 ? "a value is missing or misspelt" : "a number begins with 0");
    if (peek(s) == '.') {
        s->at++;
        if (skip_digits(s) == 0)
            return fail(s, "a digit is missing after the point");
    }
    if (peek(s) == 'e' || peek(s) == 'E') {
        s->at++;
        s->at += peek(s) == '+' || peek(s) == '-';
        if (skip_digits(s) == 0)
            return fail(s, "a digit is missing in the exponent");
    }
    return keep_number(s, from);
}

/* Four hex digits at s->at; -1: they are not. */
static int hex4(const struct scan *s)
{
    int v = 0;

    for (size_t i = 0; i < 4; i++) {
        if (s->at + i >= s->text.n)
            return -1;
        const int c = ascii_lower((unsigned char)s->text.p[s->at + i]);
        if (c >= '0' && c <= '9')
            v = v * 16 + c - '0';
        else if (c >= 'a' && c <= 'f')
            v = v * 16 + c - 'a' + 10;
        else
            return -1;
    }
    return v;
}

static bool is_high(int code)
{
    return code >= 0xd800 && code <= 0xdbff;
}

static bool is_low(int code)
{
    return code >= 0xdc00 && code <= 0xdfff;
}

/* Behind "\u". */
static int scan_unicode(struct scan *s)
{
    int code = hex4(s);

    if (code < 0)
        return fail(s, "\\u without four hex digits");
    if (code == 0)
        return fail(s, "a NUL character");
    if (is_low(code))
        return fail(s, "half of a surrogate pair");
    s->at += 4;
    if (!is_high(code))
        return 0;
    if (s->text.n - s->at < 6 || memcmp(s->text.p + s->at, "\\u", 2) != 0)
        return fail(s, "half of a surrogate pair");
    s->at += 2;
    if (!is_low(hex4(s)))
        return fail(s, "half of a surrogate pair");
    s->at += 4;
    return 0;
}

static int scan_escape(struct scan *s)
{
    s->at++;
    const int c = peek(s);
    if (c == 'u') {
        s->at++;
        return scan_unicode(s);
    }
    if (c < 0 || !memchr("\"\\/bfnrt", c, 8))
        return fail(s, "an unknown escape");
    s->at++;
    return 0;
}

static int scan_string(struct scan *s)
{
    uint32_t code;

    s->at++;
    for (;;) {
        const int c = peek(s);
        if (c < 0)
            return fail(s, "a string without its end");
        if (c == '"') {
            s->at++;
            return 0;
        }
        if (c < 0x20)
            return fail(s, "a control character in a string");
        if (c == '\\') {
            int r = scan_escape(s);
            if (r < 0)
                return r;
            continue;
        }
        const unsigned n = str_utf8((struct str){s->text.p + s->at, s->text.n - s->at}, &code);
        if (n == 0)
            return fail(s, "bytes that are not UTF-8");
        s->at += n;
    }
}

static int scan_word(struct scan *s, struct str word)
{
    const struct str rest = {s->text.p + s->at, s->text.n - s->at};

    if (!str_starts(rest, word))
        return fail(s, "a value is missing or misspelt");
    s->at += word.n;
    return 0;
}

static int scan_key(struct scan *s)
{
    skip_blanks(s);
    if (peek(s) != '"')
        return fail(s, "a name in quotes is missing");
    int r = scan_string(s);
    if (r < 0)
        return r;
    skip_blanks(s);
    if (peek(s) != ':')
        return fail(s, "a colon is missing");
    s->at++;
    return 0;
}

/* An object (close '}') or a list (close ']'). */
static int scan_bracket(struct scan *s, int close)
{
    if (++s->depth > HTTP_JSON_DEPTH_MAX)
        return fail(s, "more than 16 brackets inside one another");
    s->at++;
    skip_blanks(s);
    if (peek(s) == close) {
        s->at++;
        s->depth--;
        return 0;
    }
    for (;;) {
        int r = close == '}' ? scan_key(s) : 0;
        if (r == 0)
            r = scan_value(s);
        if (r < 0)
            return r;
        const int c = peek(s);
        if (c != ',' && c != close)
            return fail(s, c < 0 ? "it ends too early" : "a comma or bracket is missing");
        s->at++;
        if (c == close)
            break;
    }
    s->depth--;
    return 0;
}

static int scan_value(struct scan *s)
{
    int r;

    skip_blanks(s);
    switch (peek(s)) {
    case '{': r = scan_bracket(s, '}'); break;
    case '[': r = scan_bracket(s, ']'); break;
    case '"': r = scan_string(s); break;
    case 't': r = scan_word(s, STR("true")); break;
    case 'f': r = scan_word(s, STR("false")); break;
    case 'n': r = scan_word(s, STR("null")); break;
    default: r = scan_number(s);
    }
    skip_blanks(s);
    return r;
}

int json_scan(struct arena *a, struct str text, struct json_numbers *ret_numbers, struct problem *p)
{
    struct scan s = {.text = text, .arena = a, .problem = p};

    int r = scan_value(&s);
    if (r < 0)
        return r;
    if (s.at < s.text.n)
        return fail(&s, "something follows behind the end");
    *ret_numbers = s.numbers;
    return 0;
}
