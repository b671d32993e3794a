/* What the controller tells those who watch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <betterdns/buf.h>
#include <betterdns/events.h>

#include "told.h"

static struct events *events;
static struct ctl_zone zone = {.name = "lab.example."};

static int start(void **state)
{
    (void)state;
    zone.told_serial = 0;
    return events_new(0, &events);
}

static int end(void **state)
{
    (void)state;
    events_free(events);
    return 0;
}

static int add_event(void *arg, const struct event_view *event)
{
    struct buf *all = arg;

    buf_add_str(all, event->json);
    buf_add_c(all, '\n');
    return 0;
}

/* How many events there are with this text. */
static unsigned count(const char *text)
{
    struct events_reader *r = NULL;
    struct buf all = {0};
    unsigned n = 0;

    assert_int_equal(events_open(events, STR("0"), &r), 0);
    assert_int_equal(events_read(r, add_event, &all), 0);
    buf_add_c(&all, '\0');
    for (const char *at = all.p; (at = strstr(at, text)); at++)
        n++;
    events_close(r);
    buf_free(&all);
    return n;
}

static void each_serial_is_published_once(void **state)
{
    struct controller c = {.events = events};

    (void)state;
    told_published(&c, &zone, 7, 0);
    told_published(&c, &zone, 7, 5 * NS_PER_MS);
    told_published(&c, &zone, 8, 5 * NS_PER_MS);
    assert_int_equal(count("\"kind\":\"published\""), 2);
    assert_int_equal(count("\"zone\":\"lab.example.\",\"name\":null"), 2);
    assert_int_equal(count("\"detail\":\"serial 7\""), 1);
    assert_int_equal(count("\"detail\":\"serial 8, 5 ms after its copy was written\""), 1);
}

static void an_escalation_says_what_is_tried(void **state)
{
    struct controller c = {.events = events};

    (void)state;
    told_escalated(&c, &zone, 9, "'signal' is tried after 'file'");
    assert_int_equal(count("\"kind\":\"escalated\""), 1);
    assert_int_equal(count("\"detail\":\"serial 9 is late: 'signal' is tried after 'file'\""), 1);
}

static void a_rejection_says_where(void **state)
{
    struct controller c = {.events = events};
    struct faults faults = {0};

    (void)state;
    told_rejected_all(&c, &zone, &faults);
    assert_int_equal(count("rejected"), 0);
    faults_add(&faults, "/z/lab.zone", 3, 5, "'A' needs an address");
    faults_add(&faults, "/z/lab.zone", 4, 1, "another one");
    told_rejected_all(&c, &zone, &faults);
    told_rejected_why(&c, &zone, "/z/.lab.zone.held", "it is kept");
    faults_free(&faults);
    assert_int_equal(count("\"kind\":\"rejected\""), 2);
    assert_int_equal(count("\"detail\":\"/z/lab.zone:3:5: 'A' needs an address\""), 1);
    assert_int_equal(count("\"detail\":\"/z/.lab.zone.held: it is kept\""), 1);
}

static void nobody_need_watch(void **state)
{
    struct controller c = {.events = NULL};

    (void)state;
    told_published(&c, &zone, 7, 0);
    told_rejected_why(&c, &zone, "/z/lab.zone", "it is empty");
    assert_int_equal(count("{"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_serial_is_published_once, start, end),
        cmocka_unit_test_setup_teardown(an_escalation_says_what_is_tried, start, end),
        cmocka_unit_test_setup_teardown(a_rejection_says_where, start, end),
        cmocka_unit_test_setup_teardown(nobody_need_watch, start, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
