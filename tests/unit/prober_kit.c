#include "prober_kit.h"

#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <betterdns/clock.h>
#include <betterdns/sockaddr.h>
#include <betterdns/str.h>

#define PATIENCE_NS (20 * NS_PER_S)

/* ---- a listener ---- */

bool prober_bind_at(struct prober_server *s, int type, const struct address *at, uint16_t port)
{
    struct sockaddr_storage a;

    *s = (struct prober_server){.fd = socket(at->family, type | SOCK_CLOEXEC, 0)};
    assert_true(s->fd >= 0);
    address_to(at, port, &a);
    socklen_t n = sockaddr_size(&a);
    if (bind(s->fd, (struct sockaddr *)&a, n) < 0) {
        close(s->fd);
        return false;
    }
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &n), 0);
    s->port = (uint16_t)sockaddr_port(&a);
    if (type == SOCK_STREAM)
        assert_int_equal(listen(s->fd, 4096), 0);
    return true;
}

void prober_bind(struct prober_server *s, int type)
{
    assert_true(prober_bind_at(s, type, &(struct address){AF_INET, {127, 0, 0, 1}}, 0));
}

static void *server_main(void *server)
{
    struct prober_server *s = server;

    for (;;) {
        struct pollfd p[2] = {{.fd = s->fd, .events = POLLIN},
                              {.fd = s->stop[0], .events = POLLIN}};
        if (poll(p, 2, -1) < 0 || p[1].revents)
            return NULL;
        int fd = accept(s->fd, NULL, NULL);
        __atomic_add_fetch(&s->accepted, 1, __ATOMIC_RELAXED);
        if (fd < 0)
            continue;
        if (s->serve)
            s->serve(fd);
        close(fd);
    }
}

void prober_serve(struct prober_server *s, void (*serve)(int fd))
{
    prober_bind(s, SOCK_STREAM);
    prober_accept(s, serve);
}

void prober_accept(struct prober_server *s, void (*serve)(int fd))
{
    s->serve = serve;
    assert_int_equal(pipe(s->stop), 0);
    assert_int_equal(pthread_create(&s->thread, NULL, server_main, s), 0);
}

void prober_stop(struct prober_server *s)
{
    close(s->stop[1]);
    pthread_join(s->thread, NULL);
    close(s->stop[0]);
    close(s->fd);
}

unsigned prober_accepted(const struct prober_server *s)
{
    return __atomic_load_n(&s->accepted, __ATOMIC_RELAXED);
}

void prober_say(int fd, const char *text)
{
    ssize_t n = send(fd, text, strlen(text), MSG_NOSIGNAL);
    (void)n;
}

void prober_hang(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char octet;

    while (poll(&p, 1, 20000) > 0 && recv(fd, &octet, 1, 0) > 0)
        ;
}

/* ---- a prober ---- */

static struct network loopback;
struct loop *prober_loop;
struct prober_options prober_with;
struct prober_last prober_last;

int prober_set_up(void **state)
{
    (void)state;
    assert_int_equal(network_parse(STR("127.0.0.0/8"), &loopback), 0);
    assert_int_equal(loop_new(&prober_loop), 0);
    prober_with = (struct prober_options){.loop = prober_loop};
    return 0;
}

int prober_tear_down(void **state)
{
    (void)state;
    loop_free(prober_loop);
    return 0;
}

struct prober *prober_make(bool open, unsigned in_flight)
{
    struct prober_options options = prober_with;
    struct prober *p = NULL;

    options.fence = (struct fence){&loopback, open, NULL, 0};
    options.in_flight = in_flight;
    assert_int_equal(probes_new(&options, &p), 0);
    return p;
}

struct check_spec prober_spec(const char *text)
{
    struct check_spec spec;
    const struct check_defaults defaults = CHECK_DEFAULTS;

    assert_int_equal(check_parse(str_c(text), &defaults, &spec), 0);
    return spec;
}

void prober_fill(const char *template, unsigned port, char out[512])
{
    const char *at = strstr(template, "PORT");

    if (at)
        snprintf(out, 512, "%.*s%u%s", (int)(at - template), template, port, at + 4);
    else
        snprintf(out, 512, "%s", template);
}

void prober_ended(void *owner, void *arg, const struct probe_result *result)
{
    (void)owner;
    prober_last.ok = result->ok;
    prober_last.refused = result->refused;
    prober_last.unasked = result->unasked;
    prober_last.latency_ns = result->latency_ns;
    snprintf(prober_last.output, sizeof(prober_last.output), "%.*s", STR_ARG(result->output));
    prober_last.ended++;
    if (arg)
        --*(unsigned *)arg;
    if (!arg || *(unsigned *)arg == 0)
        loop_stop(prober_loop);
}

static void too_late(void *arg)
{
    (void)arg;
    loop_stop(prober_loop);
}

void prober_run(void)
{
    struct loop_timer *t;

    assert_int_equal(loop_timer_new(prober_loop, too_late, NULL, &t), 0);
    loop_timer_at(t, clock_deadline(PATIENCE_NS));
    assert_int_equal(loop_run(prober_loop), 0);
    loop_timer_free(t);
}

void prober_probe(bool open, const char *template, unsigned port)
{
    struct prober *p = prober_make(open, 0);
    struct probe *one;
    char text[512];

    prober_fill(template, port, text);
    struct check_spec spec = prober_spec(text);
    const struct probe_target target = PROBER_TARGET(&spec);
    prober_last.ended = 0;
    assert_int_equal(probe_start(p, &target, prober_ended, NULL, &one), 0);
    prober_run();
    if (prober_last.ended != 1)
        fail_msg("%s: no end", text);
    probes_free(p);
}

void prober_says(bool ok, const char *words)
{
    if (prober_last.ok != ok || !strstr(prober_last.output, words))
        fail_msg("it said '%s' (%s), not '%s'", prober_last.output,
                 prober_last.ok ? "ok" : "failed", words);
    assert_null(strstr(prober_last.output, "secret"));
    assert_null(strstr(prober_last.output, "all is well"));
}
