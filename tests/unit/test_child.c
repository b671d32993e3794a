/* Child generations: locks, private addresses, adoption by lock, real processes (sleep). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <betterdns/clock.h>
#include <betterdns/file.h>
#include <betterdns/process.h>

#include "child.h"
#include "net.h"
#include "resend.h"

static char dir[64];
static struct sockaddr_storage listen_at;

static int make_dir(void **unused)
{
    struct sockaddr_in *a = (struct sockaddr_in *)(void *)&listen_at;

    (void)unused;
    snprintf(dir, sizeof(dir), "/tmp/test_child.XXXXXX");
    *a = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(53)};
    a->sin_port = htons((uint16_t)(20000 + getpid() % 20000));
    a->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **unused)
{
    (void)unused;
    return rmdir(dir); /* fails when a lock was left */
}

static struct child reserve(unsigned generation)
{
    const struct child_place place = {.data = dir, .generation = generation, .listen = &listen_at};
    struct hash128 fingerprint = hash128("x", 1);
    struct child c;

    assert_int_equal(child_reserve(&place, &fingerprint, &c), 0);
    return c;
}

static void wait_end(struct child *c)
{
    struct pollfd p = {.fd = c->pidfd, .events = POLLIN};
    int status;
    bool by_signal;

    assert_int_equal(poll(&p, 1, 10000), 1);
    assert_true(child_ended(c, &status, &by_signal));
}

static void a_lock_reads_back(void **unused)
{
    struct child c = reserve(7), back;
    struct buf text = {0};

    (void)unused;
    c.pid = 4711;
    c.start_time = 815;
    child_lock_print(&c, &text);
    assert_int_equal(child_lock_parse(buf_str(&text), &back), 0);
    assert_int_equal(back.pid, 4711);
    assert_int_equal(back.start_time, 815);
    assert_true(back.adopted && back.has_private);
    assert_string_equal(back.nsid, c.nsid);
    assert_true(hash128_eq(&back.fingerprint, &c.fingerprint));
    assert_memory_equal(&back.asked, &c.asked, sizeof(struct sockaddr_in));
    buf_free(&text);
    child_release(&c);
}

static void bad_locks_are_refused(void **unused)
{
    static const char *const bad[] = {
        "",
        "nsid \n",
        "nsid 00112233445566778899\n",
        "nsid aa\npid -1\n",
        "nsid aa\nfingerprint 12\n",
        "nsid aa\naddress 127.53.1 53\n",
        "nsid aa\naddress 127.53.1.1 65536\n",
    };
    struct child c;

    (void)unused;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(child_lock_parse(str_c(bad[i]), &c), -BD_ESYNTAX);
    assert_int_equal(child_lock_parse(STR("nsid aa\nlater thing\n"), &c), 0);
}

static void generations_share_nothing(void **unused)
{
    const struct child_place place = {.data = dir, .generation = 2, .listen = &listen_at};
    struct child a = reserve(1), b = reserve(2), c;
    struct hash128 fingerprint = hash128("x", 1);

    (void)unused;
    assert_string_not_equal(a.nsid, b.nsid);
    assert_memory_not_equal(&a.asked, &b.asked, sizeof(struct sockaddr_in));
    assert_int_equal(child_reserve(&place, &fingerprint, &c), -BD_EINUSE);
    child_release(&a);
    child_release(&b);
}

/* What a later betterdns sees of a child that outlived us. */
static void a_living_child_is_found(void **unused)
{
    const char *const argv[] = {"/bin/sleep", "60", NULL};
    struct child c = reserve(3), found[4];
    unsigned greatest;

    (void)unused;
    assert_int_equal(child_spawn(&c, argv, NULL), 0);
    assert_int_equal(c.lock_fd, -1);
    assert_int_equal(child_scan(dir, found, 4, &greatest), 1);
    assert_int_equal(greatest, 3);
    assert_int_equal(found[0].pid, c.pid);
    assert_true(found[0].pidfd >= 0);
    child_release(&found[0]); /* the lock stays: it is held */
    assert_int_equal(child_scan(dir, found, 4, &greatest), 1);
    child_release(&found[0]);
    assert_int_equal(child_signal(&c, SIGKILL), 0);
    wait_end(&c);
    child_release(&c);
    assert_int_equal(child_scan(dir, found, 4, &greatest), 0);
}

/* We died before the pid was noted, or it has ended and left others of its family: the holder of
 * the lock is found all the same, and a pid that another process has now is not taken. What is left
 * of a family is not adopted. */
static void a_lock_without_pid(void **unused)
{
    const char *const argv[] = {"/bin/sleep", "60", NULL};
    struct child c = reserve(4), found[4];
    char text[200];
    unsigned greatest;

    (void)unused;
    assert_int_equal(child_spawn(&c, argv, NULL), 0);
    assert_int_equal(truncate(c.lock_path, 0), 0);
    assert_int_equal(child_scan(dir, found, 4, &greatest), 1);
    assert_int_equal(found[0].pid, c.pid);
    child_release(&found[0]);
    FILE *f = fopen(c.lock_path, "w");
    assert_non_null(f);
    snprintf(text, sizeof(text), "nsid aa\npid %ld\nstart 1\n", (long)getpid());
    fputs(text, f);
    fclose(f);
    assert_int_equal(child_scan(dir, found, 4, &greatest), 1);
    assert_int_equal(found[0].pid, c.pid);
    assert_true(found[0].pidfd >= 0);
    assert_false(hash128_eq(&found[0].fingerprint, &c.fingerprint));
    child_release(&found[0]);
    child_signal(&c, SIGKILL);
    wait_end(&c);
    child_release(&c);
}

/* A server of several processes, of which the first ends: the others go with it, in whatever
 * session; who only reads the lock stays. */
static void what_is_left_of_a_child_ends(void **unused)
{
    static const char *const scripts[] = {"sleep 60 & kill -9 $$", "setsid sleep 60 & exit 0"};

    (void)unused;
    for (unsigned i = 0; i < ARRAY_SIZE(scripts); i++) {
        const char *const argv[] = {"/bin/sh", "-c", scripts[i], NULL};
        struct child c = reserve(6), found[4];
        unsigned greatest;
        int lock = open(c.lock_path, O_RDONLY); /* without close-on-exec */
        pid_t reader;

        assert_true(lock >= 0);
        const struct process_plan plan = {.argv = (const char *const[]){"/bin/sleep", "60", NULL},
                                          .out = STDOUT_FILENO,
                                          .err = STDERR_FILENO,
                                          .keep = {lock}};
        assert_int_equal(process_spawn(&plan, &reader), 0);
        close(lock);
        assert_int_equal(child_spawn(&c, argv, NULL), 0);
        wait_end(&c);
        child_end_rest(&c);
        child_release(&c);
        assert_int_equal(child_scan(dir, found, 4, &greatest), 0);
        assert_int_equal(waitpid(reader, NULL, WNOHANG), 0);
        kill(reader, SIGKILL);
        waitpid(reader, NULL, 0);
    }
}

/* A server of several processes is at work when one of them is. */
static void the_work_of_its_family_is_its_own(void **unused)
{
    const char *const argv[] = {"/bin/sh", "-c", "ulimit -t 20; sh -c 'while :; do :; done' & wait",
                                NULL};
    const uint64_t deadline = clock_deadline(30 * NS_PER_S);
    struct child c = reserve(7);

    (void)unused;
    assert_int_equal(child_spawn(&c, argv, NULL), 0);
    struct resend told;
    resend_start(&told, &c, 0, 4 * NS_PER_S);
    while (!resend_busy(&told, &c))
        assert_true(clock_mono_ns() < deadline);
    assert_false(resend_due(&told, &c, NS_PER_S)); /* it has heard: it works */
    child_signal(&c, SIGKILL);
    wait_end(&c);
    child_end_rest(&c);
    child_release(&c);
}

static void a_signal_that_changes_nothing_is_sent_once_more(void **unused)
{
    const char *const argv[] = {"/bin/sleep", "60", NULL};
    struct child c = reserve(7);
    struct resend told;

    (void)unused;
    assert_int_equal(child_spawn(&c, argv, NULL), 0);
    resend_start(&told, &c, NS_PER_S, 4 * NS_PER_S);
    assert_false(resend_due(&told, &c, 2 * NS_PER_S - 1));
    assert_true(resend_due(&told, &c, 2 * NS_PER_S));
    assert_false(resend_due(&told, &c, UINT64_MAX - 1));
    resend_start(&told, &c, NS_PER_S, 4 * NS_PER_S); /* of the next one too */
    assert_true(resend_due(&told, &c, 3 * NS_PER_S));
    resend_start(&told, &c, NS_PER_S, 4 * NS_PER_S);
    resend_stop(&told);
    assert_false(resend_due(&told, &c, UINT64_MAX - 1));
    child_signal(&c, SIGKILL);
    wait_end(&c);
    child_release(&c);
}

static void a_public_address_reads_back(void **unused)
{
    struct child_place place = {.data = dir, .generation = 8, .listen = &listen_at};
    struct hash128 fingerprint = hash128("x", 1);
    struct buf text = {0};
    struct child c, back;

    (void)unused;
    place.public_only = true;
    assert_int_equal(child_reserve(&place, &fingerprint, &c), 0);
    assert_false(c.has_private);
    child_lock_print(&c, &text);
    assert_int_equal(child_lock_parse(buf_str(&text), &back), 0);
    assert_false(back.has_private);
    assert_memory_equal(&back.asked, &listen_at, sizeof(struct sockaddr_in));
    buf_free(&text);
    child_release(&c);
}

static void stale_locks_go(void **unused)
{
    char path[128];
    struct child found[4];
    unsigned greatest;

    (void)unused;
    snprintf(path, sizeof(path), "%s/child.9.lock", dir);
    assert_int_equal(file_write_atomic(path, STR("nsid aa\npid 1\nstart 1\n"), 0640, false), 0);
    assert_int_equal(child_scan(dir, found, 4, &greatest), 0);
    assert_int_equal(access(path, F_OK), -1);
}

static void exec_errors_arrive(void **unused)
{
    const char *const none[] = {"/nonexistent/coredns", NULL}, *const text[] = {"/etc/passwd",
                                                                                NULL};
    struct child c = reserve(5);

    (void)unused;
    assert_int_equal(child_spawn(&c, none, NULL), -ENOENT);
    assert_int_equal(child_spawn(&c, text, NULL), -EACCES);
    child_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lock_reads_back),
        cmocka_unit_test(bad_locks_are_refused),
        cmocka_unit_test(generations_share_nothing),
        cmocka_unit_test(a_living_child_is_found),
        cmocka_unit_test(a_lock_without_pid),
        cmocka_unit_test(stale_locks_go),
        cmocka_unit_test(exec_errors_arrive),
        cmocka_unit_test(what_is_left_of_a_child_ends),
        cmocka_unit_test(the_work_of_its_family_is_its_own),
        cmocka_unit_test(a_signal_that_changes_nothing_is_sent_once_more),
        cmocka_unit_test(a_public_address_reads_back),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
