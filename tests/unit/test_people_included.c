/* The people's file with $INCLUDE: an edit of an included file is a save of the zone, and such a
 * file is never written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "people_kit.h"
#include "watcher.h"

static unsigned fails;   /* so many times more there is no memory to watch anything */
static unsigned watched; /* so many paths are since */

int __real_watcher_set_paths(struct watcher *w, unsigned owner, const char *const *paths,
                             size_t npaths);
int __wrap_watcher_set_paths(struct watcher *w, unsigned owner, const char *const *paths,
                             size_t npaths);

int __wrap_watcher_set_paths(struct watcher *w, unsigned owner, const char *const *paths,
                             size_t npaths)
{
    if (__atomic_load_n(&fails, __ATOMIC_SEQ_CST) > 0) {
        __atomic_fetch_sub(&fails, 1, __ATOMIC_SEQ_CST);
        return -ENOMEM;
    }
    __atomic_store_n(&watched, (unsigned)npaths, __ATOMIC_SEQ_CST);
    return __real_watcher_set_paths(w, owner, paths, npaths);
}

static const char zone[] = "$TTL 30\n@ IN SOA ns1 admin 5 60 60 60 60\n"
                           "@ IN NS ns1\nns1 IN A 192.0.2.200\n"
                           "$INCLUDE hosts.inc ; the hosts\nlast IN A 192.0.2.201\n";

static char hosts[160];

static struct controller_kit *start(void **state)
{
    struct controller_kit *f = *state;

    snprintf(hosts, sizeof(hosts), "%s/hosts.inc", f->dir);
    people_kit_put(f->file, str_c(zone));
    people_kit_put(hosts, STR("one IN A 192.0.2.1\ntwo IN A 192.0.2.2\n"));
    assert_int_equal(controller_kit_start(f), 0);
    controller_kit_put_address(f, 7);
    people_kit_rest(f);
    return f;
}

static int delete_host(struct controller_kit *f, const char *name)
{
    struct dname_rules rules = {.origin = &f->origin};
    struct op op = {.kind = OP_DELETE, .type = RRTYPE_A};
    struct problem problem = {0};

    assert_int_equal(dname_from_text(str_c(name), &rules, &op.owner, NULL), 0);
    struct change *c = change_new(CHANGE_HTTP, STR("test"));
    assert_int_equal(change_add(c, &op), 0);
    int r =
        registry_submit(f->registry, c, clock_deadline(CONTROLLER_KIT_PATIENCE), NULL, &problem);
    change_put(c);
    return r;
}

static void an_included_file_is_edited(void **state)
{
    struct controller_kit *f = start(state);

    assert_true(people_kit_has(f->file, "$INCLUDE hosts.inc ; the hosts\n"));
    assert_true(people_kit_has(f->file, "host-7") && !people_kit_has(f->file, "one"));
    people_kit_append(hosts, "three IN A 192.0.2.3\n");
    people_kit_wait_zone(f, "three", 3);
    people_kit_sed(hosts, "one IN A 192.0.2.1\n", "");
    people_kit_wait_zone(f, "one", 0);
    assert_int_equal(delete_host(f, "two"), -BD_ECONFLICT);
    people_kit_rest(f);
    assert_true(people_kit_has(f->file, "$INCLUDE hosts.inc ; the hosts\n"));
    assert_false(people_kit_has(f->file, "three"));
    assert_true(people_kit_has(hosts, "three IN A 192.0.2.3\n"));
    assert_true(people_kit_zone_has(f, "host-7", 7));
}

/* Known again, with what it includes: no save, and still nobody else's to change. */
static void it_is_known_at_start(void **state)
{
    struct controller_kit *f = start(state);
    uint64_t seq = people_kit_seq(f);

    controller_kit_stop(f);
    assert_int_equal(controller_kit_start(f), 0);
    people_kit_rest(f);
    assert_int_equal(people_kit_seq(f), seq);
    assert_int_equal(delete_host(f, "two"), -BD_ECONFLICT);
    controller_kit_stop(f);
    people_kit_append(hosts, "three IN A 192.0.2.3\n"); /* while we are down */
    assert_int_equal(controller_kit_start(f), 0);
    people_kit_wait_zone(f, "three", 3);
    people_kit_rest(f);
}

static void a_bad_included_file_is_rejected(void **state)
{
    struct controller_kit *f = start(state);
    struct controller_fault fault;

    people_kit_append(hosts, "bad IN AAA 192.0.2.3\n");
    controller_kit_wait_file(f, FILE_REJECTED, 0);
    assert_true(people_kit_says(f, "AAAA", &fault));
    assert_non_null(strstr(fault.file, "hosts.inc"));
    assert_int_equal(fault.line, 3);
    assert_int_equal(fault.column, 8);
    assert_true(people_kit_zone_has(f, "one", 1));
    people_kit_sed(hosts, "bad IN AAA", "good IN A");
    people_kit_wait_zone(f, "good", 3);
    people_kit_rest(f);
    /* It vanishes, and comes back. */
    struct buf b = people_kit_read(hosts);
    assert_int_equal(unlink(hosts), 0);
    controller_kit_wait_file(f, FILE_REJECTED, 0);
    assert_true(people_kit_zone_has(f, "one", 1));
    people_kit_put(hosts, buf_str(&b));
    people_kit_rest(f);
    buf_free(&b);
}

/* Half of it is a zone, too. */
static void a_writer_of_an_included_file_is_waited_for(void **state)
{
    struct controller_kit *f = start(state);

    int fd = open(hosts, O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "one IN A 192.0.2.11\n", 20), 20);
    people_kit_append(f->file, "by-hand IN A 192.0.2.99\n"); /* the look comes for sure */
    struct controller_zone_status z;
    const uint64_t until = clock_deadline(NS_PER_S / 2);
    while (clock_mono_ns() < until) {
        controller_kit_status(f, &z);
        assert_true(people_kit_zone_has(f, "two", 2) && people_kit_zone_has(f, "one", 1));
        usleep(5000);
    }
    assert_int_equal(write(fd, "two IN A 192.0.2.12\n", 20), 20);
    assert_int_equal(close(fd), 0);
    people_kit_wait_zone(f, "two", 12);
    people_kit_wait_zone(f, "by-hand", 99);
    people_kit_rest(f);
}

/* One more is included, and nobody would be told when it moves. */
static void memory_to_watch_it_comes_back(void **state)
{
    struct controller_kit *f = start(state);
    char more[160];

    assert_int_equal(__atomic_load_n(&watched, __ATOMIC_SEQ_CST), 2);
    snprintf(more, sizeof(more), "%s/more.inc", f->dir);
    people_kit_put(more, STR("three IN A 192.0.2.3\n"));
    __atomic_store_n(&fails, 1, __ATOMIC_SEQ_CST);
    people_kit_append(f->file, "$INCLUDE more.inc\n");
    people_kit_wait_zone(f, "three", 3);
    people_kit_rest(f);
    assert_int_equal(__atomic_load_n(&fails, __ATOMIC_SEQ_CST), 0);
    assert_int_equal(__atomic_load_n(&watched, __ATOMIC_SEQ_CST), 3);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, controller_kit_set_up, controller_kit_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_included_file_is_edited),      TEST(it_is_known_at_start),
        TEST(a_bad_included_file_is_rejected), TEST(a_writer_of_an_included_file_is_waited_for),
        TEST(memory_to_watch_it_comes_back),
    };
#undef TEST
    if (!controller_kit_find_coredns()) {
        fprintf(stderr, "no coredns: set COREDNS, or run `make coredns`\n");
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
