/* What health tells those who watch: its events, word for word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <betterdns/clock.h>
#include <betterdns/events.h>

#include "health_kit.h"
#include "inner.h"

static struct events *events;
static struct events_reader *reader;
static char lines[4000]; /* what was read last: the kind and what follows the time, a line each */

static int take(void *arg, const struct event_view *event)
{
    const char *after = memmem(event->json.p, event->json.n, "\"seq\"", 5);
    size_t n = strlen(lines);

    (void)arg;
    assert_non_null(after);
    str_format(lines + n, sizeof(lines) - n, "%s %.*s\n", event_kind_name(event->kind),
               (int)(event->json.p + event->json.n - after), after);
    return 0;
}

/* What was told since it was asked last. */
static const char *told(void)
{
    lines[0] = '\0';
    assert_int_equal(events_read(reader, take, NULL), 0);
    return lines;
}

static void a_transition_says_from_what_to_what(void **state)
{
    struct healthkit *k = *state;
    struct problem problem;

    healthkit_open(k);
    uint64_t number = healthkit_register(k, "web", "i-1", 7, "url ttl:60s\n");
    healthkit_advance(k, SECONDS(1));
    assert_int_equal(number, 1);
    assert_string_equal(told(), "");
    const struct dname web = healthkit_check(k, "web", 7).check.owner;
    assert_int_equal(health_report(k->h, &web, STR(""), HEALTH_PASS, STR("fine"), &problem), 0);
    assert_string_equal(
        told(), "transition \"seq\":null,\"zone\":\"lab.example.\",\"name\":\"web.lab.example.\","
                "\"type\":\"A\",\"registration\":\"i-1\",\"number\":1,"
                "\"detail\":\"192.0.2.7: fine\",\"from\":\"UNKNOWN\",\"to\":\"AVAILABLE\"}\n");
    /* The same once more is none. */
    assert_int_equal(health_report(k->h, &web, STR(""), HEALTH_WARN, STR("slow"), &problem), 0);
    assert_string_equal(told(), "");
    assert_int_equal(health_report(k->h, &web, STR(""), HEALTH_FAIL, STR("full"), &problem), 0);
    assert_non_null(strstr(told(), "\"detail\":\"192.0.2.7: full\",\"from\":\"AVAILABLE\","
                                   "\"to\":\"UNAVAILABLE\"}\n"));
}

static void panic_is_told_when_it_begins_and_when_it_ends(void **state)
{
    struct healthkit *k = *state;

    healthkit_open(k);
    healthkit_register(k, "a", NULL, 1, CHECK_FAST);
    healthkit_register(k, "b", NULL, 2, CHECK_FAST);
    healthkit_register(k, "c", NULL, 3, CHECK_FAST);
    healthkit_advance(k, SECONDS(2));
    told();
    k->dead[1] = k->dead[2] = true;
    healthkit_advance(k, SECONDS(8));
    assert_non_null(strstr(told(), "panic \"seq\":null,\"zone\":null,\"name\":null,\"type\":null,"
                                   "\"registration\":null,\"number\":null,"
                                   "\"detail\":\"2 of 3 hosts are down\",\"on\":true}\n"));
    assert_null(strstr(told(), "panic"));
    k->dead[2] = false;
    healthkit_advance(k, SECONDS(8));
    assert_non_null(strstr(told(), "\"detail\":\"1 of 3 hosts are down\",\"on\":false}\n"));
}

/* The output of a check may be long; what is kept of it has an end, and so has what is told. */
static void long_words_are_cut(void **state)
{
    struct healthkit *k = *state;
    static char words[HEALTH_OUTPUT_MAX + 100];
    struct problem problem;

    healthkit_open(k);
    healthkit_register(k, "web", NULL, 7, "url ttl:60s\n");
    healthkit_advance(k, SECONDS(1));
    memset(words, 'x', sizeof(words));
    const struct dname web = healthkit_check(k, "web", 7).check.owner;
    const struct str output = {words, sizeof(words)};
    assert_int_equal(health_report(k->h, &web, STR(""), HEALTH_PASS, output, &problem), 0);
    assert_int_equal(healthkit_check(k, "web", 7).check.last.output.n, HEALTH_OUTPUT_MAX);
    assert_int_equal(HEALTH_OUTPUT_MAX, 4096);
    assert_in_range(strlen(told()), 300, 800);
    /* Not in the middle of a character: one octet, then two each. */
    for (size_t i = 1; i + 1 < sizeof(words); i += 2)
        memcpy(words + i, "\xc3\xa4", 2);
    assert_int_equal(health_report(k->h, &web, STR(""), HEALTH_PASS, output, &problem), 0);
    assert_int_equal(healthkit_check(k, "web", 7).check.last.output.n, HEALTH_OUTPUT_MAX - 1);
}

static int set_up(void **state)
{
    assert_int_equal(events_new(0, &events), 0);
    assert_int_equal(events_open(events, (struct str){NULL, 0}, &reader), 0);
    int r = healthkit_make(state);
    struct healthkit *k = *state;
    k->options.events = events;
    return r;
}

static int tear_down(void **state)
{
    int r = healthkit_remove(state);

    events_close(reader);
    events_free(events);
    return r;
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_transition_says_from_what_to_what),
        TEST(panic_is_told_when_it_begins_and_when_it_ends),
        TEST(long_words_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
