/* A signed request to a service that ends hosts. 2xx is success; redirects are not followed. */
#include <stdio.h>

#include <betterdns/clock.h>
#include <betterdns/error.h>
#include <betterdns/hmac.h>
#include <betterdns/httpcall.h>
#include <betterdns/json.h>
#include <betterdns/secret.h>

#include "terminator.h"

static bool is_url(const char *url)
{
    struct str s = str_c(url);

    return str_starts(s, STR("http://")) || str_starts(s, STR("https://"));
}

static int webhook_open(struct terminator *t, struct problem *ret_problem)
{
    const struct secret secret = {"terminate.secret_file", "secret file", "a secret"};
    const struct health_terminate *o = t->options;

    if (!o->url || !is_url(o->url))
        return problem_set(ret_problem, -BD_EINVALID, "terminate.url",
                           "'kind: webhook' needs terminate.url, as https://HOST/PATH");
    if (!o->secret_file)
        return problem_set(ret_problem, -BD_EINVALID, "terminate.secret_file",
                           "'kind: webhook' needs terminate.secret_file: the receiver is to know "
                           "that it is we who ask");
    int r = secret_read(o->secret_file, &secret, &t->secret, ret_problem);
    return r < 0 ? r : httpcalls_new(t->loop, &t->calls);
}

static void webhook_close(struct terminator *t)
{
    httpcalls_free(t->calls);
    if (t->secret.p)
        explicit_bzero(t->secret.p, t->secret.cap);
    buf_free(&t->secret);
}

static void webhook_tell(const struct terminator *t, const struct terminate_host *host,
                         struct buf *out)
{
    /* Its path may be a secret. */
    struct str url = str_c(t->options->url);
    const char *server = strstr(url.p, "//") + 2;
    size_t n = strcspn(server, "/?#");

    (void)host;
    buf_addf(out, "ask %.*s", (int)(server - url.p) + (int)n, url.p);
}

int terminate_sign(struct str secret, struct str stamp, struct str body,
                   char out[TERMINATE_SIGNATURE_SIZE])
{
    uint8_t digest[HMAC_SHA256_SIZE];
    struct buf text = {0};

    buf_add_str(&text, stamp);
    buf_add_c(&text, '.');
    buf_add_str(&text, body);
    int r = text.error ? text.error : hmac_sha256(secret, buf_str(&text), digest);
    buf_free(&text);
    if (r < 0)
        return r;
    snprintf(out, TERMINATE_SIGNATURE_SIZE, "sha256=");
    for (size_t i = 0; i < sizeof(digest); i++)
        snprintf(out + 7 + 2 * i, 3, "%02x", digest[i]);
    return 0;
}

static void write_body(const struct terminate_host *host, int64_t now, struct buf *out)
{
    struct json j = {.out = out};
    char time[CLOCK_RFC3339_SIZE];

    json_open(&j, '{');
    json_key(&j, "event");
    json_c(&j, "terminate");
    json_key(&j, "name");
    json_str(&j, host->name);
    json_key(&j, "address");
    if (host->address.n > 0)
        json_str(&j, host->address);
    else
        json_null(&j);
    json_key(&j, "id");
    json_str(&j, host->id);
    json_key(&j, "number");
    json_uint(&j, host->number);
    json_key(&j, "time");
    json_c(&j, clock_rfc3339(now, time));
    json_close(&j, '}');
}

static void on_answer(void *arg, const struct httpcall_answer *answer)
{
    struct termination *run = arg;
    char words[160];

    run->call = NULL;
    if (answer->error)
        str_format(words, sizeof(words), "%s", answer->words);
    else
        str_format(words, sizeof(words), "HTTP %u", answer->status);
    bool ok = !answer->error && answer->status >= 200 && answer->status < 300;
    terminate_end(run, &(struct terminate_end){.ok = ok, .words = str_c(words)});
}

static int webhook_run(struct termination *run, const struct terminate_host *host)
{
    struct terminator *t = run->terminator;
    int64_t now = clock_real_s();
    char stamp[24], stamp_line[64], signature[TERMINATE_SIGNATURE_SIZE], signature_line[128];
    struct buf body = {0};

    write_body(host, now, &body);
    snprintf(stamp, sizeof(stamp), "%lld", (long long)now);
    int r = body.error
                ? body.error
                : terminate_sign(buf_str(&t->secret), str_c(stamp), buf_str(&body), signature);
    if (r < 0)
        goto out;
    snprintf(stamp_line, sizeof(stamp_line), "X-Betterdns-Timestamp: %s", stamp);
    snprintf(signature_line, sizeof(signature_line), "X-Betterdns-Signature: %s", signature);
    const char *headers[] = {"Content-Type: application/json", stamp_line, signature_line, NULL};
    const struct httpcall_request request = {
        .method = "POST",
        .url = t->options->url,
        .headers = headers,
        .body = buf_str(&body),
        .timeout_ns = t->options->timeout_ms * NS_PER_MS,
    };
    r = httpcall_start(t->calls, &request, on_answer, run, &run->call);
out:
    buf_free(&body);
    return r;
}

static void webhook_cancel(struct termination *run)
{
    httpcall_cancel(run->call);
}

const struct terminator_kind terminate_webhook = {
    .name = "webhook",
    .open = webhook_open,
    .close = webhook_close,
    .tell = webhook_tell,
    .run = webhook_run,
    .cancel = webhook_cancel,
};
