/* The server's configuration and the signal, with a process that counts the signals it gets and
 * whose answers the test gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <betterdns/clock.h>
#include <betterdns/file.h>

#include "conf.h"
#include "internal.h"

struct fixture {
    struct controller c;
    struct ctl_zone zone;
    struct child child;
    struct conf *conf;
    int signals; /* a byte a signal */
    char dir[64];
};

static void count_signals(int out)
{
    sigset_t set;
    int sig;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    while (write(out, "r", 1) == 1 && sigwait(&set, &sig) == 0)
        ;
    _exit(0);
}

/* One signal or, at the start, that it listens. */
static void one_signal(struct fixture *f)
{
    struct pollfd p = {.fd = f->signals, .events = POLLIN};
    char byte;

    assert_int_equal(poll(&p, 1, 60000), 1);
    assert_int_equal(read(f->signals, &byte, 1), 1);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    int ends[2];

    assert_non_null(f);
    *state = f;
    snprintf(f->dir, sizeof(f->dir), "/tmp/test_conf.XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->zone = (struct ctl_zone){.name = "lab.example.", .nrecords = 10};
    f->zone.live = f->dir;
    f->c = (struct controller){.kind = &server_coredns,
                               .strategy = &strategy_file,
                               .live = f->dir,
                               .zones = &f->zone,
                               .nzones = 1};
    f->c.listen.ss_family = AF_INET;
    pthread_mutex_init(&f->c.lock, NULL);
    assert_int_equal(pipe(ends), 0);
    f->signals = ends[0];
    f->child = child_none();
    f->child.pid = fork();
    if (f->child.pid == 0)
        count_signals(ends[1]);
    close(ends[1]);
    snprintf(f->child.nsid, sizeof(f->child.nsid), "aa");
    f->child.pidfd = (int)syscall(SYS_pidfd_open, f->child.pid, 0);
    assert_true(f->child.pidfd >= 0);
    one_signal(f);
    return conf_new(&f->c, "/bin/true", &f->conf);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[128];

    kill(f->child.pid, SIGKILL);
    waitpid(f->child.pid, NULL, 0);
    close(f->child.pidfd);
    close(f->signals);
    conf_free(f->conf);
    snprintf(command, sizeof(command), "rm -rf %s", f->dir);
    int r = system(command);
    free(f);
    return r;
}

/* All signals so far have been counted. That another one comes late cannot be excluded by waiting;
 * the next one_signal would find it, and the one after that fail. */
static void no_signal(struct fixture *f)
{
    struct pollfd p = {.fd = f->signals, .events = POLLIN};

    assert_int_equal(poll(&p, 1, 0), 0);
}

static bool written(struct fixture *f, const char *words)
{
    struct buf text = {0};

    assert_int_equal(file_read(conf_path(f->conf), 65536, &text), 0);
    buf_add_c(&text, '\0');
    bool there = strstr(text.p, words) != NULL;
    buf_free(&text);
    return there;
}

static void publishes_and_changes_share_one_signal(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(conf_write(f->conf, &f->child, false), 0);
    assert_true(conf_heard(f->conf, &f->child, 1));
    assert_true(written(f, "nsid aa.1\n") && written(f, "reload 5ms"));
    conf_sync(f->conf, &f->child);
    no_signal(f); /* nothing to say */

    assert_int_equal(conf_reload(f->conf, &f->child), 0); /* a publish */
    one_signal(f);
    assert_true(written(f, "nsid aa.2\n"));
    assert_int_equal(conf_reload(f->conf, &f->child), -EAGAIN); /* another */
    f->zone.nrecords = 50000;
    conf_sync(f->conf, &f->child);                   /* a zone that has grown is another reason */
    assert_false(conf_heard(f->conf, &f->child, 1)); /* the old instance still answers */
    assert_int_equal(conf_reload(f->conf, &f->child), -EAGAIN);
    no_signal(f);
    assert_true(written(f, "nsid aa.2\n"));

    assert_true(conf_heard(f->conf, &f->child, 2)); /* done: the next one may go */
    assert_int_equal(conf_reload(f->conf, &f->child), 0);
    one_signal(f);
    assert_true(written(f, "nsid aa.3\n") && written(f, "reload 100ms")); /* both reasons in one */
    assert_true(conf_heard(f->conf, &f->child, 3));
    conf_sync(f->conf, &f->child);
    no_signal(f);
}

static void a_change_waits_for_a_publish(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(conf_write(f->conf, &f->child, false), 0);
    assert_true(conf_heard(f->conf, &f->child, 1));
    f->zone.nrecords = 50000;
    conf_sync(f->conf, &f->child);
    one_signal(f);
    assert_true(written(f, "nsid aa.2\n") && written(f, "reload 100ms"));
    assert_int_equal(conf_reload(f->conf, &f->child), -EAGAIN);
    assert_true(conf_heard(f->conf, &f->child, 2));
    assert_int_equal(conf_reload(f->conf, &f->child), 0);
    one_signal(f);
    no_signal(f);
}

/* Nothing is known before its first answer; then what it reads is compared. */
static void an_adopted_child_is_set_right_once(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(conf_write(f->conf, &f->child, false), 0);
    f->c.strategy = &strategy_signal;
    conf_adopt(f->conf, &f->child);
    assert_int_equal(conf_reload(f->conf, &f->child), -EAGAIN);
    conf_sync(f->conf, &f->child);
    no_signal(f);
    assert_true(conf_heard(f->conf, &f->child, 1));
    conf_sync(f->conf, &f->child);
    one_signal(f);
    assert_true(written(f, "nsid aa.2\n") && written(f, "reload 0ms"));
    assert_true(conf_heard(f->conf, &f->child, 2));
    conf_sync(f->conf, &f->child);
    no_signal(f);
}

static void write_identifier(const struct server_config *config, struct buf *out)
{
    buf_addf(out, "<%s>", config->nsid);
}

/* Takes the server for one of another kind. */
static void be(struct fixture *f, const struct server_kind *kind)
{
    f->c.kind = kind;
    f->c.strategy = &strategy_signal;
    conf_free(f->conf);
    assert_int_equal(conf_new(&f->c, "/bin/true", &f->conf), 0);
    assert_int_equal(conf_write(f->conf, &f->child, false), 0);
}

/* It reads its zones alone, and shows nothing of it: its file stays what it is, and each publish
 * is told at once. */
static void one_that_reads_zones_alone_is_told_each_time(void **state)
{
    static const struct server_kind reader = {.name = "a reader of zones",
                                              .config_name = "zones",
                                              .reload_signal = SIGHUP,
                                              .write_config = write_identifier};
    struct fixture *f = *state;

    be(f, &reader);
    assert_true(written(f, "<aa>")); /* a revision would say nothing */
    assert_int_equal(conf_reload(f->conf, &f->child), 0);
    one_signal(f);
    assert_true(conf_heard(f->conf, &f->child, 0));
    assert_int_equal(conf_reload(f->conf, &f->child), 0);
    one_signal(f);
    assert_true(written(f, "<aa>"));
    conf_adopt(f->conf, &f->child); /* and so by the next betterdns, before any answer */
    assert_int_equal(conf_reload(f->conf, &f->child), 0);
    one_signal(f);
    assert_true(conf_heard(f->conf, &f->child, 0));
    conf_sync(f->conf, &f->child);
    no_signal(f);
}

/* It reads its configuration too, which says nothing of itself in an answer. */
static void one_without_a_name_is_not_waited_for(void **state)
{
    static const struct server_kind nameless = {.name = "a nameless one",
                                                .config_name = "conf",
                                                .reload_signal = SIGHUP,
                                                .anonymous = true,
                                                .rereads = true,
                                                .write_config = write_identifier};
    struct fixture *f = *state;

    be(f, &nameless);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(conf_reload(f->conf, &f->child), 0);
        one_signal(f);
        assert_true(conf_heard(f->conf, &f->child, 0));
        conf_recheck(f->conf);
        conf_sync(f->conf, &f->child); /* nothing is outstanding, nothing was refused */
        no_signal(f);
    }
}

static unsigned together; /* processes of the server */

static int overlaps(pid_t pid)
{
    (void)pid;
    return together > 1;
}

/* While old processes are there an answer of a new one says nothing about the next. */
static void old_processes_are_waited_for(void **state)
{
    static const struct server_kind family = {.name = "a family",
                                              .config_name = "conf",
                                              .reload_signal = SIGHUP,
                                              .overlaps = overlaps,
                                              .write_config = write_identifier};
    struct fixture *f = *state;

    together = 1;
    be(f, &family);
    assert_true(conf_heard(f->conf, &f->child, 0));
    assert_int_equal(conf_reload(f->conf, &f->child), 0);
    one_signal(f);
    together = 2;
    assert_false(conf_heard(f->conf, &f->child, 0));
    together = 1;
    assert_true(conf_heard(f->conf, &f->child, 0));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(publishes_and_changes_share_one_signal),
        TEST(a_change_waits_for_a_publish),
        TEST(an_adopted_child_is_set_right_once),
        TEST(one_that_reads_zones_alone_is_told_each_time),
        TEST(one_without_a_name_is_not_waited_for),
        TEST(old_processes_are_waited_for),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
