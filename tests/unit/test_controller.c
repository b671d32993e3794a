/* The controller with a real registry and a real coredns: $COREDNS, else the one that `make
 * coredns` has built. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <glob.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <betterdns/clock.h>
#include <betterdns/controller.h>
#include <betterdns/dnsmsg.h>
#include <betterdns/file.h>
#include <betterdns/zonefile.h>

#define PATIENCE (20 * NS_PER_S)

struct fixture {
    char dir[64], data[80], live[80], file[100];
    const char *binary;
    bool keep;
    struct dname origin;
    struct sockaddr_storage listen;
    struct registry *registry;
    struct loop *loop;
    struct controller *controller;
    pthread_t thread;
    bool running;

    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool started;           /* guarded by lock */
    int result;             /* guarded by lock */
    struct problem problem; /* guarded by lock */
};

static char coredns[512];

static bool find_coredns(void)
{
    const char *named = getenv("COREDNS"), *home = getenv("HOME");
    char pattern[512];
    glob_t found;

    if (named && named[0]) {
        snprintf(coredns, sizeof(coredns), "%s", named);
        return true;
    }
    snprintf(pattern, sizeof(pattern), "%s/.cache/betterdns/coredns-1*/coredns", home ? home : "");
    if (glob(pattern, 0, NULL, &found) != 0)
        return false;
    snprintf(coredns, sizeof(coredns), "%s", found.gl_pathv[0]);
    globfree(&found);
    return true;
}

/* A port that is free now, UDP and TCP alike, outside what the kernel gives out itself. */
static unsigned free_port(void)
{
    for (unsigned i = 0;; i++) {
        struct sockaddr_in a = {.sin_family = AF_INET};
        unsigned port = 20000 + ((unsigned)getpid() * 7 + i) % 12000;
        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        a.sin_port = htons((uint16_t)port);
        int udp = socket(AF_INET, SOCK_DGRAM, 0), tcp = socket(AF_INET, SOCK_STREAM, 0);
        bool is_free = bind(udp, (struct sockaddr *)&a, sizeof(a)) == 0 &&
                       bind(tcp, (struct sockaddr *)&a, sizeof(a)) == 0;
        close(udp);
        close(tcp);
        if (is_free)
            return port;
        assert_true(i < 12000);
    }
}

/* ---- the fixture
 * ---------------------------------------------------------------------------------------------------
 */

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct sockaddr_in *a = (struct sockaddr_in *)(void *)&f->listen;

    *state = f;
    snprintf(f->dir, sizeof(f->dir), "/tmp/test_controller.XXXXXX");
    if (!mkdtemp(f->dir))
        return -1;
    snprintf(f->data, sizeof(f->data), "%s/data", f->dir);
    snprintf(f->live, sizeof(f->live), "%s/live", f->dir);
    snprintf(f->file, sizeof(f->file), "%s/lab.zone", f->dir);
    f->binary = coredns;
    a->sin_family = AF_INET;
    a->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a->sin_port = htons((uint16_t)free_port());
    pthread_mutex_init(&f->lock, NULL);
    clock_cond_init(&f->cond);
    return dname_from_text(STR("lab.example."), NULL, &f->origin, NULL);
}

static void on_started(void *arg, int result, const struct problem *problem)
{
    struct fixture *f = arg;

    pthread_mutex_lock(&f->lock);
    f->started = true;
    f->result = result;
    if (problem)
        f->problem = *problem;
    pthread_cond_broadcast(&f->cond);
    pthread_mutex_unlock(&f->lock);
}

static void *run(void *arg)
{
    struct fixture *f = arg;

    loop_run(f->loop);
    return NULL;
}

/* Opens everything and waits for the answer to the start. */
static int start(struct fixture *f)
{
    struct registry_zone zone = {.origin = f->origin, .file = f->file, .ttl = 30};
    struct controller_zone served = {.origin = f->origin, .file = f->file, .write = true};
    struct controller_options options = {.data = f->data,
                                         .live = f->live,
                                         .zones = &served,
                                         .nzones = 1,
                                         .kind = "coredns",
                                         .strategy = "file",
                                         .binary = f->binary,
                                         .listen = f->listen,
                                         .keep_on_stop = f->keep};
    struct timespec deadline = clock_timespec(clock_deadline(PATIENCE));
    struct problem problem = {0};
    int r = 0;

    zone.least_serial = controller_live_serial(f->live, &f->origin);
    f->started = false;
    assert_int_equal(
        registry_open(&(struct registry_options){.data = f->data, .zones = &zone, .nzones = 1},
                      &f->registry, &problem),
        0);
    assert_int_equal(loop_new(&f->loop), 0);
    assert_int_equal(controller_new(&options, f->loop, f->registry, &f->controller, &problem), 0);
    assert_int_equal(controller_start(f->controller, on_started, f), 0);
    assert_int_equal(pthread_create(&f->thread, NULL, run, f), 0);
    f->running = true;
    pthread_mutex_lock(&f->lock);
    while (!f->started && r == 0)
        r = pthread_cond_timedwait(&f->cond, &f->lock, &deadline);
    assert_true(f->started);
    r = f->result;
    pthread_mutex_unlock(&f->lock);
    return r;
}

static void on_stopped(void *arg)
{
    struct fixture *f = arg;

    loop_stop(f->loop);
}

static void ask_stop(void *arg)
{
    struct fixture *f = arg;

    controller_stop(f->controller, on_stopped, f);
}

static void stop(struct fixture *f)
{
    if (!f->running)
        return;
    registry_stop(f->registry);
    loop_wake(f->loop, ask_stop, f);
    pthread_join(f->thread, NULL);
    f->running = false;
    registry_close(f->registry);
    controller_free(f->controller);
    loop_free(f->loop);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[128];

    stop(f);
    snprintf(command, sizeof(command), "rm -rf %s", f->dir);
    int r = system(command);
    free(f);
    return r;
}

/* ---- what tests do
 * -------------------------------------------------------------------------------------------------
 */

static uint32_t put_address(struct fixture *f, unsigned host)
{
    const uint8_t address[] = {192, 0, 2, (uint8_t)host};
    struct str rdata = {(const char *)address, sizeof(address)};
    struct op op = {.kind = OP_REGISTER, .type = RRTYPE_A};
    struct receipt receipt = {0};
    struct problem problem = {0};
    char name[64];
    uint8_t *bytes;

    int n = snprintf(name, sizeof(name), "host-%u.lab.example.", host);
    assert_int_equal(dname_from_text((struct str){name, (size_t)n}, NULL, &op.owner, NULL), 0);
    assert_int_equal(rdset_pack(RRTYPE_A, &rdata, 1, &bytes, &op.values), 0);
    struct change *c = change_new(CHANGE_HTTP, STR("test"));
    assert_int_equal(change_add(c, &op), 0);
    int r = registry_submit(f->registry, c, clock_deadline(PATIENCE), &receipt, &problem);
    if (r < 0)
        fail_msg("%s", problem.detail);
    change_put(c);
    free(bytes);
    rrset_put(receipt.set);
    return receipt.serial;
}

static void wait_served(struct fixture *f, uint32_t serial)
{
    char reason[200] = "";
    uint64_t served = 0;

    if (controller_wait_served(f->controller, 0, serial, clock_deadline(PATIENCE), &served,
                               reason) != 0)
        fail_msg("serial %u is not served: %s", serial, reason);
    assert_true(served > 0);
}

/* The serial that the public address shows; 0: no answer. */
static uint32_t ask_public(struct fixture *f)
{
    const struct timeval second = {.tv_sec = 1};
    uint8_t msg[DNSMSG_MAX];
    struct dnsmsg_soa soa = {0};

    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
    assert_int_equal(connect(fd, (struct sockaddr *)&f->listen, sizeof(struct sockaddr_in)), 0);
    size_t n = dnsmsg_soa_query(77, &f->origin, msg);
    assert_int_equal(send(fd, msg, n, 0), (ssize_t)n);
    ssize_t got = recv(fd, msg, sizeof(msg), 0);
    if (got > 0)
        assert_int_equal(dnsmsg_soa_answer(msg, (size_t)got, 77, &f->origin, &soa), 0);
    close(fd);
    return soa.serial;
}

static struct controller_status status(struct fixture *f, struct controller_zone_status *zone)
{
    struct controller_status s;
    struct controller_zone_status z;

    controller_status(f->controller, &s, &z);
    if (zone)
        *zone = z;
    return s;
}

static void wait_file(struct fixture *f, enum file_state state, uint64_t seq)
{
    uint64_t deadline = clock_deadline(PATIENCE);
    struct controller_zone_status z;

    for (;;) {
        status(f, &z);
        if (z.file_state == state && z.exported_seq >= seq)
            return;
        if (clock_mono_ns() > deadline)
            fail_msg("the file is %s at %llu, not %s at %llu", file_state_name(z.file_state),
                     (unsigned long long)z.exported_seq, file_state_name(state),
                     (unsigned long long)seq);
        usleep(2000);
    }
}

static struct buf read_file(struct fixture *f)
{
    struct buf b = {0};

    assert_int_equal(file_read(f->file, 1 << 20, &b), 0);
    return b;
}

static bool has(const struct buf *b, const char *text)
{
    return memmem(b->p, b->n, text, strlen(text)) != NULL;
}

/* ---- tests
 * ---------------------------------------------------------------------------------------------------------
 */

static void each_change_is_served(void **state)
{
    struct fixture *f = *state;
    struct controller_zone_status z;

    assert_int_equal(start(f), 0);
    assert_true(controller_ready(f->controller));
    for (unsigned i = 0; i < 50; i++) {
        uint32_t serial = put_address(f, i);
        wait_served(f, serial);
        assert_false(serial_gt(serial, ask_public(f)));
    }
    struct controller_status s = status(f, &z);
    assert_string_equal(s.state, "ready");
    assert_int_equal(s.starts, 1);
    assert_true(s.pid > 0 && s.published >= 50 && s.probes >= 50);
    assert_true(z.load_ns > 0);
    assert_int_equal(z.lag_ns, 0);
    assert_int_equal(kill(s.pid, 0), 0);
    stop(f);
    assert_int_equal(kill(s.pid, 0), -1); /* ended with us */
}

static void a_killed_child_comes_back(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(start(f), 0);
    for (unsigned i = 0; i < 3; i++) {
        struct controller_status s = status(f, NULL);
        assert_int_equal(kill(s.pid, SIGKILL), 0);
        wait_served(f, put_address(f, i));
    }
    struct controller_status s = status(f, NULL);
    assert_true(s.generation >= 2 && s.starts >= 2);
}

static void a_hung_child_is_replaced(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(start(f), 0);
    struct controller_status before = status(f, NULL);
    assert_int_equal(kill(before.pid, SIGSTOP), 0);
    wait_served(f, put_address(f, 1)); /* needs another one */
    assert_int_not_equal(status(f, NULL).pid, before.pid);
}

static void a_child_that_stayed_is_adopted(void **state)
{
    struct fixture *f = *state;

    f->keep = true;
    assert_int_equal(start(f), 0);
    uint32_t serial = put_address(f, 1);
    int pid = status(f, NULL).pid;
    stop(f); /* at once: what was not served yet is served by the child alone */
    uint64_t deadline = clock_deadline(PATIENCE);
    while (serial_gt(serial, ask_public(f)) && clock_mono_ns() < deadline)
        usleep(2000);
    assert_false(serial_gt(serial, ask_public(f)));

    assert_int_equal(start(f), 0);
    struct controller_status s = status(f, NULL);
    assert_int_equal(s.pid, pid);
    assert_true(s.adopted);
    assert_int_equal(s.starts, 0);
    wait_served(f, put_address(f, 2));
    stop(f);

    /* With another public address it is another server: the old one ends when the new one is ready.
     */
    ((struct sockaddr_in *)(void *)&f->listen)->sin_port = htons((uint16_t)free_port());
    f->keep = false;
    assert_int_equal(start(f), 0);
    s = status(f, NULL);
    assert_int_not_equal(s.pid, pid);
    assert_false(s.adopted);
    assert_int_equal(waitpid(pid, NULL, WNOHANG),
                     pid); /* it was this process' child all the time */
    wait_served(f, put_address(f, 3));
}

static void the_file_is_exported(void **state)
{
    struct fixture *f = *state;
    uint64_t seq;
    struct hash128 marker, expected;

    assert_int_equal(start(f), 0);
    put_address(f, 7);
    struct snap *s = registry_snapshot(f->registry);
    uint64_t now = snap_seq(s);
    expected = registry_marker_hash(s, 0);
    snap_put(s);
    wait_file(f, FILE_CLEAN, now);
    struct buf b = read_file(f);
    assert_true(has(&b, "host-7") && has(&b, "192.0.2.7"));
    assert_int_equal(zp_find_marker(buf_str(&b), &seq, &marker), 0);
    assert_int_equal(seq, now);
    assert_true(hash128_eq(&marker, &expected));
    buf_free(&b);
    /* What is due is written at the stop, without waiting. */
    put_address(f, 8);
    stop(f);
    b = read_file(f);
    assert_true(has(&b, "host-8"));
    buf_free(&b);
}

static void a_hand_edit_is_held(void **state)
{
    struct fixture *f = *state;
    struct controller_zone_status z;

    assert_int_equal(start(f), 0);
    put_address(f, 1);
    wait_file(f, FILE_CLEAN, 2);
    struct buf ours = read_file(f), edited = {0};
    buf_add(&edited, ours.p, ours.n);
    buf_add_str(&edited, STR("by-hand 30 IN A 192.0.2.99\n"));
    assert_int_equal(file_write_atomic(f->file, buf_str(&edited), 0644, false), 0);
    wait_file(f, FILE_HELD, 0);
    wait_served(f, put_address(f, 2)); /* DNS goes on */
    status(f, &z);
    assert_true(z.error[0] != '\0');
    stop(f); /* not even then */
    struct buf b = read_file(f);
    assert_true(str_eq(buf_str(&b), buf_str(&edited)));
    buf_free(&b);

    /* Taken back: the exports go on, with what came meanwhile. */
    assert_int_equal(start(f), 0);
    wait_file(f, FILE_HELD, 0);
    assert_int_equal(file_write_atomic(f->file, buf_str(&ours), 0644, false), 0);
    wait_file(f, FILE_CLEAN, 3);
    b = read_file(f);
    assert_true(has(&b, "host-2") && !has(&b, "by-hand"));
    buf_free(&b);
    buf_free(&ours);
    buf_free(&edited);
}

static void a_vanished_file_comes_back(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(start(f), 0);
    wait_file(f, FILE_CLEAN, 1);
    assert_int_equal(unlink(f->file), 0);
    wait_file(f, FILE_MISSING, 0);
    wait_file(f, FILE_CLEAN, 1);
    assert_int_equal(access(f->file, F_OK), 0);
}

static void a_taken_port_is_named(void **state)
{
    struct fixture *f = *state;
    char pid[32];

    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0); /* no child has it */
    assert_int_equal(bind(fd, (struct sockaddr *)&f->listen, sizeof(struct sockaddr_in)), 0);
    assert_int_equal(start(f), -BD_EINUSE);
    snprintf(pid, sizeof(pid), "(pid %ld)", (long)getpid());
    assert_non_null(strstr(f->problem.detail, pid));
    assert_int_equal(status(f, NULL).pid, 0);
    close(fd);
}

static void a_start_is_refused_in_words(void **state)
{
    static const struct {
        const char *script;
        mode_t mode;
        int error;
        const char *words;
    } cases[] = {
        {"#!/bin/sh\necho 'Corefile:7 - Error during parsing: no'\nexit 1\n", 0755, -BD_EINVALID,
         "Corefile:7 - Error during parsing: no"},
        {"#!/bin/sh\necho 'Listen: listen tcp: bind: permission denied'\nexit 1\n", 0755, -EACCES,
         "permission denied"},
        {"hello", 0755, -BD_EINVALID, "Exec format error"},
        {"hello", 0644, -EACCES, "is not an executable file"},
    };
    struct fixture *f = *state;
    static char path[128];

    f->binary = "/nonexistent/coredns";
    assert_int_equal(start(f), -ENOENT);
    stop(f);
    snprintf(path, sizeof(path), "%s/server", f->dir);
    f->binary = path;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(file_write_atomic(path, str_c(cases[i].script), cases[i].mode, false), 0);
        assert_int_equal(start(f), cases[i].error);
        if (!strstr(f->problem.detail, cases[i].words))
            fail_msg("%s", f->problem.detail);
        stop(f);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(each_change_is_served),       TEST(a_killed_child_comes_back),
        TEST(a_hung_child_is_replaced),    TEST(a_child_that_stayed_is_adopted),
        TEST(the_file_is_exported),        TEST(a_hand_edit_is_held),
        TEST(a_vanished_file_comes_back),  TEST(a_taken_port_is_named),
        TEST(a_start_is_refused_in_words),
    };
#undef TEST
    if (!find_coredns()) {
        fprintf(stderr, "no coredns: set COREDNS, or run `make coredns`\n");
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
