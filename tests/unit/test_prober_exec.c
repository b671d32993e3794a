/* exec:NAME: programs of the configuration as checks. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include <betterdns/clock.h>

#include "prober_kit.h"

static char folder[] = "/tmp/test_prober_exec.XXXXXX";
static char pid_file[64];

#define SHELL(script) STR("/bin/sh"), STR("-c"), STR(script)

static struct str ok[] = {STR("/bin/true")}, bad[] = {SHELL("echo no room left >&2; exit 3")},
                  lines[] = {SHELL("printf ' one\\ntwo\\t \\033[31mred\\303\\251\\n\\n'")},
                  much[] = {SHELL("head -c 100000 /dev/zero | tr '\\0' 'x'")},
                  killed[] = {SHELL("kill -9 $$")},
                  told[] = {SHELL("echo \"$#:$1:$2:$3\""), STR("sh"), STR("{name}"),
                            STR("{address}"), STR("id={id}")},
                  hangs[] = {SHELL("sleep 600 & echo $$ >\"$1\"; wait"), STR("sh"), {pid_file, 0}},
                  absent[] = {STR("/nonexistent/program")}, folders[] = {STR("/tmp")},
                  needs_id[] = {STR("/bin/true"), STR("{id}")};

#define COMMAND(n, words)                                                                          \
    {                                                                                              \
        STR(n), words, ARRAY_SIZE(words)                                                           \
    }
static const struct health_command commands[] = {
    COMMAND("ok", ok),         COMMAND("bad", bad),       COMMAND("lines", lines),
    COMMAND("much", much),     COMMAND("killed", killed), COMMAND("told", told),
    COMMAND("hangs", hangs),   COMMAND("absent", absent), COMMAND("folder", folders),
    COMMAND("needs", needs_id)};

static void test_exit_codes(void **state)
{
    (void)state;
    prober_probe(true, "url exec:ok\n", 0);
    prober_says(true, "exit code 0 in ");
    assert_null(strchr(prober_last.output, ':'));
    prober_probe(true, "url exec:bad\n", 0);
    prober_says(false, "exit code 3 in ");
    prober_says(false, " ms: no room left");
    prober_probe(true, "url exec:killed\n", 0);
    prober_says(false, "signal 9 after ");
}

static void test_output(void **state)
{
    (void)state;
    prober_probe(true, "url exec:lines\n", 0);
    prober_says(true, " ms: one two ?[31mred\303\251");
    prober_probe(true, "url exec:much\n", 0);
    prober_says(true, " ms: xxxx");
    size_t n = strlen(strstr(prober_last.output, "xxxx"));
    assert_true(n > 4000 && n <= HEALTH_OUTPUT_MAX);
}

static void test_arguments(void **state)
{
    (void)state;
    prober_probe(true, "url exec:told\n", 0);
    prober_says(true, " ms: 3:web.lab.example:127.0.0.1:id=i-1");
}

/* What is wrong with the configuration is no failure of the host. */
static void test_not_asked(void **state)
{
    static const struct {
        const char *check, *words;
    } cases[] = {
        {"url exec:gone\n", "not asked: checks.exec of the configuration does not have it"},
        {"url exec:absent\n", "not asked: No such file or directory"},
        {"url exec:folder\n", "not asked: Permission denied"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        prober_probe(true, cases[i].check, 0);
        prober_says(false, cases[i].words);
        assert_true(prober_last.unasked);
    }
    prober_probe(false, "url exec:ok\n", 0);
    prober_says(false, "not asked: 127.0.0.1 is loopback");
    assert_true(prober_last.unasked);
}

/* An id that would be an option, or none. */
static void test_ids(void **state)
{
    struct prober *p = prober_make(true, 0);
    struct check_spec spec = prober_spec("url exec:needs\n");
    struct probe_target target = PROBER_TARGET(&spec);
    struct probe *one;
    char id[8] = "-rf";
    (void)state;

    for (int i = 0; i < 3; i++) {
        target.id = i == 0 ? STR("i-2") : i == 1 ? str_c(id) : STR("");
        assert_int_equal(probe_start(p, &target, prober_ended, NULL, &one), 0);
        id[0] = i == 0 ? '-' : 'x'; /* it was copied */
        prober_run();
        assert_int_equal(prober_last.ok, i == 0);
        assert_int_equal(prober_last.unasked, i != 0);
    }
    probes_free(p);
}

/* The pid that the script has written. */
static pid_t wait_for_pid(void)
{
    uint64_t deadline = clock_deadline(20 * NS_PER_S);
    long pid = 0;

    while (pid == 0 && clock_mono_ns() < deadline) {
        FILE *f = fopen(pid_file, "r");
        if (f && fscanf(f, "%ld", &pid) != 1)
            pid = 0;
        if (f)
            fclose(f);
    }
    assert_true(pid > 0);
    return (pid_t)pid;
}

static void assert_group_gone(pid_t pid)
{
    uint64_t deadline = clock_deadline(20 * NS_PER_S);

    while (kill(-pid, 0) == 0)
        assert_true(clock_mono_ns() < deadline);
}

static void test_time_out_kills_the_group(void **state)
{
    (void)state;
    prober_probe(true, "url exec:hangs\ntimeout 5s\n", 0);
    prober_says(false, "killed: it had not ended after 5000 ms");
    assert_false(prober_last.unasked);
    assert_group_gone(wait_for_pid());
}

static void look_for_pid(void *timer)
{
    struct loop_timer **t = timer;

    if (access(pid_file, F_OK) == 0)
        loop_stop(prober_loop);
    else
        loop_timer_at(*t, clock_deadline(NS_PER_MS));
}

static void test_cancel_kills_the_group(void **state)
{
    struct prober *p = prober_make(true, 0);
    struct check_spec spec = prober_spec("url exec:hangs\n");
    const struct probe_target target = PROBER_TARGET(&spec);
    struct probe *one;
    struct loop_timer *t;
    (void)state;

    unlink(pid_file);
    assert_int_equal(probe_start(p, &target, prober_ended, NULL, &one), 0);
    assert_int_equal(loop_timer_new(prober_loop, look_for_pid, &t, &t), 0);
    loop_timer_at(t, 0);
    prober_run();
    pid_t pid = wait_for_pid();
    prober_last.ended = 0;
    probe_cancel(one);
    assert_group_gone(pid);
    assert_int_equal(prober_last.ended, 0);
    loop_timer_free(t);
    probes_free(p);
}

/* Programs that hang hold up no other kind of check. */
static void test_lanes(void **state)
{
    struct prober *p = prober_make(true, 1);
    struct check_spec slow = prober_spec("url exec:hangs\n"), quick;
    const struct probe_target hanging = PROBER_TARGET(&slow), target = PROBER_TARGET(&quick);
    struct probe *probes[3], *one;
    struct prober_server s;
    char text[512];
    (void)state;

    prober_bind(&s, SOCK_STREAM);
    prober_fill("url tcp://:PORT\n", s.port, text);
    quick = prober_spec(text);
    for (int i = 0; i < 3; i++)
        assert_int_equal(probe_start(p, &hanging, prober_ended, NULL, &probes[i]), 0);
    prober_last.ended = 0;
    assert_int_equal(probe_start(p, &target, prober_ended, NULL, &one), 0);
    prober_run();
    prober_says(true, "connected in ");
    assert_int_equal(prober_last.ended, 1);
    assert_int_equal(probes_waiting(p), 2); /* and one runs */
    probes_free(p);
    close(s.fd);
}

static int set_up(void **state)
{
    if (!mkdtemp(folder))
        return -1;
    snprintf(pid_file, sizeof(pid_file), "%s/pid", folder);
    hangs[4].n = strlen(pid_file);
    prober_set_up(state);
    prober_with.commands = commands;
    prober_with.ncommands = ARRAY_SIZE(commands);
    return 0;
}

static int tear_down(void **state)
{
    unlink(pid_file);
    rmdir(folder);
    return prober_tear_down(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exit_codes),
        cmocka_unit_test(test_output),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_not_asked),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_time_out_kills_the_group),
        cmocka_unit_test(test_cancel_kills_the_group),
        cmocka_unit_test(test_lanes),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
