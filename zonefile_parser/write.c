/* Records to text: one spelling for machines, one for people, one for comparisons. */
#include <betterdns/zonefile.h>

#include <stdio.h>
#include <stdlib.h>

#define HEAD_MAX (DNAME_TEXT_MAX + 10 + 4 + RRTYPE_TEXT_MAX + 4) /* "owner TTL IN TYPE " */

static size_t put_decimal(char *out, uint32_t value)
{
    char digits[10];
    size_t n = 0, at = 0;

    do
        digits[n++] = (char)('0' + value % 10);
    while (value /= 10);
    while (n)
        out[at++] = digits[--n];
    return at;
}

/* A frequent type, without a call through the table: "192.0.2.1\n" behind a head. */
static void write_a(const char *head, size_t nhead, const uint8_t *a, struct buf *out)
{
    char *p = buf_room(out, nhead + 16);
    size_t n = nhead;

    if (!p)
        return;
    memcpy(p, head, nhead);
    for (int i = 0; i < 4; i++) {
        n += put_decimal(p + n, a[i]);
        p[n++] = i < 3 ? '.' : '\n';
    }
    out->n += n;
}

static size_t make_head(const struct dname *owner, uint16_t type, uint32_t ttl, char *out)
{
    size_t n = dname_to_text(owner, out);
    char name[RRTYPE_TEXT_MAX];
    size_t nname;

    out[n++] = ' ';
    n += put_decimal(out + n, ttl);
    memcpy(out + n, " IN ", 4);
    n += 4;
    nname = strlen(rrtype_to_text(type, name));
    memcpy(out + n, name, nname);
    n += nname;
    out[n++] = ' ';
    return n;
}

void zp_write_rrset(const struct dname *owner, uint16_t type, uint32_t ttl,
                    const struct rdset *rdatas, struct buf *out)
{
    char head[HEAD_MAX];
    size_t nhead = make_head(owner, type, ttl, head);
    const uint8_t *at = rdatas->p;
    struct str rd;

    while (rdset_next(rdatas, &at, &rd)) {
        const uint8_t *bytes = (const uint8_t *)rd.p;
        if (type == RRTYPE_A && rd.n == 4) {
            write_a(head, nhead, bytes, out);
            continue;
        }
        buf_add(out, head, nhead);
        rdata_to_text(type, bytes, rd.n, out);
        buf_add_c(out, '\n');
    }
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

void zp_write_people(const struct dname *owner, const struct dname *origin, uint16_t type,
                     uint32_t ttl, const struct rdset *rdatas, struct buf *out)
{
    char name[DNAME_TEXT_MAX], type_text[RRTYPE_TEXT_MAX], head[DNAME_TEXT_MAX + 64];
    const uint8_t *at = rdatas->p;
    struct str rd;

    if (dname_below(owner, origin))
        dname_to_text_below(owner, origin, name);
    else
        dname_to_text(owner, name);
    snprintf(head, sizeof(head), "%-23s %7u IN %-6s ", name, ttl, rrtype_to_text(type, type_text));
    while (rdset_next(rdatas, &at, &rd)) {
        const uint8_t *bytes = (const uint8_t *)rd.p;
        if (type == RRTYPE_SOA) {
            write_people_soa(head, bytes, rd.n, out);
            continue;
        }
        buf_add_str(out, str_c(head));
        rdata_to_text(type, bytes, rd.n, out);
        buf_add_c(out, '\n');
    }
}

/* ---- markers
 * ------------------------------------------------------------------------------------------------------
 */

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

int zp_find_marker(struct str text, uint64_t *ret_seq, struct hash128 *ret_hash)
{
    struct str line;

    while (str_cut(&text, '\n', &line)) {
        if (!str_starts(line, marker))
            continue;
        line.p += marker.n;
        line.n -= marker.n;
        if (read_marker(line, ret_seq, ret_hash) == 0)
            return 0;
    }
    return -BD_ENOTFOUND;
}
