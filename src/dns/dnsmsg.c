/* One query, one answer (RFC 1035 §4.1), with EDNS (RFC 6891) for the identifier of the server: the
 * SOA probe, and a question for one RRset. */
#include "rdata.h"

#include <stdlib.h>

#include <betterdns/buf.h>
#include <betterdns/dnsmsg.h>

enum {
    HEADER = 12,
    CLASS_IN = 1,
    TYPE_OPT = 41,
    OPTION_NSID = 3,
    FLAG_QR = 0x80, /* of the third octet */
    FLAG_AA = 0x04,
    FLAG_TC = 0x02,
    OPCODE = 0x78,
    RCODE = 0x0f, /* of the fourth */
    RR_FIXED = 10 /* octets of type, class, TTL, length */
};

static size_t put_question(const struct dname *name, uint16_t type, uint8_t *out)
{
    memcpy(out, name->b, name->n);
    wire_put_u16(out + name->n, type);
    wire_put_u16(out + name->n + 2, CLASS_IN);
    return name->n + 4U;
}

size_t dnsmsg_query(uint16_t id, const struct dname *name, uint16_t type, uint8_t out[DNSMSG_MAX])
{
    /* Root, OPT, our largest datagram, no extended flags, four octets of options: an empty NSID. */
    static const uint8_t opt[] = {
        0, 0, TYPE_OPT, DNSMSG_MAX >> 8, DNSMSG_MAX & 0xff, 0, 0, 0, 0, 0, 4, 0, OPTION_NSID, 0, 0};

    memset(out, 0, HEADER);
    wire_put_u16(out, id);
    wire_put_u16(out + 4, 1);  /* questions */
    wire_put_u16(out + 10, 1); /* additional records */
    size_t n = HEADER + put_question(name, type, out + HEADER);
    memcpy(out + n, opt, sizeof(opt));
    return n + sizeof(opt);
}

size_t dnsmsg_soa_query(uint16_t id, const struct dname *zone, uint8_t out[DNSMSG_MAX])
{
    return dnsmsg_query(id, zone, RRTYPE_SOA, out);
}

/* A message being read. */
struct reader {
    const uint8_t *p;
    size_t n, at;
};

/* A name at r->at, which may end in a pointer (RFC 1035 §4.1.4). A pointer goes backwards only, so
 * that chains end. */
static int read_name(struct reader *r, struct dname *ret_name)
{
    size_t at = r->at, behind = 0, limit = r->at, n = 0;

    for (;;) {
        if (at >= r->n)
            return -BD_ESYNTAX;
        unsigned length = r->p[at];
        if (length >= 0xc0) {
            if (at + 1 >= r->n)
                return -BD_ESYNTAX;
            size_t target = wire_u16(r->p + at) & 0x3fffU;
            if (target >= limit)
                return -BD_ESYNTAX;
            if (behind == 0)
                behind = at + 2;
            at = limit = target;
            continue;
        }
        if (length > 63 || length >= r->n - at || n + length + 1 > DNAME_MAX)
            return -BD_ESYNTAX;
        memcpy(ret_name->b + n, r->p + at, length + 1);
        n += length + 1;
        at += length + 1;
        if (length == 0)
            break;
    }
    ret_name->n = (uint8_t)n;
    r->at = behind ? behind : at;
    return 0;
}

/* One resource record's head; r->at then stands at its rdata, which is inside the message. */
struct record {
    struct dname owner;
    uint16_t type, class;
    uint32_t ttl;
    size_t end; /* of its rdata */
};

static int read_record(struct reader *r, struct record *ret_record)
{
    if (read_name(r, &ret_record->owner) < 0 || r->n - r->at < RR_FIXED)
        return -BD_ESYNTAX;
    const uint8_t *p = r->p + r->at;
    size_t length = wire_u16(p + 8);
    ret_record->type = wire_u16(p);
    ret_record->class = wire_u16(p + 2);
    ret_record->ttl = wire_u32(p + 4);
    r->at += RR_FIXED;
    if (length > r->n - r->at)
        return -BD_ESYNTAX;
    ret_record->end = r->at + length;
    return 0;
}

/* The serial behind the two names; both may be compressed. */
static int read_soa(struct reader *r, const struct record *record, uint32_t *ret_serial)
{
    struct reader inside = {r->p, record->end, r->at};
    struct dname name;

    if (read_name(&inside, &name) < 0 || read_name(&inside, &name) < 0 ||
        record->end - inside.at != 20)
        return -BD_ESYNTAX;
    *ret_serial = wire_u32(r->p + inside.at);
    return 0;
}

static int read_options(struct reader *r, const struct record *record, struct str *ret_nsid)
{
    size_t at = r->at;

    while (at < record->end) {
        if (record->end - at < 4)
            return -BD_ESYNTAX;
        size_t length = wire_u16(r->p + at + 2);
        if (length > record->end - at - 4)
            return -BD_ESYNTAX;
        if (wire_u16(r->p + at) == OPTION_NSID)
            *ret_nsid = (struct str){(const char *)r->p + at + 4, length};
        at += 4 + length;
    }
    return 0;
}

/* The records of answer, authority and additional section, in that order. */
static int read_records(struct reader *r, const struct dname *zone, struct dnsmsg_soa *answer)
{
    unsigned answers = wire_u16(r->p + 6);
    unsigned all = answers + wire_u16(r->p + 8) + wire_u16(r->p + 10);
    struct record record;

    for (unsigned i = 0; i < all; i++) {
        int e = read_record(r, &record);
        if (e < 0)
            return e;
        if (i < answers && record.type == RRTYPE_SOA && record.class == CLASS_IN &&
            dname_eq(&record.owner, zone)) {
            e = read_soa(r, &record, &answer->serial);
            answer->has_soa = e == 0;
        } else if (i >= answers && record.type == TYPE_OPT) {
            e = read_options(r, &record, &answer->nsid);
        }
        if (e < 0)
            return e;
        r->at = record.end;
    }
    return 0;
}

/* Header and question; r then stands behind them. */
static int read_head(struct reader *r, uint16_t id, const struct dname *name, uint16_t type)
{
    const uint8_t *msg = r->p;
    struct dname asked;

    if (r->n < HEADER || wire_u16(msg) != id || (msg[2] & (FLAG_QR | OPCODE)) != FLAG_QR)
        return -BD_ESYNTAX;
    r->at = HEADER;
    if (wire_u16(msg + 4) != 1 || read_name(r, &asked) < 0 || !dname_eq(&asked, name) ||
        r->n - r->at < 4 || wire_u16(msg + r->at) != type || wire_u16(msg + r->at + 2) != CLASS_IN)
        return -BD_ESYNTAX;
    r->at += 4;
    return 0;
}

int dnsmsg_soa_answer(const uint8_t *msg, size_t n, uint16_t id, const struct dname *zone,
                      struct dnsmsg_soa *ret_answer)
{
    struct reader r = {.p = msg, .n = n};
    struct dnsmsg_soa answer = {.rcode = 0};

    int e = read_head(&r, id, zone, RRTYPE_SOA);
    if (e < 0)
        return e;
    answer.rcode = msg[3] & RCODE;
    answer.authoritative = msg[2] & FLAG_AA;
    e = read_records(&r, zone, &answer);
    if (e < 0)
        return e;
    *ret_answer = answer;
    return 0;
}

/* ---- one RRset ---- */

/* The rdata at r->at as it is without compression. Names may be compressed in any type that has a
 * row: more than RFC 3597 §4 asks for, and it does no harm. */
static int expand(const struct reader *r, const struct record *record, struct rdata *to)
{
    const struct rrtype *row = rrtype_by_code(record->type);
    struct reader inside = {r->p, record->end, r->at};
    struct dname name;
    size_t n = 0;

    for (size_t i = 0; row && i < RDATA_FIELDS_MAX && row->fields[i] != RDATA_END; i++) {
        const unsigned field = row->fields[i];
        int length;
        if (field == RDATA_NAME || field == RDATA_NAME_EXACT) {
            if (read_name(&inside, &name) < 0 || n + name.n > sizeof(to->b))
                return -BD_ESYNTAX;
            memcpy(to->b + n, name.b, name.n);
            n += name.n;
            continue;
        }
        /* How long another field is may hang on those before it. */
        const size_t rest = record->end - inside.at;
        if (rest > sizeof(to->b) - n)
            return -BD_ESYNTAX;
        memcpy(to->b + n, r->p + inside.at, rest);
        length = rdata_length(rdata_kinds[field], to->b, n, n + rest);
        if (length < 0)
            return -BD_ESYNTAX;
        n += (size_t)length;
        inside.at += (size_t)length;
    }
    const size_t rest = record->end - inside.at;
    if (inside.at > record->end || (row && rest > 0) || rest > sizeof(to->b) - n)
        return -BD_ESYNTAX;
    memcpy(to->b + n, r->p + inside.at, rest);
    to->n = (uint16_t)(n + rest);
    return rdata_check(record->type, to->b, to->n);
}

/* What an answer's records become: each behind its length in two octets. */
struct collector {
    const struct dname *name;
    uint16_t type;
    struct rdata *scratch;
    struct buf packed;
    size_t n;
};

static int collect(const struct reader *r, const struct record *record, struct collector *c,
                   struct dnsmsg_answer *answer)
{
    uint8_t length[2];

    if (record->type != c->type || record->class != CLASS_IN || !dname_eq(&record->owner, c->name))
        return 0;
    if (expand(r, record, c->scratch) < 0)
        return -BD_ESYNTAX;
    wire_put_u16(length, c->scratch->n);
    buf_add(&c->packed, length, sizeof(length));
    buf_add(&c->packed, c->scratch->b, c->scratch->n);
    const uint32_t ttl = record->ttl > INT32_MAX ? 0 : record->ttl; /* RFC 2181 §8 */
    if (c->n++ == 0 || ttl < answer->ttl)
        answer->ttl = ttl;
    return c->packed.error;
}

static int collect_all(struct reader *r, struct collector *c, struct dnsmsg_answer *answer)
{
    unsigned answers = wire_u16(r->p + 6);
    unsigned all = answers + wire_u16(r->p + 8) + wire_u16(r->p + 10);
    struct record record;

    for (unsigned i = 0; i < all; i++) {
        int e = read_record(r, &record);
        if (e == 0 && i < answers)
            e = collect(r, &record, c, answer);
        else if (e == 0 && record.type == TYPE_OPT)
            e = read_options(r, &record, &answer->nsid);
        if (e < 0)
            return e;
        r->at = record.end;
    }
    return 0;
}

static int pack(const struct collector *c, struct dnsmsg_answer *answer)
{
    const struct rdset all = {(const uint8_t *)c->packed.p, (uint32_t)c->packed.n, (uint32_t)c->n};
    const uint8_t *at = all.p;
    size_t n = 0;

    if (c->n == 0)
        return 0;
    struct str *rdatas = calloc(c->n, sizeof(*rdatas));
    if (!rdatas)
        return -ENOMEM;
    while (n < c->n && rdset_next(&all, &at, &rdatas[n]))
        n++;
    int r = rdset_pack(c->type, rdatas, n, &answer->bytes, &answer->rdatas);
    free(rdatas);
    return r;
}

int dnsmsg_answer(const uint8_t *msg, size_t n, uint16_t id, const struct dname *name,
                  uint16_t type, struct dnsmsg_answer *ret_answer)
{
    struct reader r = {.p = msg, .n = n};
    struct dnsmsg_answer answer = {.rcode = 0};
    struct collector c = {.name = name, .type = type};

    int e = read_head(&r, id, name, type);
    if (e < 0)
        return e;
    answer.rcode = msg[3] & RCODE;
    answer.authoritative = msg[2] & FLAG_AA;
    answer.truncated = msg[2] & FLAG_TC;
    c.scratch = malloc(sizeof(*c.scratch));
    e = c.scratch ? collect_all(&r, &c, &answer) : -ENOMEM;
    if (e == 0)
        e = pack(&c, &answer);
    if (e == 0)
        *ret_answer = answer;
    free(c.scratch);
    buf_free(&c.packed);
    return e;
}
