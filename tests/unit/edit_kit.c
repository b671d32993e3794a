#include "edit_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void show_error(void *arg, const struct zp_error *error)
{
    const struct str *text = arg;
    struct buf shown = {.p = NULL};

    if (error->warning)
        return;
    zp_error_format("zone", *text, error, &shown);
    print_error("%.*s", STR_ARG(buf_str(&shown)));
    buf_free(&shown);
}

static struct rdset copy_rdset(struct rdset s)
{
    uint8_t *bytes = malloc(s.n ? s.n : 1);

    assert_non_null(bytes);
    if (s.n)
        memcpy(bytes, s.p, s.n);
    return (struct rdset){bytes, s.n, s.count};
}

static void free_rdset(struct rdset s)
{
    free((void *)(uintptr_t)s.p);
}

struct kit_zone kit_zone_read(struct str text, const struct zp_options *options)
{
    struct kit_zone z = {NULL, 0};
    struct zp_options with = *options;
    struct zp_zone *zone;

    with.on_error = show_error;
    with.error_arg = &text;
    if (zp_zone_load(text, &with, &zone) < 0)
        fail_msg("no zone:\n%.*s", STR_ARG(text));
    z.n = zp_zone_nrrsets(zone);
    z.sets = calloc(z.n + 1, sizeof(*z.sets));
    assert_non_null(z.sets);
    for (size_t i = 0; i < z.n; i++) {
        struct zp_edit_set *s = &z.sets[i];
        struct rdset view;
        zp_zone_rrset(zone, i, &s->owner, &s->type, &s->ttl, &view);
        s->rdatas = copy_rdset(view);
    }
    zp_zone_free(zone);
    return z;
}

struct kit_zone kit_zone_copy(const struct kit_zone *z)
{
    struct kit_zone copy = {calloc(z->n + 1, sizeof(*z->sets)), z->n};

    assert_non_null(copy.sets);
    for (size_t i = 0; i < z->n; i++) {
        copy.sets[i] = z->sets[i];
        copy.sets[i].rdatas = copy_rdset(z->sets[i].rdatas);
    }
    return copy;
}

void kit_zone_free(struct kit_zone *z)
{
    for (size_t i = 0; i < z->n; i++)
        free_rdset(z->sets[i].rdatas);
    free(z->sets);
    *z = (struct kit_zone){NULL, 0};
}

static int compare(const struct zp_edit_set *s, const struct dname *owner, uint16_t type)
{
    int c = dname_cmp(&s->owner, owner);

    return c ? c : (s->type > type) - (s->type < type);
}

/* The first set that is not before it. */
static size_t lower_bound(const struct kit_zone *z, const struct dname *owner, uint16_t type)
{
    size_t i = 0;

    while (i < z->n && compare(&z->sets[i], owner, type) < 0)
        i++;
    return i;
}

struct zp_edit_set *kit_zone_find(struct kit_zone *z, const struct dname *owner, uint16_t type)
{
    size_t i = lower_bound(z, owner, type);

    return i < z->n && compare(&z->sets[i], owner, type) == 0 ? &z->sets[i] : NULL;
}

static void drop_at(struct kit_zone *z, size_t i)
{
    free_rdset(z->sets[i].rdatas);
    memmove(z->sets + i, z->sets + i + 1, (z->n - i - 1) * sizeof(*z->sets));
    z->n--;
}

void kit_zone_drop(struct kit_zone *z, const struct dname *owner, uint16_t type)
{
    const struct zp_edit_set *s = kit_zone_find(z, owner, type);

    if (!s) {
        fail_msg("there is no such set to drop");
        return;
    }
    drop_at(z, (size_t)(s - z->sets));
}

static struct zp_edit_set *insert(struct kit_zone *z, const struct dname *owner, uint16_t type,
                                  uint32_t ttl)
{
    size_t i = lower_bound(z, owner, type);

    z->sets = realloc(z->sets, (z->n + 2) * sizeof(*z->sets));
    assert_non_null(z->sets);
    memmove(z->sets + i + 1, z->sets + i, (z->n - i) * sizeof(*z->sets));
    z->sets[i] = (struct zp_edit_set){.owner = *owner, .type = type, .ttl = ttl};
    z->n++;
    return &z->sets[i];
}

static struct rdset of_one(uint16_t type, struct str rdata)
{
    uint8_t *bytes;
    struct rdset set;

    assert_int_equal(rdset_pack(type, &rdata, 1, &bytes, &set), 0);
    return set;
}

void kit_zone_add(struct kit_zone *z, const struct dname *owner, uint16_t type, uint32_t ttl,
                  uint32_t fallback, struct str rdata)
{
    struct zp_edit_set *s = kit_zone_find(z, owner, type);
    struct rdset one = of_one(type, rdata), both;
    uint8_t *bytes;

    if (!s)
        s = insert(z, owner, type, fallback);
    if (ttl != UINT32_MAX)
        s->ttl = ttl;
    assert_int_equal(rdset_union(type, &s->rdatas, &one, &bytes, &both), 0);
    free_rdset(s->rdatas);
    free_rdset(one);
    s->rdatas = both;
}

void kit_zone_remove(struct kit_zone *z, const struct dname *owner, uint16_t type, struct str rdata)
{
    struct zp_edit_set *s = kit_zone_find(z, owner, type);
    struct rdset one = of_one(type, rdata), rest;
    uint8_t *bytes;

    if (!s || !rdset_has(type, &s->rdatas, rdata)) {
        fail_msg("there is no such record to remove");
        return;
    }
    assert_int_equal(rdset_minus(type, &s->rdatas, &one, &bytes, &rest), 0);
    free_rdset(one);
    free_rdset(s->rdatas);
    s->rdatas = rest;
}

void kit_zone_tidy(struct kit_zone *z)
{
    for (size_t i = z->n; i-- > 0;) {
        if (z->sets[i].rdatas.count == 0)
            drop_at(z, i);
    }
}

size_t kit_zone_diff(const struct kit_zone *from, const struct kit_zone *to,
                     struct zp_edit_set **ret_sets)
{
    struct zp_edit_set *sets = calloc(from->n + to->n + 1, sizeof(*sets));
    size_t n = 0, i = 0, k = 0;

    assert_non_null(sets);
    while (i < from->n || k < to->n) {
        int c = i == from->n ? 1
                : k == to->n ? -1
                             : compare(&from->sets[i], &to->sets[k].owner, to->sets[k].type);
        if (c < 0) {
            sets[n] = from->sets[i++];
            sets[n++].rdatas = (struct rdset){NULL, 0, 0};
        } else if (c > 0) {
            sets[n++] = to->sets[k++];
        } else {
            if (from->sets[i].ttl != to->sets[k].ttl ||
                !rdset_eq(to->sets[k].type, &from->sets[i].rdatas, &to->sets[k].rdatas))
                sets[n++] = to->sets[k];
            i++;
            k++;
        }
    }
    *ret_sets = sets;
    return n;
}

bool kit_zone_eq(const struct kit_zone *a, const struct kit_zone *b)
{
    struct zp_edit_set *sets;
    size_t n = kit_zone_diff(a, b, &sets);

    free(sets);
    return n == 0;
}

int kit_take_text(void *arg, struct str piece)
{
    struct buf *out = arg;

    buf_add_str(out, piece);
    return out->error;
}
