/* The values of a write. */
#include "values.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "names.h"

#define SHOWN_MAX 80 /* of a value in a message */

static bool is_address(int family, struct str text)
{
    uint8_t address[16];
    char copy[64];

    if (text.n >= sizeof(copy) || text.n == 0)
        return false;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    return inet_pton(family, copy, address) == 1;
}

/* A ';' outside quotes begins a comment in presentation form: what stands behind it would be lost
 * without a word. */
static bool has_comment(struct str text)
{
    bool quoted = false;

    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\\')
            i++;
        else if (text.p[i] == '"')
            quoted = !quoted;
        else if (text.p[i] == ';' && !quoted)
            return true;
    }
    return false;
}

static int comment(const struct rrtype *type, struct str text, size_t i, size_t n,
                   struct problem *problem)
{
    if (n > 1)
        problem_set(problem, -BD_EINVALID, "values",
                    "values[%zu] has a ';' outside quotes, which begins a comment", i);
    else
        problem_set(problem, -BD_EINVALID, "value",
                    "the value has a ';' outside quotes, which begins a comment");
    if (type->code == RRTYPE_TXT && !memchr(text.p, '"', text.n))
        return problem_hint(problem, "quote it: \"%.*s\"", STR_ARG(text));
    return problem_hint(problem, "in text, quote it or write '\\;'");
}

static int hint(const struct rrtype *type, struct str text, const struct lex_error *error,
                struct problem *problem)
{
    if (type->code == RRTYPE_A && is_address(AF_INET6, text))
        return problem_hint(problem, "an IPv6 address goes to /aaaa");
    if (type->code == RRTYPE_AAAA && is_address(AF_INET, text))
        return problem_hint(problem, "an IPv4 address goes to /a");
    if (error->hint[0])
        return problem_hint(problem, "%s", error->hint);
    return problem_hint(problem, "for example: %s", type->example);
}

static int fault(const struct rrtype *type, struct str text, size_t i, size_t n,
                 const struct lex_error *error, struct problem *problem)
{
    int shown = (int)(text.n < SHOWN_MAX ? text.n : SHOWN_MAX);
    const char *more = text.n > SHOWN_MAX ? "…" : "";
    const char *p = text.p ? text.p : "";

    if (n > 1)
        problem_set(problem, -BD_EINVALID, "values", "values[%zu], '%.*s%s', is not a valid %s: %s",
                    i, shown, p, more, type->name, error->message);
    else
        problem_set(problem, -BD_EINVALID, "value", "'%.*s%s' is not a valid %s: %s", shown, p,
                    more, type->name, error->message);
    return hint(type, text, error, problem);
}

/* What values_read works on; the octets of all records behind one another in wire. */
struct reading {
    struct rdata *rdata; /* on the heap: too large for a thread's stack */
    struct str *records;
    struct buf wire;
    struct lex_error error;
};

static int to_wire(const struct api *api, const struct rrtype *type, const struct str *texts,
                   size_t n, struct reading *rd, struct problem *problem)
{
    struct dname_rules rules = names_rules(api);

    for (size_t i = 0; i < n; i++) {
        if (has_comment(texts[i]))
            return comment(type, texts[i], i, n, problem);
        int r = rdata_from_text(type->code, texts[i], &rules, rd->rdata, &rd->error);
        if (r == -ENOMEM)
            return r;
        if (r < 0)
            return fault(type, texts[i], i, n, &rd->error, problem);
        buf_add(&rd->wire, rd->rdata->b, rd->rdata->n);
        rd->records[i].n = rd->rdata->n;
    }
    if (rd->wire.error)
        return rd->wire.error;
    /* Only now: the buffer moves while it grows. */
    const char *at = rd->wire.p;
    for (size_t i = 0; i < n; i++) {
        rd->records[i].p = at;
        at = at ? at + rd->records[i].n : NULL;
    }
    return 0;
}

int values_read(const struct api *api, const struct rrtype *type, const struct str *texts, size_t n,
                struct values *ret_values, struct problem *ret_problem)
{
    struct reading *rd = calloc(1, sizeof(*rd));
    struct values v;
    int r = -ENOMEM;

    if (!rd)
        goto out;
    rd->rdata = malloc(sizeof(*rd->rdata));
    rd->records = calloc(n, sizeof(*rd->records));
    if (!rd->rdata || !rd->records)
        goto out;
    r = to_wire(api, type, texts, n, rd, ret_problem);
    if (r < 0)
        goto out;
    r = rdset_pack(type->code, rd->records, n, &v.bytes, &v.set);
    if (r == 0)
        *ret_values = v;
out:
    if (r == -ENOMEM)
        problem_set(ret_problem, r, NULL, "no memory");
    if (rd) {
        buf_free(&rd->wire);
        free(rd->records);
        free(rd->rdata);
    }
    free(rd);
    return r;
}

void values_free(struct values *v)
{
    free(v->bytes);
    *v = (struct values){.bytes = NULL};
}

int values_of_caller(const struct http_request *rq, const struct rrtype *type, struct str *ret_text,
                     struct problem *ret_problem)
{
    struct str client = http_client(rq);
    bool v4 = type->code == RRTYPE_A, v6 = type->code == RRTYPE_AAAA;

    if (!v4 && !v6) {
        problem_set(ret_problem, -BD_EINVALID, "value", "the value is missing");
        return problem_hint(ret_problem, "for example: value=%s", type->example);
    }
    if (http_client_is_proxy(rq)) {
        problem_set(ret_problem, -BD_EINVALID, "value",
                    "no value given, and the proxy %.*s does not say whose request this is",
                    STR_ARG(client));
        return problem_hint(ret_problem,
                            "give one: -d value=%s, or let the proxy send "
                            "X-Forwarded-For (see examples/)",
                            type->example);
    }
    if (http_client_is_loopback(rq)) {
        problem_set(ret_problem, -BD_EINVALID, "value",
                    "no value given, and the caller's own address is loopback");
        return problem_hint(ret_problem, "give one: -d value=%s", type->example);
    }
    if (!is_address(v4 ? AF_INET : AF_INET6, client)) {
        problem_set(ret_problem, -BD_EINVALID, "value",
                    "no value given, and the caller's own address, %.*s, does not fit %s",
                    STR_ARG(client), type->name);
        return problem_hint(ret_problem, "give one: -d value=%s, or use %s", type->example,
                            v4 ? "/aaaa" : "/a");
    }
    *ret_text = client;
    return 0;
}
