/* Rdata to presentation form, driven by the table's fields. */
#include "rdata.h"

/* RFC 3597 §5: \# LENGTH HEX. */
static void add_generic(struct buf *out, const uint8_t *p, size_t n)
{
    buf_add_str(out, STR("\\# "));
    rdata_add_number(out, (uint32_t)n);
    if (n == 0)
        return;
    buf_add_c(out, ' ');
    rdata_add_hex(out, p, n);
}

static bool add_fields(struct buf *out, const uint8_t *field, const uint8_t *rdata, size_t n)
{
    size_t at = 0;

    for (bool first = true; *field != RDATA_END; field++, first = false) {
        const struct rdata_kind *kind = rdata_kinds[*field];
        int length = rdata_length(kind, rdata, at, n);
        if (length < 0)
            return false;
        if (length == 0 && kind->optional)
            continue;
        if (!first)
            buf_add_c(out, ' ');
        kind->write(kind, out, rdata, at, (size_t)length);
        at += (size_t)length;
    }
    return at == n;
}

void rdata_to_text(uint16_t type, const uint8_t *rdata, size_t n, struct buf *out)
{
    const struct rrtype *row = rrtype_by_code(type);
    size_t start = out->n;

    if (row && n > 0 && add_fields(out, row->fields, rdata, n))
        return;
    /* No row; or rdata that its row does not describe, which still must not be lost or read beyond
     * its end. */
    out->n = start;
    add_generic(out, rdata, n);
}

void rdata_to_server_text(uint16_t type, const uint8_t *rdata, size_t n, struct buf *out)
{
    const struct rrtype *row = rrtype_by_code(type);
    unsigned flags = row ? row->flags : 0;

    if (flags & RRTYPE_GENERIC || (flags & RRTYPE_GENERIC_LONG && n > 255))
        add_generic(out, rdata, n);
    else
        rdata_to_text(type, rdata, n, out);
}
