/* Histories, compared and told. */
#include "history_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <betterdns/buf.h>

#include "ops.h"

static void assert_same_set(const struct rrset *a, const struct rrset *b)
{
    struct registration ra, rb;
    struct rdset da = rrset_rdatas(a), db = rrset_rdatas(b);
    struct rdset wa = rrset_withdrawn(a), wb = rrset_withdrawn(b);

    assert_true(str_eq(rrset_owner_key(a), rrset_owner_key(b)));
    assert_int_equal(rrset_type(a), rrset_type(b));
    assert_int_equal(rrset_ttl(a), rrset_ttl(b));
    assert_int_equal(da.n, db.n);
    assert_memory_equal(da.p, db.p, da.n);
    assert_true(rdset_eq(rrset_type(a), &wa, &wb));
    assert_int_equal(rrset_nregs(a), rrset_nregs(b));
    for (size_t i = 0; i < rrset_nregs(a); i++) {
        rrset_reg(a, i, &ra);
        rrset_reg(b, i, &rb);
        assert_true(registration_same(&ra, &rb));
    }
}

void history_assert_same(const struct snap *a, const struct snap *b)
{
    struct hash128 ca = snap_chain(a), cb = snap_chain(b);
    const struct rrset *sa, *sb;
    struct snap_iter ia, ib;
    unsigned za, zb;

    assert_int_equal(snap_seq(a), snap_seq(b));
    assert_true(hash128_eq(&ca, &cb));
    assert_int_equal(snap_nzones(a), snap_nzones(b));
    for (unsigned z = 0; z < snap_nzones(a); z++) {
        const struct snap_zone *pa = snap_zone(a, z), *pb = snap_zone(b, z);
        assert_true(dname_eq(&pa->origin, &pb->origin));
        assert_int_equal(pa->serial, pb->serial);
        assert_int_equal(pa->nrrsets, pb->nrrsets);
        assert_int_equal(pa->nrecords, pb->nrecords);
    }
    snap_seek(a, (struct snap_key){.owner = STR("")}, &ia);
    snap_seek(b, (struct snap_key){.owner = STR("")}, &ib);
    while ((sa = snap_next(&ia, &za))) {
        sb = snap_next(&ib, &zb);
        assert_non_null(sb);
        assert_int_equal(za, zb);
        assert_same_set(sa, sb);
    }
    assert_null(snap_next(&ib, &zb));
}

unsigned history_random(unsigned *seed, unsigned n)
{
    return (unsigned)rand_r(seed) % n;
}

static void add_random(struct change *c, unsigned last_number, unsigned *seed)
{
    static const char *const names[] = {"a", "b.a", "c", "1.2.0.192.in-addr.arpa.",
                                        "2.2.0.192.in-addr.arpa."};
    static const char *const values[] = {"192.0.2.1", "192.0.2.2", "192.0.2.1|192.0.2.3"};
    static const char *const ids[] = {"x", "y"};
    const char *name = names[history_random(seed, ARRAY_SIZE(names))];
    const char *value = values[history_random(seed, ARRAY_SIZE(values))];
    const char *id = ids[history_random(seed, ARRAY_SIZE(ids))];

    uint64_t number = 1 + history_random(seed, last_number + 1);

    switch (history_random(seed, 10)) {
    case 0: regkit_add(c, &WHAT(OP_DELETE, name, .id = NULL)); break;
    case 1: regkit_add(c, &WHAT(OP_DELETE, name, .id = id)); break;
    case 2: regkit_add(c, &WHAT(OP_PUT, name, .values = value, .ttl = 60)); break;
    case 3:
        regkit_add(c, &WHAT(OP_WITHDRAW, name, .values = value, .keep_last = number & 1,
                            .numbers = {number, number + 1, number + 2}));
        break;
    case 4: regkit_add(c, &WHAT(OP_WITHDRAW, name, .values = value)); break;
    case 5: regkit_add(c, &WHAT(OP_SERVE, name, .values = value)); break;
    case 6: regkit_add(c, &WHAT(OP_DRAIN, name, .number = number, .drain = number & 1)); break;
    default: regkit_add(c, &WHAT(OP_REGISTER, name, .values = value, .id = id)); break;
    }
}

int history_random_change(struct regkit *k, unsigned *seed)
{
    static unsigned last_number; /* about */
    struct change *c = change_new(CHANGE_HTTP, STR("test"));

    for (unsigned n = 1 + history_random(seed, 4); n > 0; n--)
        add_random(c, last_number, seed);
    int r = regkit_submit(k, c);
    if (r == 0 && k->receipt.number > last_number)
        last_number = (unsigned)k->receipt.number;
    return r;
}

void history_keep(struct history_kept *kept, struct regkit *k)
{
    if (kept->n == kept->cap) {
        kept->cap = kept->cap ? 2 * kept->cap : 64;
        kept->p = reallocarray(kept->p, kept->cap, sizeof(struct snap *));
        assert_non_null(kept->p);
    }
    kept->p[kept->n++] = registry_snapshot(k->r);
}

void history_forget(struct history_kept *kept)
{
    while (kept->n > 0)
        snap_put(kept->p[--kept->n]);
    free(kept->p);
    *kept = (struct history_kept){0};
}

void history_assert_kept(const struct history_kept *kept, struct regkit *k)
{
    struct snap *then;

    for (size_t i = 0; i < kept->n; i++) {
        assert_int_equal(registry_at(k->r, snap_seq(kept->p[i]), &then), 0);
        history_assert_same(then, kept->p[i]);
        snap_put(then);
    }
}

static void tell_set(struct buf *out, const char *sign, const struct rrset *set)
{
    char name[DNAME_TEXT_MAX], type[RRTYPE_TEXT_MAX];
    struct dname owner;

    if (!set)
        return;
    rrset_owner(set, &owner);
    dname_to_text(&owner, name);
    buf_addf(out, "%s%s %s/%u", sign, rrtype_to_text(rrset_type(set), type), name,
             rrset_rdatas(set).count);
}

static int tell(void *arg, const struct history_change *c)
{
    struct buf *out = arg;

    buf_addf(out, "%llu %s %.*s", (unsigned long long)c->seq, c->source, STR_ARG(c->actor));
    for (size_t i = 0; i < c->nzones; i++)
        buf_addf(out, "|%u %u", c->zones[i].zone, c->zones[i].serial);
    for (size_t i = 0; i < c->ndiffs; i++) {
        tell_set(out, "|-", c->diffs[i].before);
        tell_set(out, "|+", c->diffs[i].after);
    }
    buf_add_c(out, '\n');
    return 0;
}

const char *history_text(struct regkit *k, const struct history_filter *filter)
{
    static char text[1 << 14];
    struct buf out = {0};

    assert_int_equal(registry_history(k->r, filter, tell, &out), 0);
    snprintf(text, sizeof(text), "%.*s", STR_ARG(buf_str(&out)));
    buf_free(&out);
    return text;
}
