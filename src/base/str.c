/* Views of text: comparing, cutting, numbers. */
#include <betterdns/str.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

bool str_eq_fold(struct str a, struct str b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++) {
        if (ascii_lower((unsigned char)a.p[i]) != ascii_lower((unsigned char)b.p[i]))
            return false;
    }
    return true;
}

bool str_starts(struct str s, struct str prefix)
{
    return s.n >= prefix.n && str_eq((struct str){s.p, prefix.n}, prefix);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.n >= suffix.n &&
           (suffix.n == 0 || str_eq((struct str){s.p + (s.n - suffix.n), suffix.n}, suffix));
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct str str_trim(struct str s)
{
    while (s.n > 0 && is_blank(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

bool str_cut(struct str *rest, char sep, struct str *ret_head)
{
    if (rest->n == 0)
        return false;
    const char *at = memchr(rest->p, sep, rest->n);
    size_t n = at ? (size_t)(at - rest->p) : rest->n;
    size_t taken = at ? n + 1 : n;
    *ret_head = (struct str){rest->p, n};
    *rest = (struct str){rest->p + taken, rest->n - taken};
    return true;
}

char *str_put_u64(char *to, uint64_t value)
{
    char digits[STR_U64_MAX];
    size_t n = 0;

    do
        digits[n++] = (char)('0' + value % 10);
    while (value /= 10);
    while (n > 0)
        *to++ = digits[--n];
    return to;
}

int str_u64(struct str s, uint64_t max, uint64_t *ret_value)
{
    uint64_t v = 0;
    bool over = false;

    if (s.n == 0)
        return -EINVAL;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return -EINVAL;
        /* What is not a number at all shall be said first: go on to the end. */
        over |= __builtin_mul_overflow(v, 10, &v);
        over |= __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v);
    }
    if (over || v > max)
        return -ERANGE;
    *ret_value = v;
    return 0;
}

struct unit {
    struct str name;
    uint64_t factor;
};

/* A number directly followed by one of the units; the first unit in the table whose name ends the
 * text is meant. */
static int with_unit(struct str s, const struct unit *units, size_t nunits, uint64_t *ret_value)
{
    for (size_t i = 0; i < nunits; i++) {
        uint64_t v;
        if (!str_ends(s, units[i].name))
            continue;
        int r = str_u64((struct str){s.p, s.n - units[i].name.n}, UINT64_MAX, &v);
        if (r < 0)
            return r;
        if (__builtin_mul_overflow(v, units[i].factor, &v))
            return -ERANGE;
        *ret_value = v;
        return 0;
    }
    return -EINVAL;
}

int str_size(struct str s, uint64_t *ret_bytes)
{
    static const struct unit units[] = {
        {{"KiB", 3}, UINT64_C(1) << 10},
        {{"MiB", 3}, UINT64_C(1) << 20},
        {{"GiB", 3}, UINT64_C(1) << 30},
        {{"", 0}, 1},
    };
    return with_unit(s, units, ARRAY_SIZE(units), ret_bytes);
}

#define WORD_MAX 64

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Optimal string alignment: two neighbours that changed places are one edit, as in typed text. */
size_t str_distance(struct str a, struct str b)
{
    size_t rows[3][WORD_MAX + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];

    if (a.n > WORD_MAX || b.n > WORD_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= b.n; j++)
        above[j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            size_t replace = above[j - 1] + (a.p[i - 1] != b.p[j - 1]);
            row[j] = least(replace, least(above[j], row[j - 1]) + 1);
            bool swapped = i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1];
            if (swapped)
                row[j] = least(row[j], before[j - 2] + 1);
        }
        size_t *oldest = before;
        before = above;
        above = row;
        row = oldest;
    }
    return above[b.n];
}

static struct str lower(struct str s, char out[WORD_MAX])
{
    for (size_t i = 0; i < s.n && i < WORD_MAX; i++)
        out[i] = (char)ascii_lower((unsigned char)s.p[i]);
    return (struct str){out, s.n};
}

void str_nearest_try(struct str_nearest *n, struct str candidate)
{
    char word[WORD_MAX], other[WORD_MAX];

    size_t distance = str_distance(lower(n->word, word), lower(candidate, other));
    /* A word of which more than a third is different is another word. */
    size_t shorter = least(n->word.n, candidate.n);
    bool near = distance != SIZE_MAX && distance <= (shorter < 3 ? 1 : (shorter + 2) / 3);
    if (!near || (n->best.n > 0 && distance >= n->distance))
        return;
    n->best = candidate;
    n->distance = distance;
}

char *str_dup(struct str s)
{
    char *copy = malloc(s.n + 1);
    if (!copy)
        return NULL;
    if (s.n > 0)
        memcpy(copy, s.p, s.n);
    copy[s.n] = '\0';
    return copy;
}

/* The length that a lead byte announces, and the code point's bits in it; 0: no lead byte. */
static unsigned utf8_lead(unsigned char c, uint32_t *ret_bits)
{
    if (c < 0x80) {
        *ret_bits = c;
        return 1;
    }
    if (c >= 0xc2 && c <= 0xdf) {
        *ret_bits = c & 0x1fu;
        return 2;
    }
    if (c >= 0xe0 && c <= 0xef) {
        *ret_bits = c & 0x0fu;
        return 3;
    }
    if (c >= 0xf0 && c <= 0xf4) {
        *ret_bits = c & 0x07u;
        return 4;
    }
    return 0;
}

unsigned str_utf8(struct str s, uint32_t *ret_code)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t code = 0;

    if (s.n == 0)
        return 0;
    unsigned n = utf8_lead((unsigned char)s.p[0], &code);
    if (n == 0 || n > s.n)
        return 0;
    for (unsigned i = 1; i < n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (c & 0x3fu);
    }
    bool surrogate = code >= 0xd800 && code <= 0xdfff;
    if (code < smallest[n] || code > 0x10ffff || surrogate)
        return 0;
    *ret_code = code;
    return n;
}

unsigned str_printable(struct str s)
{
    uint32_t code;
    unsigned n = str_utf8(s, &code);
    bool control = code < 0x20 || (code >= 0x7f && code < 0xa0);
    /* Line separators, and marks that reverse what stands beside them. */
    bool layout = (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
    return n == 0 || control || layout ? 0 : n;
}

void str_mark_cut(char *text, size_t n, size_t size)
{
    if (n > size - 4)
        n = size - 4;
    while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
        n--;
    memcpy(text + n, "...", 4);
}

void str_vformat(char *out, size_t size, const char *format, va_list args)
{
    int n = vsnprintf(out, size, format, args);

    if (n < 0)
        out[0] = '\0';
    else if ((size_t)n >= size)
        str_mark_cut(out, size - 1, size);
}

void str_format(char *out, size_t size, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    str_vformat(out, size, format, args);
    va_end(args);
}
