/* The feed: whoever follows what commits change misses nothing, and hears of nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <errno.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <betterdns/clock.h>

#include "history_kit.h"
#include "impl.h"
#include "lease_kit.h"
#include "pause_kit.h"

#define DURABLE "commit: durable, not visible"

struct follower {
    struct regkit *k;
    struct registry_feed *feed;
    struct snap *from;
    int eventfd;
    atomic_uint asked;
};

/* Sets with a registration, of any zone. */
static bool wants(void *arg, unsigned zone, const struct rrset *set)
{
    struct follower *f = arg;

    (void)zone;
    atomic_fetch_add(&f->asked, 1);
    return rrset_nregs(set) > 0;
}

static void follow(struct regkit *k, struct follower *f)
{
    *f = (struct follower){.k = k, .eventfd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
    assert_true(f->eventfd >= 0);
    assert_int_equal(registry_feed_open(k->r, wants, f, f->eventfd, &f->feed, &f->from), 0);
}

static void unfollow(struct follower *f)
{
    registry_feed_close(f->feed);
    snap_put(f->from);
    close(f->eventfd);
}

static bool was_bumped(const struct follower *f)
{
    uint64_t n;

    return read(f->eventfd, &n, sizeof(n)) == sizeof(n);
}

static void add_side(const struct rrset *set, char sign, struct buf *out)
{
    char name[DNAME_TEXT_MAX], type[RRTYPE_TEXT_MAX];
    struct dname owner;

    if (!set)
        return;
    rrset_owner(set, &owner);
    dname_to_text(&owner, name);
    buf_addf(out, "%c%.*s %s %u", sign, (int)strcspn(name, "."), name,
             rrtype_to_text(rrset_type(set), type), rrset_rdatas(set).count);
}

/* What the feed has, as "-web A 1+web A 2;…". */
static const char *took(struct follower *f)
{
    static char text[1024];
    struct feed_item *items = registry_feed_take(f->feed);
    struct buf b = {0};

    for (const struct feed_item *i = items; i; i = i->next) {
        add_side(i->before, '-', &b);
        add_side(i->after, '+', &b);
        buf_add_c(&b, ';');
    }
    feed_items_free(items);
    snprintf(text, sizeof(text), "%.*s", STR_ARG(buf_str(&b)));
    buf_free(&b);
    return text;
}

#define REGISTER(k, name, what, who)                                                               \
    assert_int_equal(ASK(k, OP_REGISTER, name, .values = (what), .id = (who)), 0)

static void changes_come_in_order_from_the_snapshot_on(void **state)
{
    struct regkit *k = *state;
    struct follower f;

    REGISTER(k, "early", "192.0.2.1", "a");
    follow(k, &f);
    assert_int_equal(snap_seq(f.from), regkit_seq(k));
    assert_string_equal(took(&f), "");
    assert_false(was_bumped(&f));
    REGISTER(k, "web", "192.0.2.1", "a");
    assert_true(was_bumped(&f));
    REGISTER(k, "web", "192.0.2.2", "b");
    assert_int_equal(ASK(k, OP_DELETE, "early", .id = "a"), 0);
    assert_string_equal(took(&f), "+web A 1;-web A 1+web A 2;-early A 1;");
    assert_string_equal(took(&f), "");
    REGISTER(k, "web", "192.0.2.2", "b"); /* a repeat is no change */
    assert_string_equal(took(&f), "");
    unfollow(&f);
}

/* Before or after: who follows registrations has to hear of the last one that goes. */
static void only_what_is_wanted_comes(void **state)
{
    struct regkit *k = *state;
    struct follower f;

    REGISTER(k, "web", "192.0.2.1", "a");
    follow(k, &f);
    REGISTER(k, "db", "192.0.2.3", "a");
    assert_int_equal(ASK(k, OP_PUT, "web", .values = "192.0.2.2"), 0); /* its registrations end */
    assert_int_equal(ASK(k, OP_PUT, "web", .values = "192.0.2.3"), 0); /* nobody's, twice */
    assert_int_equal(ASK(k, OP_DELETE, "web"), 0);
    assert_string_equal(took(&f), "+db A 1;-web A 1+web A 1;");
    unfollow(&f);
}

static void what_is_refused_or_tried_does_not_come(void **state)
{
    struct regkit *k = *state;
    struct follower f;

    follow(k, &f);
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1", .dry_run = true), 0);
    struct change *c = change_new(CHANGE_HTTP, STR("test"));
    regkit_add(c, &WHAT(OP_REGISTER, "web", .values = "192.0.2.1"));
    regkit_add(c, &WHAT(OP_REGISTER, "web", .type = RRTYPE_CNAME, .values = "x"));
    assert_int_equal(regkit_submit(k, c), -BD_ECONFLICT);
    assert_string_equal(took(&f), "");
    assert_false(was_bumped(&f));
    unfollow(&f);
}

static void each_follower_has_its_own(void **state)
{
    struct regkit *k = *state;
    struct follower a, b;

    follow(k, &a);
    REGISTER(k, "one", "192.0.2.1", "a");
    follow(k, &b);
    REGISTER(k, "two", "192.0.2.1", "a");
    assert_string_equal(took(&a), "+one A 1;+two A 1;");
    unfollow(&a);
    REGISTER(k, "three", "192.0.2.1", "a");
    assert_string_equal(took(&b), "+two A 1;+three A 1;");
    REGISTER(k, "four", "192.0.2.1", "a"); /* nobody takes it */
    unfollow(&b);
    unsigned asked = atomic_load(&b.asked);
    REGISTER(k, "five", "192.0.2.1", "a");
    assert_int_equal(atomic_load(&b.asked), asked);
}

/* Between a commit and its becoming visible nobody can begin: he would have its change neither in
 * the snapshot nor in the feed. */
static void nobody_begins_during_a_commit(void **state)
{
    struct regkit *k = *state;
    struct regkit_job job;
    struct follower f;

    pause_hold(DURABLE);
    BEGIN(k, &job, .ask = WHAT(OP_REGISTER, "web", .values = "192.0.2.1"));
    pause_wait(DURABLE, 1);
    assert_int_equal(pthread_mutex_trylock(&k->r->feeds.gate), EBUSY);
    pause_release(DURABLE);
    assert_int_equal(regkit_join(&job), 0);
    follow(k, &f);
    assert_int_equal(snap_seq(f.from), job.receipt.seq);
    assert_string_equal(took(&f), "");
    unfollow(&f);
}

/* ---- many submitters, and a follower who comes in between ---- */

#define SUBMITTERS 4
#define CHANGES 150

struct submitter {
    struct regkit *k;
    unsigned seed;
    pthread_t thread;
};

static void *submit_main(void *arg)
{
    struct submitter *s = arg;
    char name[8], values[16];

    for (unsigned i = 0; i < CHANGES; i++) {
        struct change *c = change_new(CHANGE_HTTP, STR("test"));
        bool ends = history_random(&s->seed, 3) == 0;
        snprintf(name, sizeof(name), "h%u", history_random(&s->seed, 12));
        snprintf(values, sizeof(values), "192.0.2.%u", 1 + history_random(&s->seed, 9));
        regkit_add(c, &(struct ask){.kind = ends ? OP_DELETE : OP_REGISTER,
                                    .name = name,
                                    .values = ends ? NULL : values,
                                    .id = ends ? NULL : "a"});
        int r = registry_submit(s->k->r, c, clock_deadline(60 * NS_PER_S), NULL, NULL);
        assert_true(r == 0 || r == -BD_ENOTFOUND);
        change_put(c);
    }
    return NULL;
}

static bool same(const struct rrset *a, const struct rrset *b)
{
    struct hash128 x, y;

    if (!a || !b)
        return !a && !b;
    x = rrset_etag(a);
    y = rrset_etag(b);
    return hash128_eq(&x, &y);
}

/* Each item begins where the one before has ended. */
static void replay(struct snap_edit *edit, struct feed_item *items)
{
    for (const struct feed_item *i = items; i; i = i->next) {
        const struct rrset *any = i->after ? i->after : i->before;
        struct snap_key key = {i->zone, rrset_owner_key(any), rrset_type(any)};
        assert_true(same(snap_edit_find(edit, key), i->before));
        if (i->after)
            assert_int_equal(snap_edit_set(edit, i->zone, rrset_ref(i->after)), 0);
        else
            assert_int_equal(snap_edit_delete(edit, key), 0);
    }
    feed_items_free(items);
}

static void assert_same_registrations(struct snap_edit *edit, struct snap *now)
{
    const struct rrset *set;
    struct snap_iter it;
    unsigned zone, n = 0;
    char name[32];

    assert_int_equal(snap_seek(now, (struct snap_key){.owner = STR("")}, &it), 0);
    while ((set = snap_next(&it, &zone))) {
        struct snap_key key = {zone, rrset_owner_key(set), rrset_type(set)};
        if (rrset_nregs(set) == 0)
            continue;
        assert_true(same(snap_edit_find(edit, key), set));
        n++;
    }
    for (unsigned i = 0; i < 12; i++) {
        uint8_t bytes[DNAME_KEY_MAX];
        struct dname owner;
        snprintf(name, sizeof(name), "h%u.lab.example.", i);
        assert_int_equal(dname_from_text(str_c(name), NULL, &owner, NULL), 0);
        struct str key = {(const char *)bytes, dname_key(&owner, bytes)};
        n -= snap_edit_find(edit, (struct snap_key){0, key, RRTYPE_A}) != NULL;
    }
    assert_int_equal(n, 0);
}

static void nothing_is_lost_under_many_submitters(void **state)
{
    struct regkit *k = *state;
    struct submitter s[SUBMITTERS];
    struct snap_edit *edit;
    struct follower f;

    for (unsigned i = 0; i < SUBMITTERS; i++) {
        s[i] = (struct submitter){.k = k, .seed = i + 1};
        assert_int_equal(pthread_create(&s[i].thread, NULL, submit_main, &s[i]), 0);
    }
    for (unsigned i = 0; i < 20; i++) { /* others come and go */
        follow(k, &f);
        unfollow(&f);
    }
    follow(k, &f);
    assert_int_equal(snap_edit_begin(f.from, &edit), 0);
    while (regkit_stats(k).submitted < (uint64_t)SUBMITTERS * CHANGES)
        replay(edit, registry_feed_take(f.feed));
    for (unsigned i = 0; i < SUBMITTERS; i++)
        pthread_join(s[i].thread, NULL);
    replay(edit, registry_feed_take(f.feed));
    struct snap *now = registry_snapshot(k->r);
    assert_same_registrations(edit, now);
    snap_put(now);
    snap_edit_abort(edit);
    unfollow(&f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, regkit_make_open, regkit_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(changes_come_in_order_from_the_snapshot_on),
        TEST(only_what_is_wanted_comes),
        TEST(what_is_refused_or_tried_does_not_come),
        TEST(each_follower_has_its_own),
        TEST(nobody_begins_during_a_commit),
        TEST(nothing_is_lost_under_many_submitters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
