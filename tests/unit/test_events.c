/* The event ring. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <betterdns/buf.h>
#include <betterdns/clock.h>
#include <betterdns/events.h>

#define PATIENCE_NS (20 * NS_PER_S)

static void add(struct events *e, const char *name, uint64_t seq)
{
    const struct event ev = {.kind = EVENT_REGISTERED,
                             .seq = seq,
                             .zone = STR("lab.example."),
                             .name = str_c(name),
                             .type = STR("A")};
    events_add(e, &ev);
}

struct seen {
    unsigned n;
    uint64_t last, stop_at;
    struct buf json;
};

static int see(void *arg, const struct event_view *ev)
{
    struct seen *s = arg;

    assert_int_equal(ev->number, s->last ? s->last + 1 : ev->number);
    s->last = ev->number;
    s->n++;
    buf_reset(&s->json);
    buf_add_str(&s->json, ev->json);
    buf_add_c(&s->json, '\0');
    return s->stop_at && s->n == s->stop_at ? 7 : 0;
}

static struct events *make(size_t octets)
{
    struct events *e = NULL;
    assert_int_equal(events_new(octets, &e), 0);
    return e;
}

static struct events_reader *open_at(struct events *e, const char *after)
{
    struct events_reader *r = NULL;
    assert_int_equal(events_open(e, after ? str_c(after) : (struct str){0}, &r), 0);
    return r;
}

static void test_what_an_event_says(void **state)
{
    struct events *e = make(0);
    struct events_reader *r = open_at(e, NULL);
    struct seen s = {0};
    char id[EVENT_ID_SIZE], expected[512];
    (void)state;

    const struct event ev = {.kind = EVENT_TERMINATED,
                             .number = 12,
                             .zone = STR("lab.example."),
                             .name = STR("we\"b\n.lab.example."),
                             .dry_run = EVENT_YES,
                             .ok = EVENT_NO};
    events_add(e, &ev);
    assert_int_equal(events_read(r, see, &s), 0);
    assert_int_equal(s.n, 1);
    snprintf(expected, sizeof(expected), "{\"id\":\"%s\",\"kind\":\"terminated\",\"time\":\"",
             events_id(e, 1, id));
    assert_memory_equal(s.json.p, expected, strlen(expected));
    assert_non_null(strstr(s.json.p, "\"seq\":null,\"zone\":\"lab.example.\","
                                     "\"name\":\"we\\\"b\\n.lab.example.\",\"type\":null,"
                                     "\"registration\":null,\"number\":12,\"detail\":null,"
                                     "\"dry_run\":true,\"ok\":false}"));
    assert_null(strchr(s.json.p, '\n'));
    events_close(r);
    buf_free(&s.json);
    events_free(e);
    events_add(NULL, &ev);
}

static void test_where_reading_begins(void **state)
{
    struct events *e = make(0), *other = make(0);
    struct events_reader *r, *none = NULL;
    struct seen s = {0};
    char id[EVENT_ID_SIZE];
    (void)state;

    for (uint64_t i = 1; i <= 9; i++)
        add(e, "web.lab.example.", i);
    r = open_at(e, "0");
    assert_int_equal(events_read(r, see, &s), 0);
    assert_int_equal(s.n, 9);
    events_close(r);
    r = open_at(e, events_id(e, 7, id));
    s = (struct seen){.json = s.json, .stop_at = 1};
    assert_int_equal(events_read(r, see, &s), 7);
    assert_int_equal(events_place(r), 8);
    assert_int_equal(events_read(r, see, &s), 0);
    assert_int_equal(events_place(r), 9);
    events_close(r);
    r = open_at(e, NULL);
    assert_int_equal(events_place(r), 9);
    events_close(r);

    assert_int_equal(events_open(e, str_c(events_id(e, 10, id)), &none), -BD_ENOTFOUND);
    assert_int_equal(events_open(e, str_c(events_id(other, 1, id)), &none), -BD_ENOTFOUND);
    assert_int_equal(events_open(e, STR("12"), &none), -BD_ESYNTAX);
    assert_int_equal(events_open(e, STR(""), &none), -BD_ESYNTAX);
    assert_int_equal(events_open(e, STR("x-y"), &none), -BD_ESYNTAX);
    assert_null(none);
    buf_free(&s.json);
    events_free(other);
    events_free(e);
}

/* Who reads too slowly is told; who begins anew gets what is kept. */
static void test_what_is_not_kept(void **state)
{
    struct events *e = make(256 * 1024);
    struct events_reader *slow = open_at(e, NULL), *r, *none = NULL;
    struct seen s = {0};
    char id[EVENT_ID_SIZE];
    (void)state;

    for (uint64_t i = 1; i <= 10000; i++)
        add(e, "a-long-name-that-fills-the-ring-sooner.lab.example.", i);
    assert_int_equal(events_read(slow, see, &s), -BD_ENOTFOUND);
    assert_true(s.n > 0 && s.n < 10000); /* its own chunk it still had */
    events_close(slow);
    assert_int_equal(events_open(e, str_c(events_id(e, 1, id)), &none), -BD_ENOTFOUND);
    r = open_at(e, "0");
    s = (struct seen){.json = s.json};
    assert_int_equal(events_read(r, see, &s), 0);
    assert_int_equal(s.last, 10000);
    assert_true(s.n > 500 && s.n < 2000);
    events_close(r);
    buf_free(&s.json);
    events_free(e);
}

static void test_no_more_readers_than_threads(void **state)
{
    struct events *e = make(0);
    struct events_reader *all[1000];
    struct events_stats stats;
    unsigned n = 0;
    (void)state;

    while (n < 1000 && events_open(e, (struct str){0}, &all[n]) == 0)
        n++;
    assert_int_equal(n, 600);
    assert_int_equal(events_open(e, (struct str){0}, &all[n]), -BD_EFULL);
    events_stats(e, &stats);
    assert_int_equal(stats.readers, 600);
    while (n > 0)
        events_close(all[--n]);
    assert_int_equal(events_open(e, (struct str){0}, &all[0]), 0);
    events_close(all[0]);
    events_free(e);
}

static void test_waiting(void **state)
{
    struct events *e = make(0);
    struct events_reader *r = open_at(e, NULL);
    struct seen s = {0};
    (void)state;

    assert_int_equal(events_wait(r, clock_deadline(20 * NS_PER_MS)), 0);
    add(e, "web.lab.example.", 1);
    assert_int_equal(events_wait(r, clock_deadline(PATIENCE_NS)), 1);
    assert_int_equal(events_read(r, see, &s), 0);
    assert_int_equal(s.n, 1);
    assert_int_equal(events_wait(r, clock_deadline(120 * NS_PER_MS)), 0);
    events_stop(e);
    assert_int_equal(events_wait(r, clock_deadline(PATIENCE_NS)), -BD_ESTOPPING);
    events_close(r);
    buf_free(&s.json);
    events_free(e);
}

/* Who begins to wait when his group has just had its turn is woken by the next round. */
static void test_nobody_is_forgotten(void **state)
{
    struct events *e = make(0);
    const uint64_t began = clock_mono_ns();
    char id[EVENT_ID_SIZE];
    (void)state;

    for (uint64_t i = 1; i <= 5; i++) {
        add(e, "web.lab.example.", i);
        for (unsigned turn = 0; turn < 3; turn++) {
            struct events_reader *r = open_at(e, events_id(e, i - 1, id));
            assert_int_equal(events_wait(r, clock_deadline(PATIENCE_NS)), 1);
            events_close(r);
        }
    }
    assert_true(clock_mono_ns() - began < PATIENCE_NS); /* none has sat his time out */
    events_free(e);
}

/* ---- many at once ---- */

#define ADDERS 3
#define READERS 40
#define EACH 3000

static void *adder_main(void *events)
{
    for (uint64_t i = 1; i <= EACH; i++)
        add(events, "web.lab.example.", i);
    return NULL;
}

static void *reader_main(void *reader)
{
    struct seen s = {0};

    while (s.n < ADDERS * EACH) {
        if (events_wait(reader, clock_deadline(PATIENCE_NS)) != 1 ||
            events_read(reader, see, &s) != 0)
            break;
    }
    buf_free(&s.json);
    return (void *)(uintptr_t)s.n;
}

static void test_everybody_sees_all_in_order(void **state)
{
    struct events *e = make(0);
    struct events_reader *readers[READERS];
    pthread_t threads[READERS], adders[ADDERS];
    (void)state;

    for (unsigned i = 0; i < READERS; i++) {
        readers[i] = open_at(e, NULL);
        assert_int_equal(pthread_create(&threads[i], NULL, reader_main, readers[i]), 0);
    }
    for (unsigned i = 0; i < ADDERS; i++)
        assert_int_equal(pthread_create(&adders[i], NULL, adder_main, e), 0);
    for (unsigned i = 0; i < ADDERS; i++)
        pthread_join(adders[i], NULL);
    for (unsigned i = 0; i < READERS; i++) {
        void *n;
        pthread_join(threads[i], &n);
        assert_int_equal((uintptr_t)n, ADDERS * EACH);
        events_close(readers[i]);
    }
    events_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_an_event_says),
        cmocka_unit_test(test_where_reading_begins),
        cmocka_unit_test(test_what_is_not_kept),
        cmocka_unit_test(test_no_more_readers_than_threads),
        cmocka_unit_test(test_waiting),
        cmocka_unit_test(test_nobody_is_forgotten),
        cmocka_unit_test(test_everybody_sees_all_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
