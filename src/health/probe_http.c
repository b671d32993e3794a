/* http://:8080/healthz, and https: an answer with a status that is asked for, and perhaps a text in
 * its beginning. The connection goes to the record's address and nowhere else: a host in the URL is
 * the Host header and SNI, and never resolved. Without a host there is no name that a certificate
 * could be checked against: it is then encrypted, and not more. */
#include <stdio.h>
#include <stdlib.h>

#include <betterdns/clock.h>

#include "probe_kind.h"

#define BODY_MAX 4096

static bool may_reach(void *arg, const struct address *to, uint16_t port)
{
    const char *why;

    return probe_may_reach(arg, to, port, &why);
}

static bool is_wanted(const struct check_spec *spec, unsigned status)
{
    for (unsigned i = 0; i < spec->nstatus; i++)
        if (status >= spec->status[i].from && status <= spec->status[i].to)
            return true;
    return false;
}

static void on_answer(void *arg, const struct httpcall_answer *answer)
{
    struct probe *p = arg;
    const struct check_spec *spec = p->target.spec;
    const char *why;

    p->call = NULL;
    if (answer->error == -EACCES && !probe_may_reach(p, &p->target.to, spec->port, &why)) {
        probe_fenced(p, why);
        return;
    }
    if (answer->error == -EBADMSG || answer->error == -EPROTO) {
        probe_end(p, false, false, "%s", answer->words);
        return;
    }
    if (answer->error == -ENOKEY) {
        probe_unasked(p, answer->words);
        return;
    }
    if (answer->error < 0) {
        probe_failed(p, answer->error);
        return;
    }
    bool status = is_wanted(spec, answer->status);
    bool body = spec->body.n == 0 ||
                (answer->body.n > 0 &&
                 memmem(answer->body.p, answer->body.n, spec->body.p, spec->body.n) != NULL);
    probe_end(p, status && body, false, "HTTP %u in %u ms%s", answer->status, probe_ms(p),
              spec->body.n == 0 ? ""
              : body            ? ", the body matches"
                                : ", the body does not match");
}

/* The URL with the host that is meant: its own, or the record's address. */
static void add_url(const struct probe *p, struct buf *out)
{
    const struct check_spec *spec = p->target.spec;
    char text[ADDRESS_TEXT_MAX];
    struct str host = spec->host;

    if (host.n == 0)
        host = (struct str){text, address_text(&p->target.to, text)};
    bool six = memchr(host.p, ':', host.n) != NULL;
    buf_addf(out, "%s://%s%.*s%s:%u", check_kind_name(spec->kind), six ? "[" : "", STR_ARG(host),
             six ? "]" : "", spec->port);
    if (spec->path.n == 0 || spec->path.p[0] != '/')
        buf_add_c(out, '/');
    buf_add_str(out, spec->path);
    buf_add_c(out, '\0');
}

static int begin(struct probe *p)
{
    const struct check_spec *spec = p->target.spec;
    struct buf url = {0};

    add_url(p, &url);
    int r = url.error;
    if (r == 0) {
        const struct httpcall_request request = {
            .method = "GET",
            .url = url.p,
            .to = p->target.to,
            .port = spec->port,
            .allow = may_reach,
            .allow_arg = p,
            .any_name = spec->host.n == 0,
            .timeout_ns = spec->timeout_ms * NS_PER_MS,
            .answer_max = spec->body.n > 0 ? BODY_MAX : 0,
        };
        r = httpcall_start(p->prober->calls, &request, on_answer, p, &p->call);
    }
    buf_free(&url);
    if (r == -BD_EINVALID) { /* which check_read would not have let through */
        probe_end(p, false, false, "the URL cannot be asked");
        return 0;
    }
    return r;
}

const struct probe_kind probe_http = {begin};
