/* sd_notify(3): src/base/notify.c; and more time while a start goes on: src/starting.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <betterdns/clock.h>
#include <betterdns/error.h>
#include <betterdns/notify.h>

#include "starting.h"
#include "supervisor_kit.h"

static struct notify *notify;

static int tear_down(void **state)
{
    (void)state;
    notify_free(notify);
    notify = NULL;
    supervisor_close();
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    return 0;
}

static void nobody_listens(void **state)
{
    (void)state;
    unsetenv("NOTIFY_SOCKET");
    assert_int_equal(notify_new(&notify), 0);
    assert_null(notify);
    assert_int_equal(notify_send(NULL, "READY=1"), 0);
    assert_int_equal(notify_watchdog_ns(NULL), 0);
    setenv("NOTIFY_SOCKET", "", 1);
    assert_int_equal(notify_new(&notify), 0);
    assert_null(notify);
}

static void messages_come_as_they_are(bool abstract)
{
    supervisor_open(abstract);
    assert_int_equal(notify_new(&notify), 0);
    assert_int_equal(notify_send(notify, "READY=1\nSTATUS=all is well"), 0);
    assert_string_equal(supervisor_next(), "READY=1\nSTATUS=all is well");
}

static void to_a_path(void **state)
{
    (void)state;
    messages_come_as_they_are(false);
}

static void to_an_abstract_name(void **state)
{
    (void)state;
    messages_come_as_they_are(true);
}

static void other_addresses_are_refused(void **state)
{
    char longer[200] = "/";
    const char *const addresses[] = {"vsock:2:1234", "relative", "/", "@", longer};

    (void)state;
    memset(longer + 1, 'x', 108); /* one byte more than sun_path holds with its NUL */
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        setenv("NOTIFY_SOCKET", addresses[i], 1);
        assert_int_equal(notify_new(&notify), -BD_EINVALID);
        assert_null(getenv("NOTIFY_SOCKET"));
    }
}

static void the_environment_is_cleared(void **state)
{
    (void)state;
    supervisor_open(false);
    setenv("WATCHDOG_USEC", "1", 1);
    setenv("WATCHDOG_PID", "1", 1);
    assert_int_equal(notify_new(&notify), 0);
    assert_null(getenv("NOTIFY_SOCKET"));
    assert_null(getenv("WATCHDOG_USEC"));
    assert_null(getenv("WATCHDOG_PID"));
}

static uint64_t watchdog(const char *usec, const char *pid)
{
    supervisor_open(false);
    setenv("WATCHDOG_USEC", usec, 1);
    if (pid)
        setenv("WATCHDOG_PID", pid, 1);
    assert_int_equal(notify_new(&notify), 0);
    uint64_t ns = notify_watchdog_ns(notify);
    tear_down(NULL);
    return ns;
}

static void the_watchdog(void **state)
{
    char own[24];

    (void)state;
    snprintf(own, sizeof(own), "%d", getpid());
    assert_int_equal(watchdog("30000000", NULL), 30 * NS_PER_S);
    assert_int_equal(watchdog("30000000", own), 30 * NS_PER_S);
    assert_int_equal(watchdog("30000000", "1"), 0); /* another process's */
    assert_int_equal(watchdog("30000000", ""), 0);
    assert_int_equal(watchdog("30s", NULL), 0);
    assert_int_equal(watchdog("-1", NULL), 0);
    assert_int_equal(watchdog("18446744073709551", NULL), UINT64_C(18446744073709551000));
    assert_int_equal(watchdog("18446744073709552", NULL), 0); /* more nanoseconds than 2^64 */
    assert_int_equal(watchdog("99999999999999999999999", NULL), 0);
}

static void a_supervisor_that_does_not_read_holds_nobody_up(void **state)
{
    int r = 0;

    (void)state;
    supervisor_open(false);
    assert_int_equal(notify_new(&notify), 0);
    for (unsigned i = 0; r == 0 && i < 100000; i++)
        r = notify_send(notify, "WATCHDOG=1");
    assert_int_equal(r, -EAGAIN);
    assert_string_equal(supervisor_next(), "WATCHDOG=1");
    assert_int_equal(notify_send(notify, "READY=1"), 0);
    supervisor_close();
    assert_true(notify_send(notify, "READY=1") < 0);
}

static void a_value_stays_a_value(void **state)
{
    char text[] = "coredns said:\nREADY=1\r\t\x1b[31m \xff caf\xc3\xa9 ~";

    (void)state;
    notify_clean(text);
    assert_string_equal(text, "coredns said:?READY=1???[31m ? caf?? ~");
}

/* ---- a start ---- */

static atomic_uint asked;
static atomic_bool moves;

static bool progress(void *arg)
{
    assert_ptr_equal(arg, &asked);
    atomic_fetch_add(&asked, 1);
    return atomic_load(&moves);
}

static void wait_until_asked(unsigned times)
{
    const uint64_t deadline = clock_deadline(60 * NS_PER_S);
    const unsigned before = atomic_load(&asked);

    while (atomic_load(&asked) - before < times) {
        assert_true(clock_mono_ns() < deadline);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

static void more_time_is_asked_for_while_there_is_progress(void **state)
{
    struct starting *s;

    (void)state;
    supervisor_open(false);
    assert_int_equal(notify_new(&notify), 0);
    assert_int_equal(starting_new(notify, NS_PER_MS, progress, &asked, &s), 0);
    assert_string_equal(supervisor_next(), STARTING_MORE_TIME); /* that one comes in any case */
    atomic_store(&moves, true);
    for (int i = 0; i < 20; i++)
        assert_string_equal(supervisor_next(), STARTING_MORE_TIME);
    atomic_store(&moves, false);
    wait_until_asked(2); /* what was answered before has been said by then */
    (void)supervisor_had(STARTING_MORE_TIME);
    wait_until_asked(20);
    assert_false(supervisor_had(STARTING_MORE_TIME));
    atomic_store(&moves, true);
    supervisor_expect(STARTING_MORE_TIME);
    starting_free(s);
    (void)supervisor_had(STARTING_MORE_TIME);
    unsigned before = atomic_load(&asked);
    assert_int_equal(notify_send(notify, "READY=1"), 0);
    assert_string_equal(supervisor_next(), "READY=1");
    assert_int_equal(atomic_load(&asked), before);
}

static void progress_is_what_the_processor_did(void **state)
{
    uint64_t used = 0, before;

    (void)state;
    assert_true(
        starting_progress(&used, 100)); /* since the process began: more than a nanosecond */
    assert_true(used > 0);
    assert_false(starting_progress(&used, UINT64_MAX));
    before = used;
    for (volatile unsigned i = 0; i < 100000000 && used - before < 5 * NS_PER_MS; i++)
        if (i % 100000 == 0) {
            uint64_t now = before;
            (void)starting_progress(&now, 1);
            used = now;
        }
    assert_true(starting_progress(&before, 500 * NS_PER_MS));
}

static void without_a_supervisor_there_is_no_thread(void **state)
{
    struct starting *s = (struct starting *)1;

    (void)state;
    assert_int_equal(starting_new(NULL, NS_PER_MS, progress, &asked, &s), 0);
    assert_null(s);
    starting_free(s);
}

#define TEST(fn) cmocka_unit_test_teardown(fn, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nobody_listens),
        TEST(to_a_path),
        TEST(to_an_abstract_name),
        TEST(other_addresses_are_refused),
        TEST(the_environment_is_cleared),
        TEST(the_watchdog),
        TEST(a_supervisor_that_does_not_read_holds_nobody_up),
        TEST(a_value_stays_a_value),
        TEST(more_time_is_asked_for_while_there_is_progress),
        TEST(progress_is_what_the_processor_did),
        TEST(without_a_supervisor_there_is_no_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
