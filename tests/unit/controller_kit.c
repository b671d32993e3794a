/* The kit of the controller's tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <betterdns/dnsmsg.h>

#include "controller_kit.h"

static char coredns[512];

bool controller_kit_find_coredns(void)
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
unsigned controller_kit_free_port(void)
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

int controller_kit_set_up(void **state)
{
    struct controller_kit *f = calloc(1, sizeof(*f));
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
    a->sin_port = htons((uint16_t)controller_kit_free_port());
    pthread_mutex_init(&f->lock, NULL);
    clock_cond_init(&f->cond);
    return dname_from_text(STR("lab.example."), NULL, &f->origin, NULL);
}

static void on_started(void *arg, int result, const struct problem *problem)
{
    struct controller_kit *f = arg;

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
    struct controller_kit *f = arg;

    loop_run(f->loop);
    return NULL;
}

/* Opens everything and waits for the answer to the start. */
int controller_kit_start(struct controller_kit *f)
{
    struct registry_zone zone = {.origin = f->origin, .file = f->file, .ttl = 30};
    struct controller_zone served = {
        .origin = f->origin, .file = f->file, .write = !f->source_only, .ttl = 30};
    struct controller_options options = {.data = f->data,
                                         .live = f->live,
                                         .zones = &served,
                                         .nzones = 1,
                                         .kind = "coredns",
                                         .strategy = "file",
                                         .binary = f->binary,
                                         .listen = f->listen,
                                         .keep_on_stop = f->keep};
    struct timespec deadline = clock_timespec(clock_deadline(CONTROLLER_KIT_PATIENCE));
    struct problem problem = {0};
    int r = 0;

    const struct controller_live shown = controller_live(f->live, &f->origin);
    zone.least_serial = shown.serial;
    zone.live_seq = shown.seq;
    zone.live_hash = shown.hash;
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
    struct controller_kit *f = arg;

    loop_stop(f->loop);
}

static void ask_stop(void *arg)
{
    struct controller_kit *f = arg;

    controller_stop(f->controller, on_stopped, f);
}

void controller_kit_stop(struct controller_kit *f)
{
    if (!f->running)
        return;
    registry_stop(f->registry);
    loop_wake(f->loop, ask_stop, f);
    pthread_join(f->thread, NULL);
    f->running = false;
    controller_free(f->controller);
    registry_close(f->registry);
    loop_free(f->loop);
}

int controller_kit_tear_down(void **state)
{
    struct controller_kit *f = *state;
    char command[128];

    controller_kit_stop(f);
    snprintf(command, sizeof(command), "rm -rf %s", f->dir);
    int r = system(command);
    free(f);
    return r;
}

/* ---- what tests do ---- */

static uint32_t submit(struct controller_kit *f, unsigned host, struct op *op)
{
    const uint8_t address[] = {192, 0, 2, (uint8_t)host};
    struct str rdata = {(const char *)address, sizeof(address)};
    struct receipt receipt = {0};
    struct problem problem = {0};
    char name[64];
    uint8_t *bytes;

    op->type = RRTYPE_A;
    int n = snprintf(name, sizeof(name), "host-%u.lab.example.", host);
    assert_int_equal(dname_from_text((struct str){name, (size_t)n}, NULL, &op->owner, NULL), 0);
    assert_int_equal(rdset_pack(RRTYPE_A, &rdata, 1, &bytes, &op->values), 0);
    struct change *c = change_new(CHANGE_HTTP, STR("test"));
    assert_int_equal(change_add(c, op), 0);
    int r = registry_submit(f->registry, c, clock_deadline(CONTROLLER_KIT_PATIENCE), &receipt,
                            &problem);
    if (r < 0)
        fail_msg("%s", problem.detail);
    change_put(c);
    free(bytes);
    rrset_put(receipt.set);
    if (op->kind == OP_REGISTER)
        f->number = receipt.number;
    return receipt.serial;
}

uint32_t controller_kit_put_address(struct controller_kit *f, unsigned host)
{
    return submit(f, host, &(struct op){.kind = OP_REGISTER});
}

uint32_t controller_kit_withdraw_address(struct controller_kit *f, unsigned host)
{
    return submit(f, host, &(struct op){.kind = OP_WITHDRAW, .numbers = &f->number, .nnumbers = 1});
}

void controller_kit_wait_served(struct controller_kit *f, uint32_t serial)
{
    char reason[200] = "";
    uint64_t served = 0;

    if (controller_wait_served(f->controller, 0, serial, clock_deadline(CONTROLLER_KIT_PATIENCE),
                               &served, reason) != 0)
        fail_msg("serial %u is not served: %s", serial, reason);
    assert_true(served > 0);
}

/* The serial that the public address shows; 0: no answer. */
uint32_t controller_kit_ask_public(struct controller_kit *f)
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

struct controller_status controller_kit_status(struct controller_kit *f,
                                               struct controller_zone_status *zone)
{
    struct controller_status s;
    struct controller_zone_status z;

    controller_status(f->controller, &s, &z);
    if (zone)
        *zone = z;
    return s;
}

void controller_kit_wait_file(struct controller_kit *f, enum file_state state, uint64_t seq)
{
    uint64_t deadline = clock_deadline(CONTROLLER_KIT_PATIENCE);
    struct controller_zone_status z;

    for (;;) {
        controller_kit_status(f, &z);
        if (z.file_state == state && z.exported_seq >= seq)
            return;
        if (clock_mono_ns() > deadline)
            fail_msg("the file is %s at %llu, not %s at %llu: %s", file_state_name(z.file_state),
                     (unsigned long long)z.exported_seq, file_state_name(state),
                     (unsigned long long)seq, z.error);
        usleep(2000);
    }
}
