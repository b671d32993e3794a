/* SipHash-2-4-128 (Aumasson and Bernstein, "SipHash: a fast short-input PRF"; 128 bits as in its
 * reference code). */
#include <betterdns/hash.h>

#include <endian.h>
#include <errno.h>

static uint64_t rotl(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static void sip_rounds(struct hash128_stream *s, unsigned n)
{
    while (n-- > 0) {
        s->v0 += s->v1;
        s->v1 = rotl(s->v1, 13) ^ s->v0;
        s->v0 = rotl(s->v0, 32);
        s->v2 += s->v3;
        s->v3 = rotl(s->v3, 16) ^ s->v2;
        s->v0 += s->v3;
        s->v3 = rotl(s->v3, 21) ^ s->v0;
        s->v2 += s->v1;
        s->v1 = rotl(s->v1, 17) ^ s->v2;
        s->v2 = rotl(s->v2, 32);
    }
}

static uint64_t read_le64(const uint8_t *p)
{
    uint64_t x;
    memcpy(&x, p, sizeof(x));
    return le64toh(x);
}

static void write_le64(uint8_t *p, uint64_t x)
{
    x = htole64(x);
    memcpy(p, &x, sizeof(x));
}

void hash128_start(struct hash128_stream *s)
{
    /* The key of the published test vectors, 00 01 … 0f: a fixed key hides nothing, so it may as
     * well be a known one. */
    const uint64_t k0 = UINT64_C(0x0706050403020100), k1 = UINT64_C(0x0f0e0d0c0b0a0908);

    *s = (struct hash128_stream){
        .v0 = UINT64_C(0x736f6d6570736575) ^ k0,
        .v1 = UINT64_C(0x646f72616e646f6d) ^ k1 ^ 0xee, /* 0xee: 128 bits are wanted */
        .v2 = UINT64_C(0x6c7967656e657261) ^ k0,
        .v3 = UINT64_C(0x7465646279746573) ^ k1,
    };
}

static void sip_word(struct hash128_stream *s, uint64_t m)
{
    s->v3 ^= m;
    sip_rounds(s, 2);
    s->v0 ^= m;
}

void hash128_add(struct hash128_stream *s, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    size_t used = (size_t)(s->total % 8);

    s->total += n;
    if (used > 0) {
        size_t take = n < 8 - used ? n : 8 - used;
        if (take > 0)
            memcpy(s->tail + used, p, take);
        if (used + take < 8)
            return;
        sip_word(s, read_le64(s->tail));
        p += take;
        n -= take;
    }
    for (; n >= 8; p += 8, n -= 8)
        sip_word(s, read_le64(p));
    if (n > 0)
        memcpy(s->tail, p, n);
}

struct hash128 hash128_end(struct hash128_stream *s)
{
    struct hash128 h;
    size_t used = (size_t)(s->total % 8);

    memset(s->tail + used, 0, 8 - used);
    s->tail[7] = (uint8_t)s->total;
    sip_word(s, read_le64(s->tail));
    s->v2 ^= 0xee;
    sip_rounds(s, 4);
    write_le64(h.b, s->v0 ^ s->v1 ^ s->v2 ^ s->v3);
    s->v1 ^= 0xdd;
    sip_rounds(s, 4);
    write_le64(h.b + 8, s->v0 ^ s->v1 ^ s->v2 ^ s->v3);
    return h;
}

struct hash128 hash128(const void *bytes, size_t n)
{
    struct hash128_stream s;

    hash128_start(&s);
    hash128_add(&s, bytes, n);
    return hash128_end(&s);
}

static void add_sized(struct hash128_stream *s, const void *bytes, size_t n)
{
    uint8_t length[8];

    write_le64(length, n);
    hash128_add(s, length, sizeof(length));
    hash128_add(s, bytes, n);
}

struct hash128 hash128_pair(const void *a, size_t na, const void *b, size_t nb)
{
    struct hash128_stream s;

    hash128_start(&s);
    add_sized(&s, a, na);
    add_sized(&s, b, nb);
    return hash128_end(&s);
}

bool hash128_eq(const struct hash128 *a, const struct hash128 *b)
{
    return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

char *hash128_hex(const struct hash128 *h, char out[HASH128_HEX_SIZE])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < sizeof(h->b); i++) {
        out[2 * i] = digits[h->b[i] >> 4];
        out[2 * i + 1] = digits[h->b[i] & 15];
    }
    out[HASH128_HEX_SIZE - 1] = '\0';
    return out;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)ascii_lower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int hash128_from_hex(struct str hex, struct hash128 *ret_hash)
{
    struct hash128 h;

    if (hex.n != 2 * sizeof(h.b))
        return -EINVAL;
    for (size_t i = 0; i < sizeof(h.b); i++) {
        int high = hex_value(hex.p[2 * i]), low = hex_value(hex.p[2 * i + 1]);
        if (high < 0 || low < 0)
            return -EINVAL;
        h.b[i] = (uint8_t)(high << 4 | low);
    }
    *ret_hash = h;
    return 0;
}

bool bytes_eq_constant_time(const void *a, size_t na, const void *b, size_t nb)
{
    const uint8_t *pa = a, *pb = b;
    size_t n = na < nb ? na : nb;
    uint8_t differ = na != nb;

    for (size_t i = 0; i < n; i++) {
        differ |= (uint8_t)(pa[i] ^ pb[i]);
        /* Keeps the compiler from leaving the loop early. */
        __asm__ __volatile__("" : "+r"(differ));
    }
    return differ == 0;
}
