/* GET / to a client that takes its time: it may keep the present snapshot, and is cut off from an
 * outdated one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <betterdns/api.h>
#include <betterdns/clock.h>
#include <betterdns/loop.h>

#include "http_kit.h"
#include "registry_kit.h"

#define RECORDS 30000 /* more than a MiB of text: the buffers of a socket take a small part */
#define TIME NS_PER_S

static struct regkit kit;
static struct loop *loop;
static struct api api;
static struct api_zone zones[KIT_ZONES];
static struct dname origins[KIT_ZONES];
static struct http_server *server;

static void write_zone(void)
{
    struct buf b = {0};

    buf_addf(&b, "@ 30 IN SOA ns1 h 1 2 3 4 5\n@ 30 IN NS ns1\nns1 30 IN A 192.0.2.53\n");
    for (unsigned i = 0; i < RECORDS; i++)
        buf_addf(&b, "host-%u 30 IN A 10.0.%u.%u\n", i, i / 256, i % 256);
    buf_add_c(&b, '\0');
    regkit_write(&kit, 0, b.p);
    buf_free(&b);
}

static int setup(void **state)
{
    static char data[80], live[80];
    struct controller_zone controlled[KIT_ZONES];
    struct problem p;
    size_t nroutes;

    (void)state;
    regkit_start(&kit);
    write_zone();
    if (regkit_open(&kit) < 0 || loop_new(&loop) < 0)
        return -1;
    for (unsigned i = 0; i < KIT_ZONES; i++) {
        origins[i] = kit.zones[i].origin;
        zones[i] = (struct api_zone){.origin = origins[i], .file = kit.file[i]};
        controlled[i] = (struct controller_zone){.origin = origins[i], .file = kit.file[i]};
    }
    snprintf(data, sizeof(data), "%s/data", kit.dir);
    snprintf(live, sizeof(live), "%s/live", kit.dir);
    const struct controller_options options = {.data = data,
                                               .live = live,
                                               .zones = controlled,
                                               .nzones = KIT_ZONES,
                                               .kind = "coredns",
                                               .strategy = "file",
                                               .binary = "coredns"};
    api = (struct api){.registry = kit.r,
                       .zones = zones,
                       .origins = origins,
                       .nzones = KIT_ZONES,
                       .version = "test",
                       .snapshot_time_ns = TIME};
    if (controller_new(&options, loop, kit.r, &api.controller, &p) < 0) {
        fprintf(stderr, "%s\n", p.detail);
        return -1;
    }
    const struct http_route *routes = api_routes(&nroutes);
    server = kit_server((struct http_options){0}, routes, nroutes, &api);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    http_stop(server);
    registry_stop(kit.r);
    controller_free(api.controller);
    regkit_end(&kit);
    loop_free(loop);
    return 0;
}

/* Its first bytes are here, the others wait in and before the sockets' buffers. */
static int begin(void)
{
    const int fd = raw_connect_small(http_port(server, 0));
    char bytes[4096];

    raw_send(fd, STR("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    assert_true(recv(fd, bytes, sizeof(bytes), 0) > 0);
    return fd;
}

/* Reads on, a little every few milliseconds until the time is over, then all; whether the manifest
 * had an end. */
static bool read_slowly(int fd, uint64_t time)
{
    const struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};
    const uint64_t until = clock_deadline(time);
    char bytes[2048], last[5] = "";
    ssize_t n;

    while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0) {
        if (n >= 5)
            memcpy(last, bytes + n - 5, 5);
        if (clock_mono_ns() < until)
            nanosleep(&pause, NULL);
        if (memcmp(last, "0\r\n\r\n", 5) == 0)
            return true;
    }
    return false;
}

static void test_present(void **state)
{
    const int fd = begin();

    (void)state;
    assert_true(read_slowly(fd, 2 * TIME));
    close(fd);
}

static void test_outdated(void **state)
{
    const int fd = begin();

    (void)state;
    assert_int_equal(ASK(&kit, OP_REGISTER, "new", .values = "192.0.2.1"), 0);
    assert_false(read_slowly(fd, 2 * TIME));
    close(fd);
}

/* One that reads nothing at all does not keep it either. */
static void test_unread(void **state)
{
    const int fd = begin();
    const uint64_t deadline = clock_deadline(20 * NS_PER_S);
    struct http_stats stats = {.connections = 1};

    (void)state;
    assert_int_equal(ASK(&kit, OP_REGISTER, "newer", .values = "192.0.2.1"), 0);
    while (stats.connections > 0 && clock_mono_ns() < deadline)
        http_stats(server, &stats);
    assert_int_equal(stats.connections, 0);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_present),
        cmocka_unit_test(test_outdated),
        cmocka_unit_test(test_unread),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
