/* Random values, a generator for each kind of field. Written from the RFCs and not from the
 * parser: what it makes is well-formed by definition. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "rdata_kit.h"

struct rdata kit_rdata;
struct dname_rules kit_rules;

int kit_rdata_setup(void **state)
{
    static struct dname zones[1];

    (void)state;
    kit_rules.origin = zones;
    return dname_from_text(STR("lab.example."), NULL, &zones[0], NULL);
}

uint16_t kit_type(const char *name)
{
    uint16_t code = 0;

    if (rrtype_from_text(str_c(name), &code) < 0)
        fail_msg("no type '%s'", name);
    return code;
}

/* A value on its way: n octets of it are there. */
struct growing {
    uint8_t *b;
    size_t n;
};

static size_t below(size_t n)
{
    return (size_t)rand() % n;
}

static void add(struct growing *g, unsigned octet)
{
    g->b[g->n++] = (uint8_t)octet;
}

static void add_u16(struct growing *g, unsigned value)
{
    add(g, value >> 8);
    add(g, value);
}

static void add_u32(struct growing *g, uint32_t value)
{
    add_u16(g, value >> 16);
    add_u16(g, value & 65535);
}

static void add_random(struct growing *g, size_t n)
{
    while (n-- > 0)
        add(g, below(3) ? (unsigned)below(256) : 0);
}

size_t kit_random_name(uint8_t *out)
{
    size_t n = 0;

    for (int labels = rand() % 4; labels > 0; labels--) {
        int length = 1 + rand() % (rand() % 10 ? 4 : 63);
        out[n++] = (uint8_t)length;
        for (int i = 0; i < length; i++)
            out[n++] = (uint8_t)rand();
    }
    out[n++] = 0;
    return n;
}

size_t kit_random_strings(uint8_t *out, int count)
{
    size_t n = 0;

    while (count-- > 0) {
        int length = rand() % 10 ? rand() % 6 : rand() % 256;
        out[n++] = (uint8_t)length;
        for (int i = 0; i < length; i++)
            out[n++] = (uint8_t)rand();
    }
    return n;
}

static void add_name(struct growing *g)
{
    g->n += kit_random_name(g->b + g->n);
}

/* Of the length that the type in the octet before it asks for; sizes end with their number. */
static void add_digest(struct growing *g, const uint8_t *sizes, size_t n, size_t least)
{
    uint8_t *type = &g->b[g->n - 1];

    if (below(3))
        *type = (uint8_t)below(6);
    add_random(g, *type < n && sizes[*type] ? sizes[*type] : least + below(70));
}

static void add_bitmap(struct growing *g, size_t least)
{
    size_t windows = least + below(4), window = below(60);

    for (; windows > 0; windows--, window += 1 + below(60)) {
        size_t octets = 1 + below(32);
        add(g, (unsigned)window);
        add(g, (unsigned)octets);
        add_random(g, octets - 1);
        add(g, 1 + (unsigned)below(255));
    }
}

static void add_gateway(struct growing *g)
{
    g->b[1] = (uint8_t)below(4);
    if (g->b[1] == 1)
        add_random(g, 4);
    else if (g->b[1] == 2)
        add_random(g, 16);
    else if (g->b[1] == 3)
        add_name(g);
}

static void add_key(struct growing *g)
{
    bool none = below(3) == 0;

    if (none)
        g->b[2] = 0;
    add_random(g, none ? 0 : 1 + below(80));
}

static void add_angle(struct growing *g, uint32_t degrees)
{
    uint32_t most = degrees * 3600000, off = below(10) ? (uint32_t)rand() % (most + 1) : most;

    add_u32(g, below(2) ? UINT32_C(0x80000000) + off : UINT32_C(0x80000000) - off);
}

static void add_loc(struct growing *g)
{
    add(g, 0);
    for (int i = 0; i < 3; i++)
        add(g, below(5) ? (unsigned)((1 + below(9)) << 4 | below(10)) : 0);
    add_angle(g, 90);
    add_angle(g, 180);
    add_random(g, 4);
}

static void add_apl(struct growing *g)
{
    for (size_t items = below(5); items > 0; items--) {
        unsigned family = 1 + (unsigned)below(2), octets = family == 1 ? 4 : 16;
        unsigned kept = (unsigned)below(octets + 1);
        add_u16(g, family);
        add(g, (unsigned)below(octets * 8 + 1));
        add(g, kept | (below(2) ? 0x80 : 0));
        if (kept == 0)
            continue;
        add_random(g, kept - 1);
        add(g, 1 + (unsigned)below(255));
    }
}

static void add_tag(struct growing *g)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    size_t n = 1 + below(below(10) ? 8 : 255);

    add(g, (unsigned)n);
    while (n-- > 0)
        add(g, (unsigned char)letters[below(sizeof(letters) - 1)]);
}

static void add_alpn(struct growing *g)
{
    for (size_t items = 1 + below(4); items > 0; items--) {
        size_t n = 1 + below(below(10) ? 6 : 255);
        add(g, (unsigned)n);
        while (n-- > 0)
            add(g, below(3) ? (unsigned)below(256) : (unsigned char)",\\\"h2"[below(5)]);
    }
}

static void add_svc_value(struct growing *g, unsigned key)
{
    static const char path[] = "/q{?dns}";

    switch (key) {
    case 1: add_alpn(g); break;
    case 2:
    case 8: break;
    case 3: add_random(g, 2); break;
    case 4: add_random(g, 4 + 4 * below(3)); break;
    case 5: add_random(g, 1 + below(60)); break;
    case 6: add_random(g, 16 + 16 * below(3)); break;
    case 7:
        for (size_t i = 0; i + 1 < sizeof(path); i++)
            add(g, (unsigned char)path[i]);
        break;
    default: add_random(g, below(40)); break;
    }
}

/* mandatory first, which names some of the others. */
static void add_svcparams(struct growing *g)
{
    uint16_t keys[16], named = 0;
    size_t n = 0;

    for (uint16_t key = 1; key < 9; key++)
        if (below(3) == 0 && (key != 2 || (n > 0 && keys[n - 1] == 1)))
            keys[n++] = key;
    for (unsigned key = 9 + (unsigned)below(9); key < 65535 && below(2);
         key += 1 + (unsigned)below(20000))
        if (n < 16)
            keys[n++] = (uint16_t)key;
    if (n > 0 && below(2)) {
        named = (uint16_t)(1 + below(n));
        add_u16(g, 0);
        add_u16(g, 2U * named);
        for (size_t i = 0; i < named; i++)
            add_u16(g, keys[i]);
    }
    for (size_t i = 0; i < n; i++) {
        size_t head = g->n;
        add_u16(g, keys[i]);
        add_u16(g, 0);
        add_svc_value(g, keys[i]);
        g->b[head + 2] = (uint8_t)((g->n - head - 4) >> 8);
        g->b[head + 3] = (uint8_t)(g->n - head - 4);
    }
}

static void add_field(struct growing *g, uint8_t field)
{
    static const uint8_t fixed[RDATA_NFIELDS] = {
        [RDATA_U8] = 1,        [RDATA_U16] = 2,       [RDATA_U32] = 4,   [RDATA_SECONDS] = 4,
        [RDATA_IPV4] = 4,      [RDATA_IPV6] = 16,     [RDATA_TIME] = 4,  [RDATA_TYPE] = 2,
        [RDATA_ALGORITHM] = 1, [RDATA_CERT_TYPE] = 2, [RDATA_EUI48] = 6, [RDATA_EUI64] = 8,
        [RDATA_NODE] = 8,
    };
    static const uint8_t ds[] = {0, 20, 32, 32, 48}, sshfp[] = {0, 20, 32}, zonemd[] = {0, 48, 64};

    switch (field) {
    case RDATA_NAME:
    case RDATA_NAME_EXACT: add_name(g); break;
    case RDATA_STRING: g->n += kit_random_strings(g->b + g->n, 1); break;
    case RDATA_STRINGS: g->n += kit_random_strings(g->b + g->n, 1 + rand() % 4); break;
    case RDATA_TLSA_DIGEST:
    case RDATA_BASE64: add_random(g, 1 + below(90)); break;
    case RDATA_TEXT: add_random(g, below(below(10) ? 20 : 600)); break;
    case RDATA_URI: add_random(g, 1 + below(below(10) ? 20 : 600)); break;
    case RDATA_BASE32:
    case RDATA_SALT:
        add(g, (unsigned)(field == RDATA_BASE32) + (unsigned)below(30));
        add_random(g, g->b[g->n - 1]);
        break;
    case RDATA_DS_DIGEST: add_digest(g, ds, sizeof(ds), 1); break;
    case RDATA_SSHFP_DIGEST: add_digest(g, sshfp, sizeof(sshfp), 1); break;
    case RDATA_ZONEMD_DIGEST: add_digest(g, zonemd, sizeof(zonemd), 12); break;
    case RDATA_BITMAP: add_bitmap(g, 1); break;
    case RDATA_BITMAP_OR_NONE: add_bitmap(g, 0); break;
    case RDATA_GATEWAY: add_gateway(g); break;
    case RDATA_KEY: add_key(g); break;
    case RDATA_LOC: add_loc(g); break;
    case RDATA_APL: add_apl(g); break;
    case RDATA_TAG: add_tag(g); break;
    case RDATA_SVCPARAMS: add_svcparams(g); break;
    default:
        if (fixed[field] == 0)
            fail_msg("field %u has no generator", field);
        add_random(g, fixed[field]);
    }
}

size_t kit_random_rdata(const struct rrtype *row, uint8_t *out)
{
    struct growing g = {out, 0};

    for (const uint8_t *f = row->fields; *f != RDATA_END; f++)
        add_field(&g, *f);
    assert_true(g.n <= KIT_RDATA_MAX);
    return g.n;
}
