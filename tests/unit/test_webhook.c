/* Webhooks, with a real receiver that verifies them. */
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <betterdns/hmac.h>

#include "terminate_kit.h"

#define SECRET "0123456789abcdef0123456789abcdef"

struct receiver {
    int fd;
    uint16_t port;
    const char *answer;
    pthread_t thread;
    struct buf head, body;
    char url[64];
    unsigned asked;
};

static size_t length_of(const char *head)
{
    const char *field = strcasestr(head, "\r\nContent-Length:");

    return field ? strtoul(field + 17, NULL, 10) : 0;
}

/* One request of one connection. */
static void receive_one(struct receiver *r, int fd)
{
    struct buf all = {0};
    const char *end = NULL;
    ssize_t n;

    while (!end || all.n < (size_t)(end - all.p) + length_of(all.p)) {
        char *room = buf_room(&all, 4096);
        n = read(fd, room, 4095);
        if (n <= 0)
            break;
        all.n += (size_t)n;
        all.p[all.n] = '\0';
        end = strstr(all.p, "\r\n\r\n");
        end = end ? end + 4 : NULL;
    }
    if (end) {
        r->asked++;
        buf_reset(&r->head);
        buf_reset(&r->body);
        buf_add(&r->head, all.p, (size_t)(end - all.p));
        buf_add(&r->body, end, all.n - (size_t)(end - all.p));
        buf_add_c(&r->head, '\0');
        n = send(fd, r->answer, strlen(r->answer), MSG_NOSIGNAL);
        assert_true(n > 0);
    }
    buf_free(&all);
}

static void *receiver_main(void *arg)
{
    struct receiver *r = arg;
    int fd;

    while ((fd = accept(r->fd, NULL, NULL)) >= 0) {
        receive_one(r, fd);
        close(fd);
    }
    return NULL;
}

static void receiver_start(struct receiver *r, const char *answer)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(a);

    *r = (struct receiver){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .answer = answer};
    assert_true(r->fd >= 0);
    assert_int_equal(bind(r->fd, (struct sockaddr *)&a, n), 0);
    assert_int_equal(getsockname(r->fd, (struct sockaddr *)&a, &n), 0);
    assert_int_equal(listen(r->fd, 8), 0);
    r->port = ntohs(a.sin_port);
    snprintf(r->url, sizeof(r->url), "http://127.0.0.1:%u/s3cret?x=1", r->port);
    assert_int_equal(pthread_create(&r->thread, NULL, receiver_main, r), 0);
}

static void receiver_end(struct receiver *r)
{
    shutdown(r->fd, SHUT_RDWR);
    pthread_join(r->thread, NULL);
    close(r->fd);
}

static void receiver_free(struct receiver *r)
{
    buf_free(&r->head);
    buf_free(&r->body);
}

static void use_webhook(struct termkit *f, const char *url)
{
    snprintf(f->secret, sizeof(f->secret), "%s/secret", f->dir);
    FILE *file = fopen(f->secret, "w");
    assert_non_null(file);
    fputs(SECRET "\n", file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(f->secret, 0600), 0);
    f->options.kind = "webhook";
    f->options.url = url;
    f->options.secret_file = f->secret;
}

static struct str field_of(const struct receiver *r, const char *name)
{
    const char *at = strcasestr(r->head.p, name);

    assert_non_null(at);
    at += strlen(name);
    return str_trim((struct str){at, strcspn(at, "\r")});
}

/* As whoever receives it would do it. */
static void verify(const struct receiver *r)
{
    struct str stamp = field_of(r, "\r\nX-Betterdns-Timestamp:");
    struct str signature = field_of(r, "\r\nX-Betterdns-Signature:");
    uint8_t digest[HMAC_SHA256_SIZE];
    char expected[80] = "sha256=";
    struct buf text = {0};
    uint64_t seconds;

    assert_int_equal(str_u64(stamp, UINT64_MAX, &seconds), 0);
    int64_t off = clock_real_s() - (int64_t)seconds;
    assert_true(off >= 0 && off < 120);
    buf_addf(&text, "%.*s.%.*s", STR_ARG(stamp), (int)r->body.n, r->body.p);
    assert_int_equal(hmac_sha256(STR(SECRET), buf_str(&text), digest), 0);
    buf_free(&text);
    for (size_t i = 0; i < sizeof(digest); i++)
        snprintf(expected + 7 + 2 * i, 3, "%02x", digest[i]);
    assert_true(str_eq(signature, str_c(expected)));
}

static void test_webhook(void **state)
{
    struct termkit *f = *state;
    struct receiver r;
    char expected[300], time[CLOCK_RFC3339_SIZE];
    uint64_t seconds;

    receiver_start(&r, "HTTP/1.1 202 Accepted\r\nContent-Length: 3\r\n\r\nyes");
    use_webhook(f, r.url);
    termkit_run(f);
    receiver_end(&r);
    assert_true(f->ok);
    assert_string_equal(f->words.p, "HTTP 202");
    assert_string_equal(f->output.p, "");
    assert_int_equal(r.asked, 1);
    assert_true(str_starts(buf_str(&r.head), STR("POST /s3cret?x=1 HTTP/1.1\r\n")));
    assert_true(str_eq(field_of(&r, "\r\nContent-Type:"), STR("application/json")));
    verify(&r);
    assert_int_equal(str_u64(field_of(&r, "\r\nX-Betterdns-Timestamp:"), UINT64_MAX, &seconds), 0);
    snprintf(expected, sizeof(expected),
             "{\"event\":\"terminate\",\"name\":\"web.lab.example.\",\"address\":\"192.0.2.7\","
             "\"id\":\"web-1\",\"number\":12,\"time\":\"%s\"}",
             clock_rfc3339((int64_t)seconds, time));
    assert_true(str_eq(buf_str(&r.body), str_c(expected)));
    /* Its path may be a secret. */
    assert_null(strstr(termkit_told(f), "s3cret"));
    assert_non_null(strstr(termkit_told(f), "ask http://127.0.0.1:"));
    receiver_free(&r);
}

static void expect_failure(struct termkit *f, const char *answer, const char *words)
{
    struct receiver r;

    receiver_start(&r, answer);
    use_webhook(f, r.url);
    termkit_run(f);
    receiver_end(&r);
    assert_false(f->ok);
    assert_string_equal(f->words.p, words);
    assert_int_equal(r.asked, 1);
    receiver_free(&r);
}

static void test_webhook_fails(void **state)
{
    expect_failure(*state, "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", "HTTP 500");
}

/* Where it would lead to nobody has said. */
static void test_webhook_redirect(void **state)
{
    expect_failure(*state,
                   "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n",
                   "HTTP 302");
}

static void test_webhook_refused(void **state)
{
    struct termkit *f = *state;
    struct receiver r;

    receiver_start(&r, "");
    receiver_end(&r);
    use_webhook(f, r.url);
    termkit_run(f);
    assert_false(f->ok);
    assert_true(f->words.n > 1);
    receiver_free(&r);
}

/* A server that takes the connection and never answers. */
static void test_webhook_time_out(void **state)
{
    struct termkit *f = *state;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(a);
    char url[64];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&a, n), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    assert_int_equal(listen(fd, 1), 0);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/", ntohs(a.sin_port));
    use_webhook(f, url);
    f->options.timeout_ms = 200;
    termkit_run(f);
    assert_false(f->ok);
    close(fd);
}

static void test_webhook_cancel(void **state)
{
    struct termkit *f = *state;

    use_webhook(f, "http://127.0.0.1:1/");
    assert_int_equal(termkit_open(f), 0);
    assert_int_equal(termkit_begin(f, &termkit_host), 0);
    terminator_cancel(f->run);
    assert_false(f->ended);
}

static void test_webhook_secret(void **state)
{
    struct termkit *f = *state;

    use_webhook(f, "http://127.0.0.1:1/");
    assert_int_equal(chmod(f->secret, 0644), 0);
    assert_int_equal(termkit_open(f), -EACCES);
    assert_string_equal(f->problem.field, "terminate.secret_file");
    f->options.secret_file = NULL;
    assert_int_equal(termkit_open(f), -BD_EINVALID);
    assert_string_equal(f->problem.field, "terminate.secret_file");
}

static void test_webhook_url(void **state)
{
    struct termkit *f = *state;

    use_webhook(f, "ftp://127.0.0.1/");
    assert_int_equal(termkit_open(f), -BD_EINVALID);
    assert_string_equal(f->problem.field, "terminate.url");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, termkit_make, termkit_remove)
    const struct CMUnitTest tests[] = {
        TEST(test_webhook),         TEST(test_webhook_fails),    TEST(test_webhook_redirect),
        TEST(test_webhook_refused), TEST(test_webhook_time_out), TEST(test_webhook_cancel),
        TEST(test_webhook_secret),  TEST(test_webhook_url),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
