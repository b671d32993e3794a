/* The HTTP client of the command line. */
#include "client.h"

#include <stdio.h>
#include <stdlib.h>

#include <curl/curl.h>

#include <betterdns/file.h>
#include <betterdns/http.h>
#include <betterdns/version.h>

#define DEFAULT_SERVER "http://127.0.0.1:8000"
#define BODY_MAX ((size_t)1 << 30)
#define TOKEN_MAX 4096
#define CONNECT_S 5L
#define SILENCE_S 60L /* longer than the server itself takes for any answer */

/* ---- the request ---- */

static void add_encoded(struct buf *out, const char *text)
{
    static const char digits[] = "0123456789ABCDEF";

    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text, lower = ascii_lower(c);
        if ((lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || strchr("-._~", c)) {
            buf_add_c(out, (char)c);
            continue;
        }
        buf_add_c(out, '%');
        buf_add_c(out, digits[c >> 4]);
        buf_add_c(out, digits[c & 15]);
    }
}

void call_path(struct call *c, const char *literal)
{
    buf_add_str(&c->target, str_c(literal));
}

void call_segment(struct call *c, const char *text)
{
    buf_add_c(&c->target, '/');
    /* Anything that shortens paths would take these for "here" and "above". */
    if (strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
        buf_addf(&c->target, text[1] ? "%%2E%%2E" : "%%2E");
    else
        add_encoded(&c->target, text);
}

static void add_pair(struct buf *out, char before, const char *name, const char *value)
{
    if (before)
        buf_add_c(out, before);
    buf_addf(out, "%s=", name);
    add_encoded(out, value);
}

void call_query(struct call *c, const char *name, const char *value)
{
    const bool first = !c->target.n || !memchr(c->target.p, '?', c->target.n);

    if (value)
        add_pair(&c->target, first ? '?' : '&', name, value);
}

void call_field(struct call *c, const char *name, const char *value)
{
    if (value)
        add_pair(&c->form, c->form.n ? '&' : '\0', name, value);
}

void call_free(struct call *c)
{
    buf_free(&c->target);
    buf_free(&c->form);
}

/* ---- the server ---- */

struct server {
    struct buf url; /* NUL-terminated, with the target */
    bool loopback;  /* no proxy is asked */
};

static bool part_is_set(CURLU *u, CURLUPart part)
{
    char *text = NULL;
    const bool set = curl_url_get(u, part, &text, 0) == CURLUE_OK;

    curl_free(text);
    return set;
}

static bool is_loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
           strcmp(host, "[::1]") == 0;
}

/* What --server names, and the target behind it. */
static int read_server(const char *text, CURLU *u, const struct call *call, struct server *server)
{
    char *base = NULL, *host = NULL;
    int code = EXIT_USAGE;

    if (curl_url_set(u, CURLUPART_URL, text, CURLU_GUESS_SCHEME) != CURLUE_OK ||
        curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
        curl_url_get(u, CURLUPART_URL, &base, 0) != CURLUE_OK ||
        (strncmp(base, "http://", 7) != 0 && strncmp(base, "https://", 8) != 0)) {
        cli_fail(code, "'%s' is no URL of a server: http://ADDRESS:PORT", text);
    } else if (part_is_set(u, CURLUPART_USER) || part_is_set(u, CURLUPART_PASSWORD)) {
        cli_fail(code, "a URL with a user is not taken: a token goes into a file, --token-file");
    } else if (part_is_set(u, CURLUPART_QUERY) || part_is_set(u, CURLUPART_FRAGMENT)) {
        cli_fail(code, "'%s': the URL of a server ends with its path", text);
    } else {
        struct str s = str_c(base);
        while (s.n > 0 && s.p[s.n - 1] == '/')
            s.n--;
        buf_add_str(&server->url, s);
        buf_add_str(&server->url, buf_str(&call->target));
        buf_add_c(&server->url, '\0');
        server->loopback = is_loopback(host);
        code = server->url.error ? cli_fail(EXIT_ERROR, "no memory") : EXIT_OK;
    }
    curl_free(base);
    curl_free(host);
    return code;
}

/* ---- --curl ---- */

/* The token itself is not shown: the shell reads its file. */
static void print_curl(const struct cli *cli, const struct call *call, const struct server *server,
                       struct buf *out)
{
    const char *token_file = cli->options[OPTION_TOKEN_FILE];

    buf_addf(out, "curl -fsS");
    if (server->loopback)
        buf_addf(out, " --noproxy '*'");
    if (strstr(server->url.p, "%2E")) /* newer ones take "%2E%2E" for "..", which leads upwards */
        buf_addf(out, " --path-as-is");
    if (strcmp(call->method, "GET") != 0 && call->form.n == 0)
        buf_addf(out, " -X %s", call->method);
    if (token_file) {
        buf_addf(out, " -H \"Authorization: Bearer $(cat -- ");
        cli_add_quoted(out, token_file);
        buf_addf(out, ")\"");
    }
    if (call->form.n > 0)
        buf_addf(out, " -d '%.*s'", STR_ARG(buf_str(&call->form))); /* encoded: no quotes in it */
    buf_add_c(out, ' ');
    cli_add_quoted(out, server->url.p);
    buf_add_c(out, '\n');
}

/* ---- sending ---- */

static size_t take_body(char *bytes, size_t size, size_t n, void *arg)
{
    struct buf *body = arg;

    if (size * n > BODY_MAX - body->n)
        return 0;
    buf_add(body, bytes, size * n);
    return body->error ? 0 : size * n;
}

/* "Authorization: Bearer …"; nothing without --token-file. */
static int add_token(const char *file, struct curl_slist **headers)
{
    struct buf line = {0};
    struct curl_slist *longer;
    int code = EXIT_OK;

    if (!file)
        return code;
    buf_addf(&line, "Authorization: Bearer ");
    int r = file_read(file, TOKEN_MAX, &line);
    while (line.n > 0 && memchr("\r\n \t", line.p[line.n - 1], 4))
        line.n--;
    buf_add_c(&line, '\0');
    if (r == 0 && line.error == 0 && strpbrk(line.p, "\r\n")) {
        code = cli_fail(EXIT_INVALID, "%s: a token is one line", file);
    } else if (r < 0 || line.error || !(longer = curl_slist_append(*headers, line.p))) {
        r = r < 0 ? r : -ENOMEM;
        code = cli_fail(app_exit_code(r), "%s: %s", file, bd_strerror(r));
    } else {
        *headers = longer;
    }
    buf_free(&line);
    return code;
}

static void set_options(CURL *curl, const struct call *call, const struct server *server,
                        const struct curl_slist *headers, struct buf *body)
{
    char agent[64]; /* copied */

    snprintf(agent, sizeof(agent), "betterdns/%.40s", bd_version());
    curl_easy_setopt(curl, CURLOPT_URL, server->url.p);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, agent);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_S);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, SILENCE_S);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
    if (server->loopback)
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
    if (strcmp(call->method, "POST") == 0) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)call->form.n);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->form.n ? call->form.p : "");
    }
}

static int exit_code_of(long status)
{
    switch (status) {
    case 202: return EXIT_TIMEOUT;
    case 404: return EXIT_NOT_FOUND;
    case 409:
    case 412: return EXIT_CONFLICT;
    case 401:
    case 403: return EXIT_NOT_ALLOWED;
    case 400:
    case 413:
    case 415:
    case 422: return EXIT_INVALID;
    default: return status >= 200 && status < 300 ? EXIT_OK : EXIT_ERROR;
    }
}

/* In the server's own words where it has some: a problem's detail, or the reason of a 202. */
static int say_failure(const char *server, long status, struct str body)
{
    const int code = exit_code_of(status);
    struct str value;
    struct buf text = {0}, hint = {0};
    const bool json = json_check(body) == 0;

    if (json && json_member(body, "hint", &value))
        json_text(value, &hint);
    if (json && json_member(body, status == 202 ? "reason" : "detail", &value))
        json_text(value, &text);
    if (text.n > 0)
        cli_fail(code, "%s%.*s", status == 202 ? "the change is made, but not served yet: " : "",
                 STR_ARG(buf_str(&text)));
    else
        cli_fail(code, "%s answered with status %ld", server, status);
    if (hint.n > 0)
        cli_hint(buf_str(&hint));
    buf_free(&text);
    buf_free(&hint);
    return code;
}

static int say_no_answer(CURL *curl, CURLcode error, const struct server *server, const char *words)
{
    curl_off_t connected = 0;
    const char *text = words[0] ? words : curl_easy_strerror(error);

    curl_easy_getinfo(curl, CURLINFO_CONNECT_TIME_T, &connected);
    if (error == CURLE_OPERATION_TIMEDOUT && connected > 0)
        return cli_fail(EXIT_TIMEOUT, "%s: %s", server->url.p, text);
    if (error == CURLE_WRITE_ERROR)
        return cli_fail(EXIT_ERROR, "%s: the answer is too large", server->url.p);
    cli_fail(EXIT_UNREACHABLE, "%s: %s", server->url.p, text);
    cli_hint(STR("is betterdns running there? --server URL or BETTERDNS_SERVER names it"));
    return EXIT_UNREACHABLE;
}

/* ret_status not NULL: whatever the status is, no word is said, and 0 is that nobody answers. */
static int perform(const struct cli *cli, const struct call *call, const struct server *server,
                   struct buf *out, long *ret_status)
{
    char words[CURL_ERROR_SIZE] = "";
    struct curl_slist *headers = NULL;
    struct buf body = {0};
    long status = 0;
    CURL *curl = curl_easy_init();

    if (!curl)
        return cli_fail(EXIT_ERROR, "no memory");
    int code = add_token(cli->options[OPTION_TOKEN_FILE], &headers);
    if (code != EXIT_OK)
        goto out;
    set_options(curl, call, server, headers, &body);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, words);
    CURLcode error = curl_easy_perform(curl);
    if (error != CURLE_OK && ret_status && !body.error) {
        *ret_status = 0;
        goto out;
    }
    if (error != CURLE_OK) {
        code = body.error ? cli_fail(EXIT_ERROR, "no memory")
                          : say_no_answer(curl, error, server, words);
        goto out;
    }
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (ret_status)
        *ret_status = status;
    else
        code = exit_code_of(status);
    if (code != EXIT_OK)
        say_failure(server->url.p, status, buf_str(&body));
    else
        buf_add_str(out, buf_str(&body));
out:
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    buf_free(&body);
    return code;
}

static int ask(const struct cli *cli, const struct call *call, struct buf *out, bool *ret_sent,
               long *ret_status)
{
    const char *text = cli_setting(cli, OPTION_SERVER, "BETTERDNS_SERVER");
    struct server server = {.loopback = false};
    int code = EXIT_ERROR;

    if (call->target.error || call->form.error || curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
        return cli_fail(code, "no memory");
    CURLU *u = curl_url();
    if (!u) {
        cli_fail(code, "no memory");
        goto out;
    }
    code = read_server(text ? text : DEFAULT_SERVER, u, call, &server);
    *ret_sent = !cli->options[OPTION_CURL];
    if (code == EXIT_OK && *ret_sent)
        code = perform(cli, call, &server, out, ret_status);
    else if (code == EXIT_OK)
        print_curl(cli, call, &server, out);
out:
    curl_url_cleanup(u);
    curl_global_cleanup();
    buf_free(&server.url);
    return code;
}

int client_send(const struct cli *cli, const struct call *call, struct buf *out, bool *ret_sent)
{
    return ask(cli, call, out, ret_sent, NULL);
}

int client_try(const struct cli *cli, const struct call *call, struct buf *out, long *ret_status)
{
    bool sent = false;

    return ask(cli, call, out, &sent, ret_status);
}

int client_refusal(long status, struct str body)
{
    return say_failure("the server", status, body);
}
