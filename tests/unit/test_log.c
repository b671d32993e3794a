/* Logs: what arrives on descriptor 2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <betterdns/buf.h>
#include <betterdns/log.h>

static int real_stderr, capture;
static char name[] = "/tmp/betterdns-log.XXXXXX";

static int set_up(void **state)
{
    (void)state;
    real_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    strcpy(name, "/tmp/betterdns-log.XXXXXX");
    capture = mkostemp(name, O_APPEND | O_CLOEXEC);
    unlink(name);
    dup2(capture, STDERR_FILENO);
    return capture < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    unsetenv("JOURNAL_STREAM");
    log_setup(LOG_LOGFMT, LOG_LEVEL_INFO);
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    close(capture);
    return 0;
}

static struct buf taken;

/* All that was logged since the last call, without the time. */
static struct str take(void)
{
    char *at;
    ssize_t n;
    buf_reset(&taken);
    lseek(capture, 0, SEEK_SET);
    while ((at = buf_room(&taken, 65536)) && (n = read(capture, at, 65536)) > 0)
        taken.n += (size_t)n;
    assert_int_equal(ftruncate(capture, 0), 0);
    return buf_str(&taken);
}

static struct str skip_time(struct str line)
{
    const size_t n = sizeof("time=2026-11-24T12:00:00Z ") - 1;
    assert_true(str_starts(line, STR("time=2")));
    assert_true(line.n > n && line.p[n - 1] == ' ');
    return (struct str){line.p + n, line.n - n};
}

static void assert_str(struct str got, const char *expected)
{
    char *text = str_dup(got);
    assert_string_equal(text, expected);
    free(text);
}

static void lines_are_logfmt(void **state)
{
    (void)state;
    log_info("zone published", LOG_STR("zone", STR("lab.example.")), LOG_UINT("serial", 7),
             LOG_INT("delta", -3), LOG_ERR(-ENOENT));
    assert_str(skip_time(take()), "level=info msg=\"zone published\" zone=lab.example. serial=7 "
                                  "delta=-3 error=\"No such file or directory\"\n");
    log_warning("bare");
    assert_str(skip_time(take()), "level=warning msg=bare\n");
    log_debug("not wanted");
    assert_int_equal(take().n, 0);
    log_setup(LOG_LOGFMT, LOG_LEVEL_DEBUG);
    errno = EBADF;
    log_debug("wanted", LOG_C("none", NULL));
    assert_int_equal(errno, EBADF);
    assert_str(skip_time(take()), "level=debug msg=wanted none=\"\"\n");
}

static void values_cannot_forge_lines(void **state)
{
    (void)state;
    log_error("x", LOG_C("v", "a\nlevel=info \"q\" \\ \x1b[2J \xff \xc2\x9b \xc3\xbc"));
    assert_str(skip_time(take()), "level=error msg=x v=\"a\\nlevel=info \\\"q\\\" \\\\ \\x1b[2J "
                                  "\\xff \\xc2\\x9b \xc3\xbc\"\n");
    log_error("x", LOG_STR("v", ((struct str){"a\0b=c", 5})));
    assert_str(skip_time(take()), "level=error msg=x v=\"a\\x00b=c\"\n");
}

static void json_lines_are_json(void **state)
{
    (void)state;
    log_setup(LOG_JSON, LOG_LEVEL_INFO);
    log_info("a \"b\"", LOG_STR("v", STR("\t\xff")), LOG_UINT("n", 18446744073709551615u));
    struct str s = take();
    const char *rest = ",\"level\":\"info\",\"msg\":\"a \\\"b\\\"\",\"v\":\"\\t\\u00ff\","
                       "\"n\":18446744073709551615}\n";
    assert_true(str_starts(s, STR("{\"time\":\"2")));
    assert_true(str_ends(s, str_c(rest)));
}

static void long_values_are_cut_but_closed(void **state)
{
    static char big[10000];
    (void)state;
    memset(big, 'x', sizeof(big));
    for (int format = LOG_LOGFMT; format <= LOG_JSON; format++) {
        log_setup((enum log_format)format, LOG_LEVEL_INFO);
        for (size_t n = 3900; n < 4200; n++) {
            log_info("m", LOG_STR("v", ((struct str){big, n})), LOG_UINT("after", 12345678901));
            struct str s = take();
            assert_true(s.n <= 4096);
            assert_int_equal(s.p[s.n - 1], '\n');
            bool cut =
                str_ends(s, format == LOG_JSON ? STR("\"cut\":true}\n") : STR(" cut=true\n"));
            bool whole = str_ends(s, format == LOG_JSON ? STR("\"after\":12345678901}\n")
                                                        : STR(" after=12345678901\n"));
            assert_true(cut != whole);
        }
    }
}

static void the_journal_gets_levels_and_no_time(void **state)
{
    struct stat st;
    char stream[64];
    (void)state;
    assert_int_equal(fstat(STDERR_FILENO, &st), 0);
    snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    log_setup(LOG_LOGFMT, LOG_LEVEL_INFO);
    log_warning("w", LOG_UINT("n", 1));
    assert_str(take(), "<4>level=warning msg=w n=1\n");
    setenv("JOURNAL_STREAM", "1:1", 1);
    log_setup(LOG_LOGFMT, LOG_LEVEL_INFO);
    log_warning("w");
    skip_time(take());
}

#define NTHREADS 4
#define NLINES 500

static void *log_often(void *arg)
{
    static const char letters[] = "abcdefgh";
    char text[300];
    memset(text, letters[(uintptr_t)arg], sizeof(text));
    for (int i = 0; i < NLINES; i++)
        log_info("m", LOG_STR("v", ((struct str){text, sizeof(text)})));
    return NULL;
}

static void lines_of_threads_do_not_mix(void **state)
{
    pthread_t threads[NTHREADS];
    unsigned n = 0;
    (void)state;
    for (uintptr_t i = 0; i < NTHREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, log_often, (void *)i), 0);
    for (unsigned i = 0; i < NTHREADS; i++)
        pthread_join(threads[i], NULL);
    struct str all = take(), line;
    while (str_cut(&all, '\n', &line)) {
        struct str rest = skip_time(line);
        const size_t head = sizeof("level=info msg=m v=\"") - 1;
        assert_int_equal(rest.n, head + 300 + 1);
        for (size_t i = head; i < head + 300; i++)
            assert_int_equal(rest.p[i], rest.p[head]);
        n++;
    }
    assert_int_equal(n, NTHREADS * NLINES);
}

static int free_taken(void **state)
{
    (void)state;
    buf_free(&taken);
    return 0;
}

static void fill(int fd)
{
    char text[4096] = {0};

    fcntl(fd, F_SETFL, O_NONBLOCK);
    while (write(fd, text, sizeof(text)) > 0)
        ;
    fcntl(fd, F_SETFL, 0);
}

/* Nobody waits for a reader; what could not be said is counted. */
static void a_full_pipe_is_not_waited_for(void **state)
{
    static char text[200000];
    int ends[2];
    ssize_t n;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    fill(STDERR_FILENO);
    alarm(20); /* else it hangs */
    log_info("one");
    log_info("two");
    assert_true(read(ends[0], text, sizeof(text)) > 4096);
    log_info("three");
    alarm(0);
    n = read(ends[0], text, sizeof(text));
    struct str said = {text, n > 0 ? (size_t)n : 0};
    assert_non_null(memmem(said.p, said.n, "no room\" lines=2\n", 17));
    assert_true(str_ends(said, STR("level=info msg=three\n")));
    dup2(capture, STDERR_FILENO);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(lines_are_logfmt),
        TEST(values_cannot_forge_lines),
        TEST(json_lines_are_json),
        TEST(long_values_are_cut_but_closed),
        TEST(the_journal_gets_levels_and_no_time),
        TEST(lines_of_threads_do_not_mix),
        TEST(a_full_pipe_is_not_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, free_taken);
}
