/* How a request is to be answered. */
#include "options.h"

#include <betterdns/clock.h>
#include <betterdns/duration.h>

#define TIMEOUT_DEFAULT_MS 5000
#define TIMEOUT_MOST_MS 60000

static int read_wait(const struct http_request *rq, struct options *o, struct problem *problem)
{
    struct str wait = http_query(rq, "wait"), timeout = http_query(rq, "timeout");
    uint64_t ms = TIMEOUT_DEFAULT_MS;

    if (wait.p && !str_eq(wait, STR("served")) && !str_eq(wait, STR("committed")))
        return problem_set(problem, -BD_ESYNTAX, "wait",
                           "wait is 'served' or 'committed', not '%.*s'", STR_ARG(wait));
    o->wait_served = str_eq(wait, STR("served"));
    if (timeout.p && duration_parse(timeout, &ms) < 0) {
        problem_set(problem, -BD_ESYNTAX, "timeout", "'%.*s' is not a time", STR_ARG(timeout));
        return problem_hint(problem, "a number with a unit: timeout=500ms, timeout=2s");
    }
    o->timeout_ns = NS_PER_MS * (ms < TIMEOUT_MOST_MS ? ms : TIMEOUT_MOST_MS);
    return 0;
}

static int read_flag(struct str text, const char *name, bool *ret_flag, struct problem *problem)
{
    bool yes = str_eq(text, STR("1")) || str_eq(text, STR("true"));
    bool no = !text.p || str_eq(text, STR("0")) || str_eq(text, STR("false"));

    /* Anything else might be meant as either, and one of them writes. */
    if (!yes && !no)
        return problem_set(problem, -BD_ESYNTAX, name, "%s is 1 or 0, not '%.*s'", name,
                           STR_ARG(text));
    *ret_flag = yes;
    return 0;
}

int options_read(const struct http_request *rq, struct options *ret_options,
                 struct problem *ret_problem)
{
    struct options o = {.wait_served = false};
    struct str back = http_query(rq, "return");
    int r;

    r = read_wait(rq, &o, ret_problem);
    if (r < 0)
        return r;
    r = read_flag(http_query(rq, "dry_run"), "dry_run", &o.dry_run, ret_problem);
    if (r < 0)
        return r;
    o.return_manifest = str_eq(back, STR("manifest"));
    if (back.p && !o.return_manifest && !str_eq(back, STR("record")))
        return problem_set(ret_problem, -BD_ESYNTAX, "return",
                           "return is 'record' or 'manifest', not '%.*s'", STR_ARG(back));
    *ret_options = o;
    return 0;
}

int options_limit(const struct http_request *rq, uint64_t fallback, uint64_t most,
                  uint64_t *ret_limit, struct problem *ret_problem)
{
    struct str text = http_query(rq, "limit");
    uint64_t limit = fallback;

    if (text.p && (str_u64(text, most, &limit) < 0 || limit == 0))
        return problem_set(ret_problem, -BD_ESYNTAX, "limit",
                           "limit is a number from 1 to %llu, not '%.*s'", (unsigned long long)most,
                           STR_ARG(text));
    *ret_limit = limit;
    return 0;
}
