/* Records to text: one spelling for machines, one for people, one for comparisons. */
#include "parser.h"

#define HEAD_MAX (DNAME_TEXT_MAX + RRTYPE_TEXT_MAX + 20) /* "owner TTL IN TYPE " */
#define OWNER_WIDTH 23                                   /* columns of the people's spelling */
#define TTL_WIDTH 7
#define TYPE_WIDTH 6
#define A_MAX 16 /* "255.255.255.255\n" */

static char *put_ipv4(char *to, const uint8_t *octets)
{
    for (int i = 0; i < 4; i++) {
        to = str_put_u64(to, octets[i]);
        *to++ = '.';
    }
    return to - 1;
}

/* At most HEAD_MAX octets. */
static char *put_head(char *to, const struct dname *owner, uint16_t type, uint32_t ttl)
{
    char name[RRTYPE_TEXT_MAX];
    size_t n;

    to += dname_to_text(owner, to);
    *to++ = ' ';
    to = str_put_u64(to, ttl);
    memcpy(to, " IN ", 4);
    to += 4;
    if (type == RRTYPE_A) {
        memcpy(to, "A ", 2);
        return to + 2;
    }
    n = strlen(rrtype_to_text(type, name));
    memcpy(to, name, n);
    to[n] = ' ';
    return to + n + 1;
}

typedef void rdata_writer(uint16_t type, const uint8_t *rdata, size_t n, struct buf *out);

static void write_rrset(const struct dname *owner, uint16_t type, uint32_t ttl,
                        const struct rdset *rdatas, rdata_writer *write, struct buf *out)
{
    const uint8_t *at = rdatas->p;
    size_t head = out->n, nhead = 0; /* the first line's head is what the others repeat */
    struct str rd;

    while (rdset_next(rdatas, &at, &rd)) {
        char *start = buf_room(out, HEAD_MAX + A_MAX), *to;
        if (!start)
            return;
        if (nhead == 0)
            nhead = (size_t)(put_head(start, owner, type, ttl) - start);
        else
            memcpy(start, out->p + head, nhead);
        to = start + nhead;
        if (type == RRTYPE_A && rd.n == 4) {
            to = put_ipv4(to, (const uint8_t *)rd.p);
            *to++ = '\n';
            out->n += (size_t)(to - start);
            continue;
        }
        out->n += nhead;
        write(type, (const uint8_t *)rd.p, rd.n, out);
        buf_add_c(out, '\n');
    }
}

void zp_write_rrset(const struct dname *owner, uint16_t type, uint32_t ttl,
                    const struct rdset *rdatas, struct buf *out)
{
    write_rrset(owner, type, ttl, rdatas, rdata_to_text, out);
}

void zp_write_served(const struct dname *owner, uint16_t type, uint32_t ttl,
                     const struct rdset *rdatas, struct buf *out)
{
    const struct rrtype *row = rrtype_by_code(type);

    if (!row || !(row->flags & RRTYPE_UNSERVED))
        write_rrset(owner, type, ttl, rdatas, rdata_to_server_text, out);
}

void zp_write_canonical(const struct zp_record *record, struct buf *out)
{
    static const char digits[] = "0123456789ABCDEF";
    struct dname owner = record->owner;
    char text[DNAME_TEXT_MAX], *p;

    dname_fold(&owner);
    buf_add(out, text, dname_to_text(&owner, text));
    buf_addf(out, " %u CLASS%u TYPE%u \\# %u", record->ttl, record->class, record->type,
             record->nrdata);
    p = buf_room(out, 2 + 2 * (size_t)record->nrdata);
    if (!p)
        return;
    if (record->nrdata)
        *p++ = ' ';
    for (size_t i = 0; i < record->nrdata; i++) {
        *p++ = digits[record->rdata[i] >> 4];
        *p++ = digits[record->rdata[i] & 15];
    }
    *p++ = '\n';
    out->n = (size_t)(p - out->p);
}

static void write_people_soa(const char *head, const uint8_t *rdata, size_t n, struct buf *out)
{
    struct soa soa;
    char mname[DNAME_TEXT_MAX], rname[DNAME_TEXT_MAX];

    if (soa_from_rdata(rdata, n, &soa) < 0)
        return;
    dname_to_text(&soa.mname, mname);
    dname_to_text(&soa.rname, rname);
    buf_addf(out, "%s%s %s (\n", head, mname, rname);
    buf_addf(out,
             "%40u ; serial\n%40u ; refresh\n%40u ; retry\n%40u ; expire\n%40u ) ; negative TTL\n",
             soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum);
}

/* Blanks up to a column; none where it is passed already. */
static char *pad(char *to, const char *column)
{
    while (to < column)
        *to++ = ' ';
    return to;
}

/* "owner   TTL IN TYPE  " in columns, as far as the owner leaves them. */
static size_t people_head(const struct dname *owner, const struct dname *origin, uint16_t type,
                          uint32_t ttl, char *out)
{
    char digits[STR_U64_MAX], name[RRTYPE_TEXT_MAX], *to = out, *column;
    const size_t ndigits = (size_t)(str_put_u64(digits, ttl) - digits);
    const size_t nname = strlen(rrtype_to_text(type, name));

    to += dname_below(owner, origin) ? dname_to_text_below(owner, origin, to)
                                     : dname_to_text(owner, to);
    to = pad(to, out + OWNER_WIDTH);
    *to++ = ' ';
    to = pad(to, to + TTL_WIDTH - (ndigits < TTL_WIDTH ? ndigits : TTL_WIDTH));
    memcpy(to, digits, ndigits);
    to += ndigits;
    memcpy(to, " IN ", 4);
    to += 4;
    column = to + TYPE_WIDTH;
    memcpy(to, name, nname);
    to = pad(to + nname, column);
    *to++ = ' ';
    *to = '\0';
    return (size_t)(to - out);
}

void zp_write_people(const struct dname *owner, const struct dname *origin, uint16_t type,
                     uint32_t ttl, const struct rdset *rdatas, struct buf *out)
{
    char head[DNAME_TEXT_MAX + 64];
    const size_t nhead = people_head(owner, origin, type, ttl, head);
    const uint8_t *at = rdatas->p;
    struct str rd;

    while (rdset_next(rdatas, &at, &rd)) {
        const uint8_t *bytes = (const uint8_t *)rd.p;
        if (type == RRTYPE_SOA) {
            write_people_soa(head, bytes, rd.n, out);
            continue;
        }
        buf_add(out, head, nhead);
        rdata_to_text(type, bytes, rd.n, out);
        buf_add_c(out, '\n');
    }
}

/* ---- markers ---- */

static const struct str marker = {"; betterdns base=", 17};

void zp_write_marker(uint64_t seq, const struct hash128 *hash, struct buf *out)
{
    char hex[HASH128_HEX_SIZE];

    buf_addf(out, "%s%llu %s\n", marker.p, (unsigned long long)seq, hash128_hex(hash, hex));
}

/* The rest of a marker's line: SEQ HASH. */
static int read_marker(struct str rest, uint64_t *ret_seq, struct hash128 *ret_hash)
{
    struct str number;
    struct hash128 hash;
    uint64_t seq;

    if (!str_cut(&rest, ' ', &number) || str_u64(number, UINT64_MAX, &seq) < 0)
        return -BD_ENOTFOUND;
    if (rest.n && rest.p[rest.n - 1] == '\r')
        rest.n--;
    if (hash128_from_hex(str_trim(rest), &hash) < 0)
        return -BD_ENOTFOUND;
    *ret_seq = seq;
    *ret_hash = hash;
    return 0;
}

static int find_marker(struct str text, struct str *ret_line, uint64_t *ret_seq,
                       struct hash128 *ret_hash)
{
    const char *end = text.p + text.n;
    struct str line, rest;

    while (str_cut(&text, '\n', &line)) {
        if (!str_starts(line, marker))
            continue;
        rest = (struct str){line.p + marker.n, line.n - marker.n};
        if (read_marker(rest, ret_seq, ret_hash) < 0)
            continue;
        *ret_line = (struct str){line.p, line.n + (line.p + line.n < end)};
        return 0;
    }
    return -BD_ENOTFOUND;
}

int zp_find_marker(struct str text, uint64_t *ret_seq, struct hash128 *ret_hash)
{
    struct str line;

    return find_marker(text, &line, ret_seq, ret_hash);
}

bool zp_marker_line(struct str text, struct str *ret_line)
{
    struct hash128 hash;
    uint64_t seq;

    return find_marker(text, ret_line, &seq, &hash) == 0;
}
