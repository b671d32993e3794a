/* Ordinary names: sixteen octets at a time where the processor can. */
#include "fast.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define BLOCK 16
#define LABEL_MAX 63

/* How many plain octets stand at p, up to BLOCK; out has room for BLOCK, and gets them. */
static size_t take_block(const char *p, uint8_t *out)
{
#ifdef __SSE2__
    const __m128i x = _mm_loadu_si128((const void *)p);
    /* Moved so that the range begins at -128: one signed comparison finds it. */
    const __m128i letter = _mm_cmplt_epi8(
        _mm_add_epi8(_mm_or_si128(x, _mm_set1_epi8(0x20)), _mm_set1_epi8((char)(128 - 'a'))),
        _mm_set1_epi8(-128 + 26));
    const __m128i digit = _mm_cmplt_epi8(_mm_add_epi8(x, _mm_set1_epi8((char)(128 - '-'))),
                                         _mm_set1_epi8(-128 + '9' - '-' + 1));
    const __m128i other =
        _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('_')), _mm_cmpeq_epi8(x, _mm_set1_epi8('*')));
    const __m128i plain =
        _mm_or_si128(_mm_or_si128(letter, other),
                     _mm_andnot_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('.')), digit));

    _mm_storeu_si128((void *)out, x);
    return (size_t)__builtin_ctz(~(unsigned)_mm_movemask_epi8(plain));
#else
    size_t n = 0;

    for (; n < BLOCK && is_plain(p[n]); n++)
        out[n] = (uint8_t)p[n];
    return n;
#endif
}

/* A plain label; out has room for all blocks that can be looked at. */
static size_t take_label(const char *p, uint8_t *out)
{
    size_t n = 0, k;

    do {
        k = take_block(p + n, out + n);
        n += k;
    } while (k == BLOCK && n <= LABEL_MAX);
    return n;
}

/* Dotted plain labels, in wire form; *ret_n octets, without the root's. */
static const char *take_labels(const char *p, uint8_t out[DNAME_MAX], size_t *ret_n,
                               bool *ret_absolute)
{
    const size_t most = DNAME_MAX - (1 + LABEL_MAX + 1 + BLOCK);
    size_t at = 0;

    for (;;) {
        size_t n = at <= most ? take_label(p, out + at + 1) : 0;
        if (n == 0 || n > LABEL_MAX)
            return NULL;
        out[at] = (uint8_t)n;
        at += 1 + n;
        p += n;
        if (*p != '.' || !is_plain(p[1]))
            break;
        p++;
    }
    *ret_absolute = *p == '.';
    *ret_n = at;
    return p + *ret_absolute;
}

#define SUFFIX 32

const char *zp_fast_name(const char *p, const struct zp_origin *origin, uint8_t out[DNAME_MAX],
                         size_t *ret_n, bool *ret_absolute)
{
    size_t n, norigin = origin->name.n;

    p = take_labels(p, out, &n, ret_absolute);
    if (!p)
        return NULL;
    if (*ret_absolute) {
        out[n] = 0;
        *ret_n = n + 1;
        return p;
    }
    if (n + norigin > DNAME_MAX)
        return NULL;
    if (norigin <= SUFFIX && n <= DNAME_MAX - SUFFIX)
        memcpy(out + n, origin->name.b, SUFFIX); /* of a known size: no call */
    else
        memcpy(out + n, origin->name.b, norigin);
    *ret_n = n + norigin;
    return *ret_n >= origin->twice.n && zp_doubled(origin, out, *ret_n) ? NULL : p;
}
