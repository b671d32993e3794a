/* Places on earth (RFC 1876): version 0, three sizes, latitude, longitude, altitude. */
#include <stdio.h>

#include "rdata.h"

#define OCTETS 16
#define EQUATOR UINT32_C(0x80000000) /* 0 degrees, both ways */
#define DEGREE UINT32_C(3600000)     /* thousandths of a second of arc */
#define MINUTE UINT32_C(60000)
#define SECOND UINT32_C(1000)
#define SEA_LEVEL 10000000 /* centimetres above the lowest altitude */

enum { SIZES_AT = 1, LATITUDE_AT = 4, LONGITUDE_AT = 8, ALTITUDE_AT = 12 };

/* A size in centimetres is a digit and a power of ten (RFC 1876 §2). */
static bool is_size(uint8_t octet)
{
    unsigned digit = octet >> 4, power = octet & 15;

    return digit <= 9 && power <= 9 && (digit != 0 || power == 0);
}

static uint64_t size_in_cm(uint8_t octet)
{
    uint64_t cm = octet >> 4;

    for (unsigned power = octet & 15; power > 0; power--)
        cm *= 10;
    return cm;
}

/* Downwards where it takes more than one digit, as RFC 1876 §A does it. */
static uint8_t size_from_cm(uint64_t cm)
{
    unsigned power = 0;

    for (; cm >= 10; cm /= 10)
        power++;
    return (uint8_t)(cm << 4 | power);
}

static bool is_angle(const uint8_t *p, unsigned degrees)
{
    uint32_t v = wire_u32(p), off = v >= EQUATOR ? v - EQUATOR : EQUATOR - v;

    return off <= degrees * DEGREE;
}

static int length_loc(const struct rdata_kind *kind, const uint8_t *rdata, size_t at, size_t n)
{
    const uint8_t *p = rdata + at;

    (void)kind;
    if (n - at < OCTETS || p[0] != 0)
        return -1;
    if (!is_size(p[SIZES_AT]) || !is_size(p[SIZES_AT + 1]) || !is_size(p[SIZES_AT + 2]))
        return -1;
    return is_angle(p + LATITUDE_AT, 90) && is_angle(p + LONGITUDE_AT, 180) ? OCTETS : -1;
}

/* A decimal number with `places` digits at most behind its point, in units of the last of them. */
static bool decimal(struct str text, unsigned places, uint64_t max, uint64_t *ret_value)
{
    struct str whole, fraction = {text.p, 0};
    const char *point = text.n ? memchr(text.p, '.', text.n) : NULL;
    uint64_t value, part = 0;

    whole = (struct str){text.p, point ? (size_t)(point - text.p) : text.n};
    if (point)
        fraction = (struct str){point + 1, text.n - whole.n - 1};
    if (str_u64(whole, max, &value) < 0 || fraction.n > places || (point && fraction.n == 0))
        return false;
    if (fraction.n && str_u64(fraction, max, &part) < 0)
        return false;
    for (size_t i = 0; i < places; i++) {
        value *= 10;
        if (i >= fraction.n)
            part *= 10;
    }
    *ret_value = value + part;
    return *ret_value <= max;
}

/* One coordinate: how it is written, and where it goes. */
struct axis {
    const char *what; /* in messages */
    unsigned degrees;
    char plus, minus;
};

static const struct axis latitude = {"N or S", 90, 'N', 'S'};
static const struct axis longitude = {"E or W", 180, 'E', 'W'};

/* +1, -1; 0: not a direction of the axis. */
static int direction(const struct axis *axis, struct lex_token t)
{
    if (t.kind != LEX_WORD || t.text.n != 1)
        return 0;
    char c = (char)(t.text.p[0] & ~0x20);
    return c == axis->plus ? 1 : c == axis->minus ? -1 : 0;
}

/* Degrees, minutes and seconds, the latter two only where they stand, then the direction; t is the
 * first word. */
static int read_angle(struct rdata_reader *rd, struct lex_token t, const struct axis *axis)
{
    static const struct {
        const char *what;
        uint32_t unit, max; /* in thousandths of a second, of the unit */
        unsigned places;
    } parts[] = {{"degrees", DEGREE, 180, 0}, {"minutes", MINUTE, 59, 0}, {"seconds", 1, 59999, 3}};
    struct lex_token first = t;
    uint64_t sum = 0, value;
    uint8_t octets[4];
    int r, sign = 0;

    for (size_t i = 0; i < ARRAY_SIZE(parts) && sign == 0; i++) {
        if (!decimal(t.text, parts[i].places, parts[i].max, &value) || t.kind != LEX_WORD)
            return rdata_wrong(rd, t, -BD_ESYNTAX, "are not %s, nor the direction %s",
                               parts[i].what, axis->what);
        sum += value * parts[i].unit;
        r = rdata_take(rd, &t);
        if (r < 0)
            return r;
        sign = direction(axis, t);
    }
    if (sign == 0)
        return rdata_wrong(rd, t, -BD_ESYNTAX, "is not the direction %s", axis->what);
    if (sum > (uint64_t)axis->degrees * DEGREE)
        return rdata_wrong(rd, first, -BD_EINVALID, "is more than %u degrees", axis->degrees);
    wire_put_u32(octets, sign > 0 ? EQUATOR + (uint32_t)sum : EQUATOR - (uint32_t)sum);
    return rdata_put(rd, first, octets, sizeof(octets));
}

/* Metres with centimetres, "m" or not. */
static bool metres(struct lex_token t, uint64_t max, uint64_t *ret_cm)
{
    struct str text = t.text;

    if (t.kind != LEX_WORD)
        return false;
    if (text.n && (text.p[text.n - 1] & ~0x20) == 'M')
        text.n--;
    return decimal(text, 2, max, ret_cm);
}

static int read_altitude(struct rdata_reader *rd, struct lex_token t)
{
    struct lex_token number = t;
    uint64_t cm;
    uint8_t octets[4];
    bool below = t.text.n && t.text.p[0] == '-';

    if (below)
        number.text = (struct str){t.text.p + 1, t.text.n - 1};
    if (!metres(number, below ? SEA_LEVEL : UINT32_MAX - SEA_LEVEL, &cm))
        return rdata_wrong(rd, t, -BD_ESYNTAX,
                           "is not an altitude from -100000.00m to 42849672.95m");
    wire_put_u32(octets, (uint32_t)(below ? SEA_LEVEL - cm : SEA_LEVEL + cm));
    return rdata_put(rd, t, octets, sizeof(octets));
}

/* Size, horizontal and vertical precision, as far as they are given. */
static int read_sizes(struct rdata_reader *rd, size_t start)
{
    uint8_t *size = rd->to->b + start + SIZES_AT;

    for (unsigned i = 0; i < 3; i++) {
        struct lex_token t;
        uint64_t cm;
        int r = rdata_more(rd, &t);
        if (r <= 0)
            return r;
        if (!metres(t, UINT64_C(9000000000), &cm))
            return rdata_wrong(rd, t, -BD_ESYNTAX, "is not a size from 0m to 90000000.00m");
        size[i] = size_from_cm(cm);
    }
    return 0;
}

/* d [m [s]] N|S d [m [s]] E|W altitude [size [horizontal [vertical]]] (RFC 1876 §3). */
static int read_loc(struct rdata_reader *rd, struct lex_token t)
{
    static const uint8_t head[] = {0, 0x12, 0x16, 0x13}; /* 1 m, 10 km, 10 m */
    size_t start = rd->to->n;
    int r = rdata_put(rd, t, head, sizeof(head));

    if (r == 0)
        r = read_angle(rd, t, &latitude);
    if (r == 0)
        r = rdata_take(rd, &t);
    if (r == 0)
        r = read_angle(rd, t, &longitude);
    if (r == 0)
        r = rdata_take(rd, &t);
    if (r == 0)
        r = read_altitude(rd, t);
    return r < 0 ? r : read_sizes(rd, start);
}

static void add_angle(struct buf *out, const uint8_t *p, const struct axis *axis)
{
    uint32_t v = wire_u32(p), off = v >= EQUATOR ? v - EQUATOR : EQUATOR - v;

    buf_addf(out, "%u %u %u.%03u %c ", off / DEGREE, off / MINUTE % 60, off / SECOND % 60,
             off % SECOND, v >= EQUATOR ? axis->plus : axis->minus);
}

static void add_metres(struct buf *out, uint64_t cm)
{
    buf_addf(out, "%u.%02um", (unsigned)(cm / 100), (unsigned)(cm % 100));
}

static void write_loc(const struct rdata_kind *kind, struct buf *out, const uint8_t *rdata,
                      size_t at, size_t length)
{
    const uint8_t *p = rdata + at;
    uint32_t altitude = wire_u32(p + ALTITUDE_AT);

    (void)kind;
    (void)length;
    add_angle(out, p + LATITUDE_AT, &latitude);
    add_angle(out, p + LONGITUDE_AT, &longitude);
    if (altitude < SEA_LEVEL)
        buf_add_c(out, '-');
    add_metres(out, altitude < SEA_LEVEL ? SEA_LEVEL - altitude : altitude - SEA_LEVEL);
    for (unsigned i = 0; i < 3; i++) {
        buf_add_c(out, ' ');
        add_metres(out, size_in_cm(p[SIZES_AT + i]));
    }
}

const struct rdata_kind rdata_loc = {.length = length_loc, .read = read_loc, .write = write_loc};
