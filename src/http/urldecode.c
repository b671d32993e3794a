/* Percent-encoding. */
#include "urldecode.h"

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)ascii_lower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte of "%41" at the start of s, or -1. */
static int escaped_byte(struct str s)
{
    if (s.n < 3)
        return -1;
    int high = hex_value(s.p[1]), low = hex_value(s.p[2]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static int check_text(struct str s, const char *what, struct problem *p)
{
    uint32_t code;

    while (s.n > 0) {
        unsigned n = str_utf8(s, &code);
        if (n == 0 || code == 0) {
            problem_set(p, -BD_ESYNTAX, NULL, "the %s has %s", what,
                        n == 0 ? "bytes that are not UTF-8" : "a NUL byte (%00)");
            return problem_hint(
                p, "a name or text of the DNS writes such a byte as \\DDD, in decimal");
        }
        s = (struct str){s.p + n, s.n - n};
    }
    return 0;
}

int urldecode(struct arena *a, struct str s, bool plus, const char *what, struct str *ret_out,
              struct problem *p)
{
    const bool plain = s.n == 0 || (!memchr(s.p, '%', s.n) && (!plus || !memchr(s.p, '+', s.n)));
    size_t n = 0;

    if (plain) {
        int r = check_text(s, what, p);
        if (r == 0)
            *ret_out = s;
        return r;
    }
    char *out = arena_alloc(a, s.n);
    if (!out)
        return problem_set(p, -ENOMEM, NULL, "out of memory");
    for (size_t i = 0; i < s.n; i++) {
        const struct str rest = {s.p + i, s.n - i};
        int byte = rest.p[0] != '%' ? (unsigned char)rest.p[0] : escaped_byte(rest);
        if (byte < 0) {
            problem_set(p, -BD_ESYNTAX, NULL, "the %s has '%.*s', which is no percent-encoded byte",
                        what, rest.n < 3 ? (int)rest.n : 3, rest.p);
            return problem_hint(
                p, "write a percent sign as %%25, or let curl do it: --data-urlencode");
        }
        i += rest.p[0] == '%' ? 2 : 0;
        out[n++] = plus && rest.p[0] == '+' ? ' ' : (char)byte;
    }
    int r = check_text((struct str){out, n}, what, p);
    if (r == 0)
        *ret_out = (struct str){out, n};
    return r;
}
