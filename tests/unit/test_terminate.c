/* Terminators, with real programs. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "terminate_kit.h"

/* ---- words ---- */

static const char *filled(const char *template, const struct terminate_host *from)
{
    static char text[200];
    struct buf word = {0};

    if (terminate_word(str_c(template), from, &word) < 0)
        return "refused";
    snprintf(text, sizeof(text), "%s", word.p);
    assert_int_equal(strlen(word.p) + 1, word.n);
    buf_free(&word);
    return text;
}

static void test_words(void **state)
{
    (void)state;
    assert_string_equal(filled("{name}", &termkit_host), "web.lab.example");
    assert_string_equal(filled("{id}", &termkit_host), "web-1");
    assert_string_equal(filled("{address}", &termkit_host), "192.0.2.7");
    assert_string_equal(filled("--vm={id}.{name}/x", &termkit_host),
                        "--vm=web-1.web.lab.example/x");
    assert_string_equal(filled("{ids} {{id} {}", &termkit_host), "{ids} {web-1 {}");
    assert_string_equal(filled("", &termkit_host), "");
    assert_string_equal(filled("--force", &termkit_host), "--force");
}

/* A host chooses its id. */
static void test_words_are_no_options(void **state)
{
    struct terminate_host odd = termkit_host;

    (void)state;
    odd.id = STR("--all");
    assert_string_equal(filled("{id}", &odd), "refused");
    assert_string_equal(filled("{id}{name}", &odd), "refused");
    assert_string_equal(filled("vm={id}", &odd), "vm=--all");
    odd.id = STR("{name}$(x);`y` 'z'");
    assert_string_equal(filled("{id}", &odd), "{name}$(x);`y` 'z'");
    odd.id = (struct str){"a\0b", 3};
    assert_string_equal(filled("{id}", &odd), "refused");
    odd.address = (struct str){NULL, 0};
    assert_string_equal(filled("{address}", &odd), "refused");
    assert_string_equal(filled("x{address}", &odd), "refused");
}

/* ---- none, and which there are ---- */

static void test_none(void **state)
{
    struct termkit *f = *state;

    f->options.kind = NULL;
    assert_int_equal(termkit_open(f), 0);
    assert_false(terminator_acts(f->terminator));
    assert_string_equal(termkit_told(f), "nothing");
}

static void test_unknown(void **state)
{
    struct termkit *f = *state;

    f->options.kind = "shoot";
    assert_int_equal(termkit_open(f), -BD_EINVALID);
    assert_string_equal(f->problem.field, "terminate.kind");
}

/* ---- exec ---- */

static void test_exec(void **state)
{
    struct termkit *f = *state;

    termkit_use_script(f, "printf '%s|' \"$@\"; echo err >&2; exit 0");
    termkit_add_word(f, "{name}");
    termkit_add_word(f, "id={id}");
    termkit_add_word(f, "{address}");
    termkit_run(f);
    assert_true(f->ok);
    assert_string_equal(f->output.p, "web.lab.example|id=web-1|192.0.2.7|err\n");
    assert_string_equal(f->words.p, "exit code 0");
}

static void test_exec_fails(void **state)
{
    struct termkit *f = *state;

    termkit_use_script(f, "echo no such domain; exit 4");
    termkit_run(f);
    assert_false(f->ok);
    assert_string_equal(f->words.p, "exit code 4");
    assert_string_equal(f->output.p, "no such domain\n");
}

static void test_exec_signal(void **state)
{
    struct termkit *f = *state;

    termkit_use_script(f, "kill -KILL $$");
    termkit_run(f);
    assert_false(f->ok);
    assert_string_equal(f->words.p, "signal 9");
}

static void test_exec_output(void **state)
{
    struct termkit *f = *state;

    termkit_use_script(f, "i=0; while [ $i -lt 3000 ]; do echo $i; i=$((i+1)); done; echo the end");
    termkit_run(f);
    assert_int_equal(f->output.n, TERMINATE_OUTPUT_MAX + 1);
    assert_string_equal(f->output.p + TERMINATE_OUTPUT_MAX - 8, "the end\n");
}

/* Success that comes too late is none. */
static void test_exec_time_out(void **state)
{
    struct termkit *f = *state;

    f->options.timeout_ms = 2000;
    termkit_use_script(f, "trap 'echo told; exit 0' TERM; sleep 600 & wait");
    termkit_run(f);
    assert_false(f->ok);
    assert_string_equal(f->words.p, "killed: it had not ended after 2000 ms");
    assert_string_equal(f->output.p, "told\n");
}

static void test_exec_dry(void **state)
{
    struct termkit *f = *state;

    f->options.enabled = false;
    termkit_add_word(f, "/bin/true");
    termkit_add_word(f, "--vm={id}");
    termkit_add_word(f, "{name}");
    assert_int_equal(termkit_open(f), 0);
    assert_false(terminator_acts(f->terminator));
    assert_string_equal(termkit_told(f), "run /bin/true --vm=web-1 web.lab.example");
}

static void test_exec_bad_id(void **state)
{
    struct termkit *f = *state;
    struct terminate_host odd = termkit_host;

    odd.id = STR("-x");
    termkit_add_word(f, "true");
    termkit_add_word(f, "{id}");
    assert_int_equal(termkit_open(f), 0);
    assert_int_equal(termkit_begin(f, &odd), -BD_EINVALID);
}

static void test_exec_no_program(void **state)
{
    struct termkit *f = *state;

    assert_int_equal(termkit_open(f), -BD_EINVALID);
    assert_string_equal(f->problem.field, "terminate.argv");
    termkit_add_word(f, "/nonexistent/kill-vm");
    assert_int_equal(termkit_open(f), -ENOENT);
    assert_string_equal(f->problem.field, "terminate.argv");
    f->options.nargv = 0;
    termkit_add_word(f, "/bin/{id}");
    assert_int_equal(termkit_open(f), -BD_EINVALID);
    assert_non_null(strstr(f->problem.detail, "/bin/{id}"));
}

static void test_exec_cancel(void **state)
{
    struct termkit *f = *state;
    char path[96];
    int ends[2];
    char c;

    assert_int_equal(pipe(ends), 0);
    snprintf(path, sizeof(path), "/proc/%d/fd/%d", getpid(), ends[1]);
    termkit_use_script(f, "exec 3>\"$1\"; echo w >&3; sleep 600 & sleep 600");
    termkit_add_word(f, path);
    assert_int_equal(termkit_open(f), 0);
    assert_int_equal(termkit_begin(f, &termkit_host), 0);
    struct pollfd fd = {.fd = ends[0], .events = POLLIN};
    assert_int_equal(poll(&fd, 1, (int)(TERMKIT_PATIENCE_NS / NS_PER_MS)), 1);
    assert_int_equal(read(ends[0], &c, 1), 1);
    terminator_cancel(f->run);
    terminator_cancel(NULL);
    /* All who had it open have gone. */
    close(ends[1]);
    while (poll(&fd, 1, (int)(TERMKIT_PATIENCE_NS / NS_PER_MS)) == 1 && read(ends[0], &c, 1) > 0)
        ;
    assert_true(fd.revents & POLLHUP);
    close(ends[0]);
    assert_false(f->ended);
}

/* ---- another user ---- */

static void test_user(void **state)
{
    struct termkit *f = *state;

    termkit_use_script(f, "id -u; id -G; id -g");
    f->options.user = "nobody";
    if (geteuid() != 0) {
        /* It says so at the start, not when a host is to be ended. */
        assert_int_equal(termkit_open(f), -EACCES);
        assert_string_equal(f->problem.field, "terminate.user");
        assert_non_null(strstr(f->problem.detail, "nobody"));
        return;
    }
    termkit_run(f);
    assert_true(f->ok);
    assert_null(strstr(f->output.p, "0\n0\n"));
    assert_true(str_starts(buf_str(&f->output), STR("65534\n")));
    assert_non_null(strstr(termkit_told(f), " as nobody"));
}

static void test_user_unknown(void **state)
{
    struct termkit *f = *state;

    termkit_add_word(f, "true");
    f->options.user = "no-such-user";
    assert_int_equal(termkit_open(f), -BD_EINVALID);
    assert_string_equal(f->problem.field, "terminate.user");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, termkit_make, termkit_remove)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_words_are_no_options),
        TEST(test_none),
        TEST(test_unknown),
        TEST(test_exec),
        TEST(test_exec_fails),
        TEST(test_exec_signal),
        TEST(test_exec_output),
        TEST(test_exec_time_out),
        TEST(test_exec_dry),
        TEST(test_exec_bad_id),
        TEST(test_exec_no_program),
        TEST(test_exec_cancel),
        TEST(test_user),
        TEST(test_user_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
