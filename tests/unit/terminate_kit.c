#include "terminate_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

const struct terminate_host termkit_host = {
    {"web.lab.example.", 16}, {"web-1", 5}, {"192.0.2.7", 9}, 12};

int termkit_make(void **state)
{
    struct termkit *k = calloc(1, sizeof(*k));

    assert_non_null(k);
    snprintf(k->dir, sizeof(k->dir), "/tmp/test_terminate.XXXXXX");
    assert_non_null(mkdtemp(k->dir));
    assert_int_equal(loop_new(&k->loop), 0);
    k->options = (struct health_terminate){
        .enabled = true, .kind = "exec", .argv = k->argv, .timeout_ms = 20000};
    *state = k;
    return 0;
}

int termkit_remove(void **state)
{
    struct termkit *k = *state;
    char command[100];

    terminator_free(k->terminator);
    loop_free(k->loop);
    buf_free(&k->words);
    buf_free(&k->output);
    snprintf(command, sizeof(command), "rm -rf %s", k->dir);
    assert_int_equal(system(command), 0);
    free(k);
    return 0;
}

int termkit_open(struct termkit *k)
{
    return terminator_new(&k->options, k->loop, &k->terminator, &k->problem);
}

void termkit_add_word(struct termkit *k, const char *word)
{
    assert_true(k->options.nargv < ARRAY_SIZE(k->argv));
    k->argv[k->options.nargv++] = str_c(word);
}

void termkit_use_script(struct termkit *k, const char *script)
{
    termkit_add_word(k, "sh");
    termkit_add_word(k, "-c");
    termkit_add_word(k, script);
    termkit_add_word(k, "sh");
}

static void on_end(void *arg, const struct terminate_end *end)
{
    struct termkit *k = arg;

    assert_false(k->ended);
    k->ended = true;
    k->ok = end->ok;
    k->run = NULL;
    buf_add_str(&k->words, end->words);
    buf_add_c(&k->words, '\0');
    buf_add_str(&k->output, end->output);
    buf_add_c(&k->output, '\0');
    loop_stop(k->loop);
}

static void on_too_late(void *arg)
{
    (void)arg;
    fail_msg("it has not ended in time");
}

static void run_on(struct termkit *k)
{
    struct loop_timer *timer;

    assert_int_equal(loop_timer_new(k->loop, on_too_late, k, &timer), 0);
    loop_timer_at(timer, clock_deadline(TERMKIT_PATIENCE_NS));
    assert_int_equal(loop_run(k->loop), 0);
    loop_timer_free(timer);
}

int termkit_begin(struct termkit *k, const struct terminate_host *host)
{
    return terminator_run(k->terminator, host, on_end, k, &k->run);
}

void termkit_run(struct termkit *k)
{
    assert_int_equal(termkit_open(k), 0);
    assert_true(terminator_acts(k->terminator));
    assert_int_equal(termkit_begin(k, &termkit_host), 0);
    assert_false(k->ended);
    run_on(k);
    assert_true(k->ended);
}

const char *termkit_told(struct termkit *k)
{
    static char text[400];
    struct buf b = {0};

    terminator_tell(k->terminator, &termkit_host, &b);
    snprintf(text, sizeof(text), "%.*s", (int)b.n, b.p);
    buf_free(&b);
    return text;
}
