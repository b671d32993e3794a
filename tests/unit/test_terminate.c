/* Terminators, with real programs and a real receiver of webhooks. */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <betterdns/clock.h>
#include <betterdns/error.h>
#include <betterdns/file.h>
#include <betterdns/hmac.h>

#include "terminator.h"

#define PATIENCE_NS (30 * NS_PER_S)
#define SECRET "0123456789abcdef0123456789abcdef"

static const struct terminate_host host = {
    {"web.lab.example.", 16}, {"web-1", 5}, {"192.0.2.7", 9}, 12};

struct fixture {
    char dir[64], secret[96];
    struct loop *loop;
    struct health_terminate options;
    struct str argv[8];
    struct terminator *terminator;
    struct termination *run;
    struct problem problem;
    bool ended, ok;
    struct buf words, output;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    snprintf(f->dir, sizeof(f->dir), "/tmp/test_terminate.XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    assert_int_equal(loop_new(&f->loop), 0);
    f->options = (struct health_terminate){
        .enabled = true, .kind = "exec", .argv = f->argv, .timeout_ms = 20000};
    *state = f;
    return 0;
}

static int clear_away(void **state)
{
    struct fixture *f = *state;
    char command[100];

    terminator_free(f->terminator);
    loop_free(f->loop);
    buf_free(&f->words);
    buf_free(&f->output);
    snprintf(command, sizeof(command), "rm -rf %s", f->dir);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

static int open_it(struct fixture *f)
{
    return terminator_new(&f->options, f->loop, &f->terminator, &f->problem);
}

static void add_word(struct fixture *f, const char *word)
{
    assert_true(f->options.nargv < ARRAY_SIZE(f->argv));
    f->argv[f->options.nargv++] = str_c(word);
}

/* A shell that runs a text of the test; its arguments come after it. */
static void use_script(struct fixture *f, const char *script)
{
    add_word(f, "sh");
    add_word(f, "-c");
    add_word(f, script);
    add_word(f, "sh");
}

static void on_end(void *arg, const struct terminate_end *end)
{
    struct fixture *f = arg;

    assert_false(f->ended);
    f->ended = true;
    f->ok = end->ok;
    f->run = NULL;
    buf_add_str(&f->words, end->words);
    buf_add_c(&f->words, '\0');
    buf_add_str(&f->output, end->output);
    buf_add_c(&f->output, '\0');
    loop_stop(f->loop);
}

static void on_too_late(void *arg)
{
    (void)arg;
    fail_msg("it has not ended in time");
}

static void run_on(struct fixture *f)
{
    struct loop_timer *timer;

    assert_int_equal(loop_timer_new(f->loop, on_too_late, f, &timer), 0);
    loop_timer_at(timer, clock_deadline(PATIENCE_NS));
    assert_int_equal(loop_run(f->loop), 0);
    loop_timer_free(timer);
}

static void run(struct fixture *f)
{
    assert_int_equal(open_it(f), 0);
    assert_true(terminator_acts(f->terminator));
    assert_int_equal(terminator_run(f->terminator, &host, on_end, f, &f->run), 0);
    assert_false(f->ended);
    run_on(f);
    assert_true(f->ended);
}

static const char *told(struct fixture *f)
{
    static char text[400];
    struct buf b = {0};

    terminator_tell(f->terminator, &host, &b);
    snprintf(text, sizeof(text), "%.*s", (int)b.n, b.p);
    buf_free(&b);
    return text;
}

/* ---- words ---- */

static const char *filled(const char *template, const struct terminate_host *from)
{
    static char text[200];
    struct buf word = {0};

    if (terminate_word(str_c(template), from, &word) < 0)
        return "refused";
    snprintf(text, sizeof(text), "%s", word.p);
    assert_int_equal(strlen(word.p) + 1, word.n);
    buf_free(&word);
    return text;
}

static void test_words(void **state)
{
    (void)state;
    assert_string_equal(filled("{name}", &host), "web.lab.example");
    assert_string_equal(filled("{id}", &host), "web-1");
    assert_string_equal(filled("{address}", &host), "192.0.2.7");
    assert_string_equal(filled("--vm={id}.{name}/x", &host), "--vm=web-1.web.lab.example/x");
    assert_string_equal(filled("{ids} {{id} {}", &host), "{ids} {web-1 {}");
    assert_string_equal(filled("", &host), "");
    assert_string_equal(filled("--force", &host), "--force");
}

/* A host chooses its id. */
static void test_words_are_no_options(void **state)
{
    struct terminate_host odd = host;

    (void)state;
    odd.id = STR("--all");
    assert_string_equal(filled("{id}", &odd), "refused");
    assert_string_equal(filled("{id}{name}", &odd), "refused");
    assert_string_equal(filled("vm={id}", &odd), "vm=--all");
    odd.id = STR("{name}$(x);`y` 'z'");
    assert_string_equal(filled("{id}", &odd), "{name}$(x);`y` 'z'");
    odd.id = (struct str){"a\0b", 3};
    assert_string_equal(filled("{id}", &odd), "refused");
    odd.address = (struct str){NULL, 0};
    assert_string_equal(filled("{address}", &odd), "refused");
    assert_string_equal(filled("x{address}", &odd), "refused");
}

/* ---- none, and which there are ---- */

static void test_none(void **state)
{
    struct fixture *f = *state;

    f->options.kind = NULL;
    assert_int_equal(open_it(f), 0);
    assert_false(terminator_acts(f->terminator));
    assert_string_equal(told(f), "nothing");
}

static void test_unknown(void **state)
{
    struct fixture *f = *state;

    f->options.kind = "shoot";
    assert_int_equal(open_it(f), -BD_EINVALID);
    assert_string_equal(f->problem.field, "terminate.kind");
}

/* ---- exec ---- */

static void test_exec(void **state)
{
    struct fixture *f = *state;

    use_script(f, "printf '%s|' \"$@\"; echo err >&2; exit 0");
    add_word(f, "{name}");
    add_word(f, "id={id}");
    add_word(f, "{address}");
    run(f);
    assert_true(f->ok);
    assert_string_equal(f->output.p, "web.lab.example|id=web-1|192.0.2.7|err\n");
    assert_string_equal(f->words.p, "exit code 0");
}

static void test_exec_fails(void **state)
{
    struct fixture *f = *state;

    use_script(f, "echo no such domain; exit 4");
    run(f);
    assert_false(f->ok);
    assert_string_equal(f->words.p, "exit code 4");
    assert_string_equal(f->output.p, "no such domain\n");
}

static void test_exec_signal(void **state)
{
    struct fixture *f = *state;

    use_script(f, "kill -KILL $$");
    run(f);
    assert_false(f->ok);
    assert_string_equal(f->words.p, "signal 9");
}

static void test_exec_output(void **state)
{
    struct fixture *f = *state;

    use_script(f, "i=0; while [ $i -lt 3000 ]; do echo $i; i=$((i+1)); done; echo the end");
    run(f);
    assert_int_equal(f->output.n, TERMINATE_OUTPUT_MAX + 1);
    assert_string_equal(f->output.p + TERMINATE_OUTPUT_MAX - 8, "the end\n");
}

/* Success that comes too late is none. */
static void test_exec_time_out(void **state)
{
    struct fixture *f = *state;

    f->options.timeout_ms = 200;
    use_script(f, "trap 'echo told; exit 0' TERM; sleep 600 & wait");
    run(f);
    assert_false(f->ok);
    assert_string_equal(f->words.p, "killed: it had not ended after 200 ms");
    assert_string_equal(f->output.p, "told\n");
}

static void test_exec_dry(void **state)
{
    struct fixture *f = *state;

    f->options.enabled = false;
    add_word(f, "/bin/true");
    add_word(f, "--vm={id}");
    add_word(f, "{name}");
    assert_int_equal(open_it(f), 0);
    assert_false(terminator_acts(f->terminator));
    assert_string_equal(told(f), "run /bin/true --vm=web-1 web.lab.example");
}

static void test_exec_bad_id(void **state)
{
    struct fixture *f = *state;
    struct terminate_host odd = host;

    odd.id = STR("-x");
    add_word(f, "true");
    add_word(f, "{id}");
    assert_int_equal(open_it(f), 0);
    assert_int_equal(terminator_run(f->terminator, &odd, on_end, f, &f->run), -BD_EINVALID);
}

static void test_exec_no_program(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(open_it(f), -BD_EINVALID);
    assert_string_equal(f->problem.field, "terminate.argv");
    add_word(f, "/nonexistent/kill-vm");
    assert_int_equal(open_it(f), -ENOENT);
    assert_string_equal(f->problem.field, "terminate.argv");
    f->options.nargv = 0;
    add_word(f, "/bin/{id}");
    assert_int_equal(open_it(f), -BD_EINVALID);
    assert_non_null(strstr(f->problem.detail, "/bin/{id}"));
}

static void test_exec_cancel(void **state)
{
    struct fixture *f = *state;
    char path[96];
    int ends[2];
    char c;

    assert_int_equal(pipe(ends), 0);
    snprintf(path, sizeof(path), "/proc/%d/fd/%d", getpid(), ends[1]);
    use_script(f, "exec 3>\"$1\"; echo w >&3; sleep 600 & sleep 600");
    add_word(f, path);
    assert_int_equal(open_it(f), 0);
    assert_int_equal(terminator_run(f->terminator, &host, on_end, f, &f->run), 0);
    struct pollfd fd = {.fd = ends[0], .events = POLLIN};
    assert_int_equal(poll(&fd, 1, (int)(PATIENCE_NS / NS_PER_MS)), 1);
    assert_int_equal(read(ends[0], &c, 1), 1);
    terminator_cancel(f->run);
    terminator_cancel(NULL);
    /* All who had it open have gone. */
    close(ends[1]);
    while (poll(&fd, 1, (int)(PATIENCE_NS / NS_PER_MS)) == 1 && read(ends[0], &c, 1) > 0)
        ;
    assert_true(fd.revents & POLLHUP);
    close(ends[0]);
    assert_false(f->ended);
}

/* ---- another user ---- */

static void test_user(void **state)
{
    struct fixture *f = *state;

    use_script(f, "id -u; id -G; id -g");
    f->options.user = "nobody";
    if (geteuid() != 0) {
        /* It says so at the start, not when a host is to be ended. */
        assert_int_equal(open_it(f), -EACCES);
        assert_string_equal(f->problem.field, "terminate.user");
        assert_non_null(strstr(f->problem.detail, "nobody"));
        return;
    }
    run(f);
    assert_true(f->ok);
    assert_null(strstr(f->output.p, "0\n0\n"));
    assert_true(str_starts(buf_str(&f->output), STR("65534\n")));
    assert_non_null(strstr(told(f), " as nobody"));
}

static void test_user_unknown(void **state)
{
    struct fixture *f = *state;

    add_word(f, "true");
    f->options.user = "no-such-user";
    assert_int_equal(open_it(f), -BD_EINVALID);
    assert_string_equal(f->problem.field, "terminate.user");
}

/* ---- webhook ---- */

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

static void use_webhook(struct fixture *f, const char *url)
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
    struct fixture *f = *state;
    struct receiver r;
    char expected[300], time[CLOCK_RFC3339_SIZE];
    uint64_t seconds;

    receiver_start(&r, "HTTP/1.1 202 Accepted\r\nContent-Length: 3\r\n\r\nyes");
    use_webhook(f, r.url);
    run(f);
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
    assert_null(strstr(told(f), "s3cret"));
    assert_non_null(strstr(told(f), "ask http://127.0.0.1:"));
    receiver_free(&r);
}

static void expect_failure(struct fixture *f, const char *answer, const char *words)
{
    struct receiver r;

    receiver_start(&r, answer);
    use_webhook(f, r.url);
    run(f);
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
    struct fixture *f = *state;
    struct receiver r;

    receiver_start(&r, "");
    receiver_end(&r);
    use_webhook(f, r.url);
    run(f);
    assert_false(f->ok);
    assert_true(f->words.n > 1);
    receiver_free(&r);
}

/* A server that takes the connection and never answers. */
static void test_webhook_time_out(void **state)
{
    struct fixture *f = *state;
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
    run(f);
    assert_false(f->ok);
    close(fd);
}

static void test_webhook_cancel(void **state)
{
    struct fixture *f = *state;

    use_webhook(f, "http://127.0.0.1:1/");
    assert_int_equal(open_it(f), 0);
    assert_int_equal(terminator_run(f->terminator, &host, on_end, f, &f->run), 0);
    terminator_cancel(f->run);
    assert_false(f->ended);
}

static void test_webhook_secret(void **state)
{
    struct fixture *f = *state;

    use_webhook(f, "http://127.0.0.1:1/");
    assert_int_equal(chmod(f->secret, 0644), 0);
    assert_int_equal(open_it(f), -EACCES);
    assert_string_equal(f->problem.field, "terminate.secret_file");
    f->options.secret_file = NULL;
    assert_int_equal(open_it(f), -BD_EINVALID);
    assert_string_equal(f->problem.field, "terminate.secret_file");
}

static void test_webhook_url(void **state)
{
    struct fixture *f = *state;

    use_webhook(f, "ftp://127.0.0.1/");
    assert_int_equal(open_it(f), -BD_EINVALID);
    assert_string_equal(f->problem.field, "terminate.url");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, clear_away)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_words_are_no_options),
        TEST(test_none),
        TEST(test_unknown),
        TEST(test_exec),
        TEST(test_exec_fails),
        TEST(test_exec_signal),
        TEST(test_exec_output),
        TEST(test_exec_time_out),
        TEST(test_exec_dry),
        TEST(test_exec_bad_id),
        TEST(test_exec_no_program),
        TEST(test_exec_cancel),
        TEST(test_user),
        TEST(test_user_unknown),
        TEST(test_webhook),
        TEST(test_webhook_fails),
        TEST(test_webhook_redirect),
        TEST(test_webhook_refused),
        TEST(test_webhook_time_out),
        TEST(test_webhook_cancel),
        TEST(test_webhook_secret),
        TEST(test_webhook_url),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
