/* Rdata in wire form: is it well-formed, how does it compare, which names are in it. Driven by the
 * table's fields. */
#include "rdata.h"

static size_t name_length(const uint8_t *p, size_t left)
{
    struct dname name;
    int n = dname_from_wire(p, left, &name);

    return n < 0 ? 0 : (size_t)n;
}

static size_t strings_length(const uint8_t *p, size_t left)
{
    size_t n = 0;

    while (n < left) {
        if (p[n] >= left - n)
            return 0;
        n += p[n] + 1U;
    }
    return n;
}

size_t rdata_field_length(uint8_t field, const uint8_t *p, size_t left)
{
    static const uint8_t fixed[] = {
        [RDATA_U8] = 1,      [RDATA_U16] = 2,  [RDATA_U32] = 4,
        [RDATA_SECONDS] = 4, [RDATA_IPV4] = 4, [RDATA_IPV6] = 16,
    };

    switch (field) {
    case RDATA_NAME: return name_length(p, left);
    case RDATA_STRING: return left > 0 && p[0] < left ? p[0] + 1U : 0;
    case RDATA_STRINGS: return strings_length(p, left);
    default: return fixed[field] <= left ? fixed[field] : 0;
    }
}

int rdata_check(uint16_t type, const uint8_t *rdata, size_t n)
{
    const struct rrtype *row = rrtype_by_code(type);
    static const uint8_t none[1];
    size_t at = 0;

    if (n == 0)
        rdata = none; /* NULL is fine then, but not for arithmetic */
    if (n > RDATA_MAX || type == 0 || (row && row->flags & RRTYPE_META))
        return -BD_ESYNTAX;
    if (!row)
        return 0; /* RFC 3597: any octets, none too */
    for (const uint8_t *field = row->fields; *field != RDATA_END; field++) {
        size_t length = rdata_field_length(*field, rdata + at, n - at);
        if (length == 0)
            return -BD_ESYNTAX;
        at += length;
    }
    return at == n ? 0 : -BD_ESYNTAX;
}

static int octets_cmp(const uint8_t *a, const uint8_t *b, size_t n, bool fold)
{
    if (!fold)
        return n ? memcmp(a, b, n) : 0;
    for (size_t i = 0; i < n; i++) {
        int d = ascii_lower(a[i]) - ascii_lower(b[i]);
        if (d)
            return d;
    }
    return 0;
}

/* Up to the first difference both have the same fields at the same places: a's fields say for both
 * which octets to fold. */
int rdata_cmp(uint16_t type, const uint8_t *a, size_t na, const uint8_t *b, size_t nb)
{
    const struct rrtype *row = rrtype_by_code(type);
    size_t common = na < nb ? na : nb, at = 0;

    if (common == 0) /* an empty one may be NULL, which is none for arithmetic */
        return (na > nb) - (na < nb);
    for (const uint8_t *field = row ? row->fields : NULL; field && *field != RDATA_END; field++) {
        size_t length = rdata_field_length(*field, a + at, na - at);
        if (length > common - at)
            length = common - at;
        int d = octets_cmp(a + at, b + at, length, *field == RDATA_NAME);
        if (d)
            return d;
        at += length;
    }
    int d = octets_cmp(a + at, b + at, common - at, false);
    return d ? d : (na > nb) - (na < nb);
}

int rdata_name(uint16_t type, const uint8_t *rdata, size_t n, struct dname *ret_name)
{
    const struct rrtype *row = n > 0 ? rrtype_by_code(type) : NULL;
    size_t at = 0;

    for (const uint8_t *field = row ? row->fields : NULL; field && *field != RDATA_END; field++) {
        size_t length = rdata_field_length(*field, rdata + at, n - at);
        if (length == 0)
            return -BD_ENOTFOUND;
        if (*field == RDATA_NAME) {
            int r = dname_from_wire(rdata + at, n - at, ret_name);
            return r < 0 ? -BD_ENOTFOUND : 0;
        }
        at += length;
    }
    return -BD_ENOTFOUND;
}
