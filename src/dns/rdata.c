/* Rdata in wire form: is it well-formed, how does it compare, which names are in it. Driven by the
 * table's fields. */
#include "rdata.h"

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
        int length = rdata_length(rdata_kinds[*field], rdata, at, n);
        if (length < 0)
            return -BD_ESYNTAX;
        at += (size_t)length;
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
        int length = rdata_length(rdata_kinds[*field], a, at, na);
        if (length < 0)
            break;
        size_t shared = (size_t)length < common - at ? (size_t)length : common - at;
        int d = octets_cmp(a + at, b + at, shared, rdata_kinds[*field]->fold);
        if (d)
            return d;
        at += shared;
    }
    int d = octets_cmp(a + at, b + at, common - at, false);
    return d ? d : (na > nb) - (na < nb);
}

bool rdata_next_name(uint16_t type, const uint8_t *rdata, size_t n, size_t *from,
                     struct dname *ret_name)
{
    const struct rrtype *row = n > 0 ? rrtype_by_code(type) : NULL;
    size_t at = 0;

    for (const uint8_t *field = row ? row->fields : NULL; field && *field != RDATA_END; field++) {
        int length = rdata_length(rdata_kinds[*field], rdata, at, n);
        if (length < 0)
            return false;
        if (at >= *from && (*field == RDATA_NAME || *field == RDATA_NAME_EXACT)) {
            *from = at + (size_t)length;
            return dname_from_wire(rdata + at, n - at, ret_name) > 0;
        }
        at += (size_t)length;
    }
    return false;
}

int rdata_name(uint16_t type, const uint8_t *rdata, size_t n, struct dname *ret_name)
{
    size_t from = 0;

    return rdata_next_name(type, rdata, n, &from, ret_name) ? 0 : -BD_ENOTFOUND;
}
