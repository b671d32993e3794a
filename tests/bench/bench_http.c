/* Requests a second over kept connections: our layer beside a bare handler of civetweb, in turns in
 * one run, so that the ratio means something on a machine that others use too. */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <civetweb.h>

#include <betterdns/clock.h>
#include <betterdns/http.h>

#define CLIENTS 16
#define ROUNDS 5
#define ROUND_TIME (NS_PER_S)

static const char body[] = "{\"name\":\"web.lab.example.\",\"ttl\":30,\"values\":[\"192.0.2.7\"]}";

struct run {
    unsigned port;
    uint64_t end;
    atomic_ullong requests;
};

static void answer(void *context, const struct http_request *rq, struct http_response *rs)
{
    (void)context;
    if (http_segment(rq, "name").n > 0)
        buf_add_str(http_body(rs), str_c(body));
}

static int bare_answer(struct mg_connection *mg)
{
    char out[512];
    int n = snprintf(out, sizeof(out),
                     "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                     "Content-Length: %zu\r\n\r\n%s",
                     sizeof(body) - 1, body);

    mg_write(mg, out, (size_t)n);
    return 200;
}

static void *client(void *argument)
{
    const struct str request = STR("GET /a/web HTTP/1.1\r\nHost: localhost\r\n\r\n");
    struct run *run = argument;
    const struct sockaddr_in in = {.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)run->port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char bytes[1024];
    unsigned long long n = 0;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (connect(fd, (const struct sockaddr *)&in, sizeof(in)) < 0)
        abort();
    for (; clock_mono_ns() < run->end; n++) {
        /* An answer is one write, and comes in one piece. */
        if (write(fd, request.p, request.n) != (ssize_t)request.n ||
            read(fd, bytes, sizeof(bytes)) < 100)
            abort();
    }
    close(fd);
    atomic_fetch_add(&run->requests, n);
    return NULL;
}

static double cpu_seconds(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* Requests a second; *ret_us: CPU of client and server together for each. */
static double measure(unsigned port, double *ret_us)
{
    struct run run = {.port = port, .end = clock_deadline(ROUND_TIME)};
    pthread_t threads[CLIENTS];
    const double before = cpu_seconds();

    for (unsigned i = 0; i < CLIENTS; i++)
        pthread_create(&threads[i], NULL, client, &run);
    for (unsigned i = 0; i < CLIENTS; i++)
        pthread_join(threads[i], NULL);
    const double n = (double)atomic_load(&run.requests);
    *ret_us = (cpu_seconds() - before) * 1e6 / n;
    return n / ((double)ROUND_TIME / (double)NS_PER_S);
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values)
{
    qsort(values, ROUNDS, sizeof(*values), by_value);
    return values[ROUNDS / 2];
}

static struct http_server *start_ours(void)
{
    static const struct http_route routes[] = {
        {.method = "GET", .pattern = "/a/{name}", .handler = answer}};
    struct sockaddr_storage listen = {.ss_family = AF_INET};
    struct http_server *s;
    struct problem p;

    ((struct sockaddr_in *)&listen)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const struct http_options o = {.listen = &listen, .nlisten = 1, .threads = CLIENTS + 4};
    if (http_start(&o, routes, ARRAY_SIZE(routes), NULL, &s, &p) < 0)
        abort();
    return s;
}

static struct mg_context *start_bare(unsigned *ret_port)
{
    const char *options[] = {"listening_ports",   "127.0.0.1:0", "num_threads", "20",
                             "tcp_nodelay",       "1",           "decode_url",  "no",
                             "enable_keep_alive", "yes",         NULL};
    const struct mg_callbacks callbacks = {.begin_request = bare_answer};
    struct mg_server_port port;

    struct mg_context *mg = mg_start(&callbacks, NULL, options);
    if (!mg || mg_get_server_ports(mg, 1, &port) != 1)
        abort();
    *ret_port = (unsigned)port.port;
    return mg;
}

int main(void)
{
    double ours[ROUNDS], bare[ROUNDS], ours_us[ROUNDS], bare_us[ROUNDS];
    unsigned bare_port;
    struct http_server *s = start_ours();
    struct mg_context *mg = start_bare(&bare_port);

    for (unsigned i = 0; i < ROUNDS; i++) {
        ours[i] = measure(http_port(s, 0), &ours_us[i]);
        bare[i] = measure(bare_port, &bare_us[i]);
    }
    const double a = median(ours), b = median(bare);
    const double a_us = median(ours_us), b_us = median(bare_us);
    printf("requests/s, %d kept connections:  http layer %.0f, bare civetweb %.0f, ratio %.2f\n",
           CLIENTS, a, b, a / b);
    printf("CPU us a request, with its client: http layer %.1f, bare civetweb %.1f, ratio %.2f\n",
           a_us, b_us, a_us / b_us);
    mg_stop(mg);
    http_stop(s);
    return 0;
}
