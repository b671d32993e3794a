/* Fields that are a domain name, and the gateway of IPSECKEY, which may be one. Never compressed in
 * rdata that is stored (RFC 3597 §4). */
#include "rdata.h"

static int length_domain(const struct rdata_kind *kind, const uint8_t *rdata, size_t at, size_t n)
{
    int length = dname_wire_length(rdata + at, n - at);

    (void)kind;
    return length < 0 ? -1 : length;
}

static int read_domain(struct rdata_reader *rd, struct lex_token t)
{
    struct dname name;
    size_t at;

    if (t.kind == LEX_QUOTED)
        return rdata_wrong(rd, t, -BD_ESYNTAX, "is in quotes; a name stands without them");
    int r = dname_from_text(t.text, rd->rules, &name, &at);
    if (r < 0) {
        struct rdata_quote q = rdata_quote(t.text);
        struct lex_token place = t;
        if (at < t.text.n) {
            place.text.p += at;
            place.text.n = r == -BD_ESYNTAX ? 1 : place.text.n - at;
        }
        return lex_fail(rd->lx, place, r == -BD_EINVALID ? r : -BD_ESYNTAX,
                        "'%s' is not a name: %s", q.text, dname_fault(r, t.text, at));
    }
    return rdata_put(rd, t, name.b, name.n);
}

static void write_domain(const struct rdata_kind *kind, struct buf *out, const uint8_t *rdata,
                         size_t at, size_t length)
{
    struct dname name = {.n = (uint8_t)length};
    char *room = buf_room(out, DNAME_TEXT_MAX);

    (void)kind;
    if (!room)
        return;
    memcpy(name.b, rdata + at, length);
    out->n += dname_to_text(&name, room);
}

const struct rdata_kind rdata_domain = {
    .length = length_domain, .read = read_domain, .write = write_domain, .fold = true};
/* Not in the list of RFC 4034 §6.2 (3), or taken off it by RFC 6840 §5.1. */
const struct rdata_kind rdata_domain_exact = {
    .length = length_domain, .read = read_domain, .write = write_domain};

/* ---- IPSECKEY (RFC 4025 §2): precedence, gateway type, algorithm, gateway, key --------------- */

enum { GATEWAY_TYPE = 1 }; /* its place in rdata */

static const struct rdata_kind no_gateway;

static const struct rdata_kind *const gateways[] = {&no_gateway, &rdata_ipv4, &rdata_ipv6,
                                                    &rdata_domain_exact};

static const struct rdata_kind *gateway_kind(const uint8_t *rdata)
{
    return rdata[GATEWAY_TYPE] < ARRAY_SIZE(gateways) ? gateways[rdata[GATEWAY_TYPE]] : NULL;
}

static int read_no_gateway(struct rdata_reader *rd, struct lex_token t)
{
    if (str_eq(t.text, STR(".")))
        return 0;
    return rdata_wrong(rd, t, -BD_ESYNTAX, "is not '.', which means no gateway (type 0)");
}

static void write_no_gateway(const struct rdata_kind *kind, struct buf *out, const uint8_t *rdata,
                             size_t at, size_t length)
{
    (void)kind;
    (void)rdata;
    (void)at;
    (void)length;
    buf_add_c(out, '.');
}

static const struct rdata_kind no_gateway = {.read = read_no_gateway, .write = write_no_gateway};

static int length_gateway(const struct rdata_kind *kind, const uint8_t *rdata, size_t at, size_t n)
{
    const struct rdata_kind *own = gateway_kind(rdata);

    (void)kind;
    return own ? rdata_length(own, rdata, at, n) : -1;
}

static int read_gateway(struct rdata_reader *rd, struct lex_token t)
{
    const struct rdata_kind *own = gateway_kind(rd->to->b);

    if (!own)
        return lex_fail(rd->lx, t, -BD_EINVALID,
                        "the type of the gateway is %u; it is 0 (none), 1 (IPv4), 2 (IPv6) or 3 (a "
                        "name)",
                        rd->to->b[GATEWAY_TYPE]);
    rd->kind = own;
    return own->read(rd, t);
}

static void write_gateway(const struct rdata_kind *kind, struct buf *out, const uint8_t *rdata,
                          size_t at, size_t length)
{
    kind = gateways[rdata[GATEWAY_TYPE]]; /* which length_gateway has seen */
    kind->write(kind, out, rdata, at, length);
}

const struct rdata_kind rdata_gateway = {
    .length = length_gateway, .read = read_gateway, .write = write_gateway};
