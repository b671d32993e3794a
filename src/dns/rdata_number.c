/* Fields that are one number: plain, as a time, as a type, as a mnemonic. */
#include <stdio.h>

#include "rdata.h"

int rdata_number(struct lex_token t, uint32_t max, uint32_t *ret_value)
{
    uint64_t value;
    int r = t.kind == LEX_WORD ? str_u64(t.text, max, &value) : -EINVAL;

    if (r == 0)
        *ret_value = (uint32_t)value;
    return r;
}

static uint32_t most(const struct rdata_kind *kind)
{
    return kind->size == 4 ? UINT32_MAX : (UINT32_C(1) << 8 * kind->size) - 1;
}

static int put(struct rdata_reader *rd, struct lex_token t, uint32_t value)
{
    unsigned octets = rd->kind->size;
    uint8_t *p = rdata_room(rd, t, octets);

    if (!p)
        return -BD_EINVALID;
    for (unsigned i = 0; i < octets; i++)
        p[i] = (uint8_t)(value >> 8 * (octets - 1 - i));
    return 0;
}

static int read_number(struct rdata_reader *rd, struct lex_token t)
{
    uint32_t value;
    int r = rdata_number(t, most(rd->kind), &value);

    if (r < 0)
        return rdata_wrong(rd, t, r == -ERANGE ? -BD_EINVALID : -BD_ESYNTAX,
                           "is not a number from 0 to %u", most(rd->kind));
    return put(rd, t, value);
}

void rdata_add_number(struct buf *out, uint32_t value)
{
    char *start = buf_room(out, STR_U64_MAX);

    if (start)
        out->n += (size_t)(str_put_u64(start, value) - start);
}

static uint32_t value_of(const struct rdata_kind *kind, const uint8_t *p)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < kind->size; i++)
        value = value << 8 | p[i];
    return value;
}

static void write_number(const struct rdata_kind *kind, struct buf *out, const uint8_t *rdata,
                         size_t at, size_t length)
{
    (void)length;
    rdata_add_number(out, value_of(kind, rdata + at));
}

const struct rdata_kind rdata_u8 = {.size = 1, .read = read_number, .write = write_number};
const struct rdata_kind rdata_u16 = {.size = 2, .read = read_number, .write = write_number};
const struct rdata_kind rdata_u32 = {.size = 4, .read = read_number, .write = write_number};

/* A plain number may use all 32 bits: RFC 1035 §3.3.13 says so, the limit of RFC 2181 §8 is for
 * TTLs. */
static int read_seconds(struct rdata_reader *rd, struct lex_token t)
{
    uint32_t value;
    int r = rdata_number(t, UINT32_MAX, &value);

    if (r == -EINVAL && t.kind == LEX_WORD)
        r = lex_ttl(t.text, &value);
    if (r < 0)
        return rdata_wrong(rd, t, -BD_ESYNTAX, "is not a time (seconds, or like 1h30m)");
    return put(rd, t, value);
}

const struct rdata_kind rdata_seconds = {.size = 4, .read = read_seconds, .write = write_number};

/* ---- points in time (RFC 4034 §3.2): YYYYMMDDHHmmSS in UTC ---------------------------------- */

#define STAMP_DIGITS 14
#define DAY 86400

static bool is_leap(unsigned year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static unsigned days_in(unsigned year, unsigned month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1] + (month == 2 && is_leap(year) ? 1U : 0U);
}

/* Seconds since 1970, of which the field holds the low 32 bits: up to 2106. */
static bool stamp_from_text(struct str text, uint32_t *ret_seconds)
{
    static const uint8_t digits[] = {4, 2, 2, 2, 2, 2};
    unsigned part[6] = {0}, days = 0;
    const char *p = text.p;

    for (unsigned i = 0; i < 6; i++) {
        for (unsigned k = 0; k < digits[i]; k++, p++) {
            if (*p < '0' || *p > '9')
                return false;
            part[i] = part[i] * 10 + (unsigned)(*p - '0');
        }
    }
    if (part[0] < 1970 || part[0] > 2106 || part[1] < 1 || part[1] > 12 || part[2] < 1 ||
        part[2] > days_in(part[0], part[1]) || part[3] > 23 || part[4] > 59 || part[5] > 59)
        return false;
    for (unsigned year = 1970; year < part[0]; year++)
        days += 365U + is_leap(year);
    for (unsigned month = 1; month < part[1]; month++)
        days += days_in(part[0], month);
    uint64_t seconds =
        (uint64_t)(days + part[2] - 1) * DAY + part[3] * 3600U + part[4] * 60U + part[5];
    *ret_seconds = (uint32_t)seconds;
    return seconds <= UINT32_MAX;
}

/* 14 digits are a date, up to ten are seconds: they cannot be taken for each other. */
static int read_time(struct rdata_reader *rd, struct lex_token t)
{
    uint32_t value;
    bool ok = t.kind == LEX_WORD && t.text.n == STAMP_DIGITS
                  ? stamp_from_text(t.text, &value)
                  : rdata_number(t, UINT32_MAX, &value) == 0;

    if (!ok)
        return rdata_wrong(rd, t, -BD_ESYNTAX,
                           "is not a time from 1970 to 2106 (YYYYMMDDHHMMSS, or seconds since "
                           "1970)");
    return put(rd, t, value);
}

static void write_time(const struct rdata_kind *kind, struct buf *out, const uint8_t *rdata,
                       size_t at, size_t length)
{
    uint32_t seconds = wire_u32(rdata + at), days = seconds / DAY;
    unsigned year = 1970, month = 1;

    (void)kind;
    (void)length;
    seconds %= DAY;
    for (; days >= 365U + is_leap(year); year++)
        days -= 365U + is_leap(year);
    for (; days >= days_in(year, month); month++)
        days -= days_in(year, month);
    buf_addf(out, "%04u%02u%02u%02u%02u%02u", year, month, days + 1, seconds / 3600,
             seconds / 60 % 60, seconds % 60);
}

const struct rdata_kind rdata_time = {.size = 4, .read = read_time, .write = write_time};

/* ---- types and mnemonics --------------------------------------------------------------------- */

static int read_type(struct rdata_reader *rd, struct lex_token t)
{
    uint16_t type;

    if (t.kind != LEX_WORD || rrtype_from_text(t.text, &type) < 0)
        return rdata_wrong(rd, t, -BD_ESYNTAX, "is not a record type");
    return put(rd, t, type);
}

static void write_type(const struct rdata_kind *kind, struct buf *out, const uint8_t *rdata,
                       size_t at, size_t length)
{
    char text[RRTYPE_TEXT_MAX];

    (void)kind;
    (void)length;
    buf_add_str(out, str_c(rrtype_to_text(wire_u16(rdata + at), text)));
}

const struct rdata_kind rdata_type = {.size = 2, .read = read_type, .write = write_type};

static int read_word(struct rdata_reader *rd, struct lex_token t)
{
    struct str_nearest near = {.word = t.text};
    uint32_t value;

    if (rdata_number(t, most(rd->kind), &value) == 0)
        return put(rd, t, value);
    for (const struct rdata_word *w = rd->kind->words; t.kind == LEX_WORD && w->name; w++) {
        if (str_eq_fold(t.text, str_c(w->name)))
            return put(rd, t, w->value);
        str_nearest_try(&near, str_c(w->name));
    }
    rdata_wrong(rd, t, -BD_ESYNTAX, "is not %s (a number from 0 to %u, or a name like %s)",
                rd->kind->what, most(rd->kind), rd->kind->words[0].name);
    if (near.best.n)
        snprintf(rd->lx->error.hint, sizeof(rd->lx->error.hint), "did you mean '%.*s'?",
                 STR_ARG(near.best));
    return -BD_ESYNTAX;
}

/* RFC 4034 §A.1 and the registry that grew out of it. Written as numbers, which every reader knows.
 */
static const struct rdata_word algorithms[] = {
    {"RSASHA256", 8},
    {"RSASHA512", 10},
    {"ECDSAP256SHA256", 13},
    {"ECDSAP384SHA384", 14},
    {"ED25519", 15},
    {"ED448", 16},
    {"RSAMD5", 1},
    {"DH", 2},
    {"DSA", 3},
    {"RSASHA1", 5},
    {"DSA-NSEC3-SHA1", 6},
    {"NSEC3DSA", 6},
    {"NSEC3RSASHA1", 7},
    {"RSASHA1-NSEC3-SHA1", 7},
    {"ECC-GOST", 12},
    {"ECCGOST", 12},
    {"INDIRECT", 252},
    {"PRIVATEDNS", 253},
    {"PRIVATEOID", 254},
    {NULL, 0},
};

const struct rdata_kind rdata_algorithm = {.size = 1,
                                           .read = read_word,
                                           .write = write_number,
                                           .words = algorithms,
                                           .what = "an algorithm"};

/* RFC 4398 §2.1. Not all readers know all of them. */
static const struct rdata_word cert_types[] = {
    {"PKIX", 1},   {"SPKI", 2},    {"PGP", 3},   {"IPKIX", 4}, {"ISPKI", 5}, {"IPGP", 6},
    {"ACPKIX", 7}, {"IACPKIX", 8}, {"URI", 253}, {"OID", 254}, {NULL, 0},
};

const struct rdata_kind rdata_cert_type = {.size = 2,
                                           .read = read_word,
                                           .write = write_number,
                                           .words = cert_types,
                                           .what = "a type of certificate"};
