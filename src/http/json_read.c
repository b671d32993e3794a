/* JSON in, for clients of an API: views of one text. */
#include "http_private.h"

int json_check(struct str text)
{
    struct json_numbers numbers;
    struct arena arena = {0};
    struct problem problem;

    int r = json_scan(&arena, text, &numbers, &problem);
    arena_free(&arena);
    return r;
}

static struct str behind(struct str s, size_t n)
{
    return (struct str){s.p + n, s.n - n};
}

static struct str skip_blanks(struct str s)
{
    while (s.n > 0 && memchr(" \t\r\n", s.p[0], 4))
        s = behind(s, 1);
    return s;
}

/* The length of the string at the start of s, with its quotes. */
static size_t string_length(struct str s)
{
    size_t n = 1;

    while (n < s.n && s.p[n] != '"')
        n += s.p[n] == '\\' ? 2 : 1;
    return n < s.n ? n + 1 : s.n;
}

/* Up to the bracket that closes the one at the start of s. */
static size_t bracket_length(struct str s)
{
    size_t n = 0, depth = 0;

    while (n < s.n) {
        const char c = s.p[n];
        n += c == '"' ? string_length(behind(s, n)) : 1;
        depth += c == '{' || c == '[';
        depth -= c == '}' || c == ']';
        if (depth == 0)
            break;
    }
    return n;
}

/* Takes the value at the start of *rest off it. */
static bool cut_value(struct str *rest, struct str *ret_value)
{
    struct str s = skip_blanks(*rest);
    size_t n = 0;

    if (s.n == 0)
        return false;
    if (s.p[0] == '"')
        n = string_length(s);
    else if (s.p[0] == '{' || s.p[0] == '[')
        n = bracket_length(s);
    else
        while (n < s.n && !memchr(" \t\r\n,]}", s.p[n], 7))
            n++;
    *ret_value = (struct str){s.p, n};
    *rest = skip_blanks(behind(s, n));
    return n > 0;
}

/* Steps over the bracket that opens, or the comma; false at the end, and where there is neither. */
static bool step(struct str *rest, char open)
{
    struct str s = skip_blanks(*rest);

    if (s.n < 2 || (s.p[0] != open && s.p[0] != ','))
        return false;
    s = skip_blanks(behind(s, 1));
    if (s.n == 0 || s.p[0] == ']' || s.p[0] == '}')
        return false;
    *rest = s;
    return true;
}

bool json_member(struct str object, const char *name, struct str *ret_value)
{
    const struct str wanted = str_c(name);
    struct str key, value;

    while (step(&object, '{') && cut_value(&object, &key) && object.n > 0 && object.p[0] == ':') {
        object = behind(object, 1);
        if (!cut_value(&object, &value))
            return false;
        if (key.n == wanted.n + 2 && str_eq((struct str){key.p + 1, wanted.n}, wanted)) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}

bool json_item(struct str *rest, struct str *ret_item)
{
    return step(rest, '[') && cut_value(rest, ret_item);
}

static unsigned hex4(const char *p)
{
    unsigned code = 0;

    for (size_t i = 0; i < 4; i++) {
        const unsigned c = ascii_lower((unsigned char)p[i]);
        code = code << 4 | ((c <= '9' ? c - '0' : c - 'a' + 10) & 15);
    }
    return code;
}

static void add_utf8(struct buf *out, uint32_t code)
{
    if (code < 0x80) {
        buf_add_c(out, (char)code);
        return;
    }
    if (code < 0x800) {
        buf_add_c(out, (char)(0xc0 | code >> 6));
    } else {
        if (code < 0x10000) {
            buf_add_c(out, (char)(0xe0 | code >> 12));
        } else {
            buf_add_c(out, (char)(0xf0 | code >> 18));
            buf_add_c(out, (char)(0x80 | (code >> 12 & 0x3f)));
        }
        buf_add_c(out, (char)(0x80 | (code >> 6 & 0x3f)));
    }
    buf_add_c(out, (char)(0x80 | (code & 0x3f)));
}

/* The escape behind a backslash; its length. */
static size_t add_escape(struct buf *out, struct str s)
{
    static const char plain[] = {['b'] = '\b', ['f'] = '\f', ['n'] = '\n', ['r'] = '\r',
                                 ['t'] = '\t', ['"'] = '"',  ['/'] = '/',  ['\\'] = '\\'};
    const unsigned char c = (unsigned char)s.p[0];

    if (c != 'u' || s.n < 5) {
        if (c < sizeof(plain) && plain[c])
            buf_add_c(out, plain[c]);
        return 1;
    }
    uint32_t code = hex4(s.p + 1);
    if (code < 0xd800 || code > 0xdbff || s.n < 11) {
        add_utf8(out, code);
        return 5;
    }
    add_utf8(out, 0x10000 + ((code & 0x3ff) << 10) + (hex4(s.p + 7) & 0x3ff)); /* RFC 8259 §7 */
    return 11;
}

void json_text(struct str value, struct buf *out)
{
    if (value.n < 2 || value.p[0] != '"') {
        buf_add_str(out, value);
        return;
    }
    for (struct str s = {value.p + 1, value.n - 2}; s.n > 0;) {
        size_t plain = 0;
        while (plain < s.n && s.p[plain] != '\\')
            plain++;
        buf_add(out, s.p, plain);
        s = behind(s, plain);
        if (s.n < 2)
            break;
        s = behind(s, 1);
        s = behind(s, add_escape(out, s));
    }
}
