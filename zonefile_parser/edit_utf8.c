/* Letters beyond ASCII, in files whose people write them. */
#include "edit.h"

/* Looked for once, and only when there is something to be written so. */
static bool has_raw(struct edit *e)
{
    if (e->looked)
        return e->raw;
    e->looked = true;
    for (size_t i = 0; i < e->text.n && !e->raw; i++)
        e->raw = (unsigned char)e->text.p[i] >= 0x80;
    return e->raw;
}

/* The octet above 0x7f that is escaped at p; 0: none is. */
static unsigned char escaped_at(const char *p, const char *end)
{
    unsigned value;

    if (end - p < 4 || p[0] != '\\' || !ascii_digit(p[1]) || !ascii_digit(p[2]) ||
        !ascii_digit(p[3]))
        return 0;
    value = (unsigned)(p[1] - '0') * 100 + (unsigned)(p[2] - '0') * 10 + (unsigned)(p[3] - '0');
    return value >= 0x80 && value <= 255 ? (unsigned char)value : 0;
}

/* The octets of the character whose first is escaped at p; 0: it is not to be shown. */
static unsigned character_at(const char *p, const char *end, char octets[4])
{
    size_t n = 0;

    for (; n < 4; n++) {
        octets[n] = (char)escaped_at(p + 4 * n, end);
        if (!octets[n])
            break;
    }
    return str_printable((struct str){octets, n});
}

void zp_edit_readable(struct edit *e, struct buf *out, size_t start)
{
    const char *p, *end;
    char *to, octets[4];

    if (out->error || out->n == start || !memchr(out->p + start, '\\', out->n - start) ||
        !has_raw(e))
        return;
    p = to = out->p + start;
    end = out->p + out->n;
    while (p < end) {
        const unsigned n = character_at(p, end, octets);
        if (n) {
            memcpy(to, octets, n);
            to += n;
            p += 4 * (size_t)n;
            continue;
        }
        if (*p == '\\' && p + 1 < end)
            *to++ = *p++; /* what is behind it begins no escape */
        *to++ = *p++;
    }
    out->n = (size_t)(to - out->p);
}

void zp_edit_owner(struct edit *e, const struct dname *name, const struct dname *origin,
                   bool relative, struct buf *out)
{
    const size_t start = out->n;

    zp_edit_name(name, origin, relative, out);
    zp_edit_readable(e, out, start);
}
