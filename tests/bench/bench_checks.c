/* http checks of many hosts, each every 10 s: our prober beside a thread a host with blocking
 * sockets, in turns in one run. The hosts are addresses of 127.0.0.0/8, at which one listener in a
 * process of its own answers. A window of the 10 s is measured: CPU time of whoever checks.
 * bench_checks hosts: only the listener; prints its port, and ends when its standard input does. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <signal.h>
#include <unistd.h>

#include <betterdns/clock.h>
#include <betterdns/loop.h>

#include "prober.h"

#define INTERVAL_NS (10 * NS_PER_S)
#define STEP_NS (10 * NS_PER_MS) /* as health has it: what is due begins together */
#define WINDOW_NS (5 * NS_PER_S / 2)
#define FLOOD_NS (NS_PER_S)
#define ROUNDS 3
#define STACK ((size_t)64 << 10)
#define HOSTS_MAX 10000U

struct sample {
    double rate;     /* checks a second that have succeeded */
    double cpu;      /* of a core */
    double us;       /* of CPU, a check */
    unsigned failed; /* none is expected to */
};

static uint16_t port;

static struct sockaddr_in address_of_host(unsigned i)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(0x7f010000U + i)};
}

static double cpu_seconds(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* ---- the hosts ---- */

static void answer(int fd)
{
    static const char out[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n"
                              "Connection: close\r\n\r\nok\n";
    char request[2048];

    if (recv(fd, request, sizeof(request), 0) > 0)
        (void)!send(fd, out, sizeof(out) - 1, MSG_NOSIGNAL);
    close(fd);
}

static void be_hosts(int listener)
{
    struct epoll_event events[64], e = {.events = EPOLLIN, .data.fd = listener};
    int epfd = epoll_create1(0), fd;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    epoll_ctl(epfd, EPOLL_CTL_ADD, listener, &e);
    for (;;) {
        int n = epoll_wait(epfd, events, 64, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd != listener) {
                answer(events[i].data.fd);
                continue;
            }
            while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
                e.data.fd = fd;
                epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &e);
            }
        }
    }
}

static pid_t start_hosts(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET};
    socklen_t n = sizeof(any);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&any, n) < 0 || listen(fd, 4096) < 0 ||
        getsockname(fd, (struct sockaddr *)&any, &n) < 0)
        abort();
    port = ntohs(any.sin_port);
    pid_t pid = fork();
    if (pid == 0)
        be_hosts(fd);
    close(fd);
    return pid;
}

/* ---- ours ---- */

struct ours {
    struct loop *loop;
    struct loop_timer *timer;
    struct prober *prober;
    struct check_spec spec;
    uint64_t began_ns, end_ns;
    unsigned hosts, next, in_flight;
    unsigned flood; /* so many at all times, instead of each in its turn */
    unsigned ok, failed;
};

static void begin_next(struct ours *o);

static void on_end(void *owner, void *arg, const struct probe_result *result)
{
    struct ours *o = owner;
    (void)arg;

    o->ok += result->ok;
    o->failed += !result->ok;
    o->in_flight--;
    if (o->flood && clock_mono_ns() < o->end_ns)
        begin_next(o);
    else if (o->in_flight == 0 && clock_mono_ns() >= o->end_ns)
        loop_stop(o->loop);
}

static void begin_next(struct ours *o)
{
    struct probe_target target = {.spec = &o->spec, .to.family = AF_INET, .trusted = true};
    struct probe *probe;
    struct sockaddr_in host = address_of_host(o->next++ % o->hosts);

    memcpy(target.to.b, &host.sin_addr, 4);
    if (probe_start(o->prober, &target, on_end, NULL, &probe) < 0)
        abort();
    o->in_flight++;
}

static void on_timer(void *ours)
{
    struct ours *o = ours;
    uint64_t now = clock_mono_ns();

    while (!o->flood && now < o->end_ns && (now - o->began_ns) * o->hosts / INTERVAL_NS > o->next)
        begin_next(o);
    while (o->flood && o->in_flight < o->flood && now < o->end_ns)
        begin_next(o);
    if (now >= o->end_ns && o->in_flight == 0)
        loop_stop(o->loop);
    loop_timer_at(o->timer, o->flood || now >= o->end_ns ? o->end_ns : now + STEP_NS);
}

static void check_ours(unsigned hosts, unsigned flood, struct sample *ret)
{
    static struct network all;
    struct check_defaults defaults = CHECK_DEFAULTS;
    struct ours o = {.hosts = hosts, .flood = flood};
    char text[64];

    network_parse(STR("127.0.0.0/8"), &all);
    snprintf(text, sizeof(text), "url http://:%u/healthz\n", port);
    if (check_parse(str_c(text), &defaults, &o.spec) < 0 || loop_new(&o.loop) < 0 ||
        loop_timer_new(o.loop, on_timer, &o, &o.timer) < 0)
        abort();
    const struct prober_options options = {
        .loop = o.loop, .owner = &o, .fence = {&all, 1, NULL, 0}};
    if (probes_new(&options, &o.prober) < 0)
        abort();
    double cpu = cpu_seconds();
    o.began_ns = clock_mono_ns();
    o.end_ns = o.began_ns + (flood ? FLOOD_NS : WINDOW_NS);
    loop_timer_at(o.timer, 0);
    loop_run(o.loop);
    double seconds = (double)(clock_mono_ns() - o.began_ns) / 1e9;
    cpu = cpu_seconds() - cpu;
    *ret = (struct sample){o.ok / seconds, cpu / seconds, cpu * 1e6 / (o.ok + o.failed), o.failed};
}

/* ---- a thread a host ---- */

static struct {
    uint64_t began_ns, end_ns;
    unsigned hosts;
    atomic_uint ok, failed, ready;
    atomic_bool go;
} naive;

static bool check_blocking(unsigned i)
{
    struct sockaddr_in to = address_of_host(i);
    struct timeval limit = {.tv_sec = 5};
    char bytes[4096];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    size_t n = 0;
    ssize_t got = 1;

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    bool ok = connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0;
    if (ok) {
        int len = snprintf(bytes, sizeof(bytes),
                           "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUser-Agent: naive\r\n"
                           "Accept: */*\r\nConnection: close\r\n\r\n",
                           port);
        ok = send(fd, bytes, (size_t)len, MSG_NOSIGNAL) == len;
    }
    while (ok && got > 0 && n < sizeof(bytes))
        n += (size_t)((got = recv(fd, bytes + n, sizeof(bytes) - n, 0)) > 0 ? got : 0);
    close(fd);
    return ok && n > 12 && memcmp(bytes, "HTTP/1.1 200", 12) == 0;
}

static void sleep_until(uint64_t ns)
{
    const struct timespec t = {(time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S)};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
        ;
}

static void *naive_host(void *arg)
{
    unsigned i = (unsigned)(uintptr_t)arg;

    atomic_fetch_add(&naive.ready, 1);
    while (!atomic_load(&naive.go))
        sleep_until(clock_deadline(50 * NS_PER_MS));
    uint64_t due = naive.began_ns + i * (INTERVAL_NS / naive.hosts);
    for (; due < naive.end_ns; due += INTERVAL_NS) {
        sleep_until(due);
        atomic_fetch_add(check_blocking(i) ? &naive.ok : &naive.failed, 1);
    }
    return NULL;
}

static void check_naive(unsigned hosts, unsigned flood, struct sample *ret)
{
    pthread_t *threads = calloc(hosts, sizeof(*threads));
    pthread_attr_t attr;
    unsigned n = 0;
    (void)flood;

    naive.hosts = hosts;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK);
    while (threads && n < hosts &&
           pthread_create(&threads[n], &attr, naive_host, (void *)(uintptr_t)n) == 0)
        n++;
    if (n < hosts)
        _exit(2); /* so many threads are not to be had */
    while (atomic_load(&naive.ready) < hosts)
        sleep_until(clock_deadline(10 * NS_PER_MS));
    naive.began_ns = clock_mono_ns() + 200 * NS_PER_MS; /* all have seen it by then */
    naive.end_ns = naive.began_ns + WINDOW_NS;
    atomic_store(&naive.go, true);
    sleep_until(naive.began_ns);
    double cpu = cpu_seconds();
    for (unsigned i = 0; i < hosts; i++)
        pthread_join(threads[i], NULL);
    double seconds = (double)(clock_mono_ns() - naive.began_ns) / 1e9;
    cpu = cpu_seconds() - cpu;
    unsigned ok = atomic_load(&naive.ok), failed = atomic_load(&naive.failed);
    *ret = (struct sample){ok / seconds, cpu / seconds, cpu * 1e6 / (ok + failed), failed};
    free(threads);
}

/* ---- turns ---- */

typedef void way(unsigned hosts, unsigned flood, struct sample *ret);

/* In a process of its own, whose CPU time is that of the checks. */
static bool measure(way *fn, unsigned hosts, unsigned flood, struct sample *ret)
{
    int ends[2], status;

    if (pipe(ends) < 0)
        abort();
    pid_t pid = fork();
    if (pid == 0) {
        struct sample s = {0};
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        fn(hosts, flood, &s);
        _exit(write(ends[1], &s, sizeof(s)) == sizeof(s) ? 0 : 1);
    }
    close(ends[1]);
    bool ok = read(ends[0], ret, sizeof(*ret)) == sizeof(*ret);
    close(ends[0]);
    waitpid(pid, &status, 0);
    return ok;
}

static int by_us(const void *a, const void *b)
{
    double x = ((const struct sample *)a)->us, y = ((const struct sample *)b)->us;

    return (x > y) - (x < y);
}

static void print_median(const char *name, const char *load, struct sample *samples, unsigned n)
{
    unsigned failed = 0;

    if (n == 0) {
        printf("%-26s %-22s the machine does not give so many threads\n", name, load);
        return;
    }
    for (unsigned i = 0; i < n; i++)
        failed += samples[i].failed;
    qsort(samples, n, sizeof(*samples), by_us);
    const struct sample *m = &samples[n / 2];
    printf("%-26s %-22s %9.0f %10.1f%% %8.1f %7u\n", name, load, m->rate, m->cpu * 100, m->us,
           failed);
}

static void turns(unsigned hosts, unsigned flood)
{
    struct sample ours[ROUNDS], theirs[ROUNDS];
    unsigned nours = 0, ntheirs = 0;
    char load[64];

    for (unsigned i = 0; i < ROUNDS; i++) {
        nours += measure(check_ours, hosts, flood, &ours[nours]);
        if (!flood)
            ntheirs += measure(check_naive, hosts, flood, &theirs[ntheirs]);
    }
    if (flood)
        snprintf(load, sizeof(load), "%u at all times", flood);
    else
        snprintf(load, sizeof(load), "%u every 10 s", hosts);
    print_median("betterdns", load, ours, nours);
    if (!flood)
        print_median("a thread a host, blocking", load, theirs, ntheirs);
    if (!flood && hosts == HOSTS_MAX && nours > 0)
        printf("aim: 10,000 hosts every 10 s in 10 %% of a core: %s\n",
               ours[nours / 2].cpu <= 0.10 ? "yes" : "NO");
    fflush(stdout);
}

static void stop_hosts(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void lend_hosts(pid_t pid)
{
    printf("%u\n", port);
    fflush(stdout);
    while (getchar() != EOF)
        ;
    stop_hosts(pid);
}

int main(int argc, char **argv)
{
    struct rlimit files;

    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max < 65536 ? files.rlim_max : 65536;
    setrlimit(RLIMIT_NOFILE, &files);
    pid_t hosts = start_hosts();
    if (argc > 1 && strcmp(argv[1], "hosts") == 0) {
        lend_hosts(hosts);
        return 0;
    }
    printf("%-26s %-22s %9s %11s %8s %7s\n", "http checks", "hosts", "checks/s", "of a core",
           "CPU us", "failed");
    turns(1000, 0);
    turns(HOSTS_MAX, 0);
    turns(HOSTS_MAX, 16);
    turns(HOSTS_MAX, 500);
    stop_hosts(hosts);
    return 0;
}
