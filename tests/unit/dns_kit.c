/* What the tests of src/dns share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dns_kit.h"

struct dname kit_name(const char *text)
{
    struct dname d = {.n = 0};

    if (dname_from_text(str_c(text), NULL, &d, NULL) < 0)
        fail_msg("'%s' is not a name", text);
    return d;
}

const char *kit_print(uint16_t type, const uint8_t *bytes, size_t n)
{
    static char out[300000];
    struct buf b = {.p = NULL};

    rdata_to_text(type, bytes, n, &b);
    assert_int_equal(b.error, 0);
    assert_true(b.n < sizeof(out));
    memcpy(out, b.p, b.n);
    out[b.n] = '\0';
    buf_free(&b);
    return out;
}

size_t kit_octets(const char *hex, uint8_t *out)
{
    size_t n = 0;

    for (; *hex; hex++) {
        unsigned value;
        if (*hex == ' ')
            continue;
        char two[] = {hex[0], hex[1], '\0'};
        assert_int_equal(sscanf(two, "%2x", &value), 1);
        out[n++] = (uint8_t)value;
        hex++;
    }
    return n;
}

struct rrset *kit_rrset(const struct dname *owner, uint16_t type, uint32_t ttl)
{
    struct rdset rdatas = {(const uint8_t *)"\0\4\300\0\2\7", 6, 1};
    struct rrset *s = rrset_new(owner, type, ttl, &rdatas, NULL, 0);

    if (!s)
        abort();
    return s;
}

struct snap *kit_snap(const char *const *origins, unsigned n)
{
    struct dname names[4];
    struct snap *s = NULL;

    assert_true(n <= ARRAY_SIZE(names));
    for (unsigned i = 0; i < n; i++)
        names[i] = kit_name(origins[i]);
    assert_int_equal(snap_new(names, n, &s), 0);
    return s;
}

struct snap_edit *kit_begin(struct snap *base)
{
    struct snap_edit *e = NULL;

    if (snap_edit_begin(base, &e) < 0)
        abort();
    return e;
}

struct snap *kit_commit(struct snap_edit *e, struct snap *base, uint64_t seq)
{
    static const uint32_t serials[4] = {11, 12, 13, 14};
    struct hash128 chain = hash128(&seq, sizeof(seq));
    struct snap *next = NULL;

    if (snap_edit_commit(e, seq, &chain, serials, &next) < 0)
        abort();
    snap_put(base);
    return next;
}
