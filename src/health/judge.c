/* Whether a request may ask for a check. */
#include "engine.h"
#include "fence.h"

#define NO_ADDRESS_HINT "a host can report by itself: check=ttl:60s"

static bool has_command(const struct health_options *o, struct str name)
{
    for (unsigned i = 0; i < o->ncommands; i++)
        if (str_eq(o->commands[i].name, name))
            return true;
    return false;
}

static int no_command(const struct health_options *o, struct str name, struct problem *problem)
{
    struct buf names = {0};

    for (unsigned i = 0; i < o->ncommands && names.n < 100; i++)
        buf_addf(&names, "%s%.*s", i ? ", " : "", STR_ARG(o->commands[i].name));
    problem_set(problem, -BD_EINVALID, "check", "there is no check exec:%.*s", STR_ARG(name));
    if (names.n > 0 && !names.error)
        problem_hint(problem, "checks.exec of the configuration has %.*s",
                     STR_ARG(buf_str(&names)));
    else
        problem_hint(problem, "such checks are in the configuration alone: checks.exec");
    buf_free(&names);
    return -BD_EINVALID;
}

static int judge_address(const struct health_options *o, const struct health_request *request,
                         uint16_t port, struct problem *problem)
{
    const struct fence fence = {o->allow, o->nallow, o->own, o->nown};
    struct fence_ask ask = {.to = address_from(request->address, request->naddress), .port = port};
    char text[ADDRESS_TEXT_MAX];
    const char *why = "";

    if (address_parse(request->caller, &ask.caller) < 0)
        ask.caller.family = AF_UNSPEC;
    if (fence_allows(&fence, &ask, &why))
        return 0;
    address_text(&ask.to, text);
    problem_set(problem, -BD_EINVALID, "check", "%s %s: no check goes there", text, why);
    return problem_hint(
        problem, "checks.allow of the configuration opens it: allow: [%s]; or " NO_ADDRESS_HINT,
        text);
}

int health_judge(const struct health *h, const struct health_request *request,
                 struct problem *ret_problem)
{
    const struct health_options *o = &h->engine.options;
    struct check_spec spec;

    if (check_parse(request->check, &o->defaults, &spec) < 0)
        return problem_set(ret_problem, -BD_EINVALID, "check", "this is no check");
    if (spec.kind == CHECK_TTL)
        return 0;
    if (request->naddress == 0) {
        problem_set(ret_problem, -BD_EINVALID, "check",
                    "only A and AAAA records have an address for a check to go to");
        return problem_hint(ret_problem, NO_ADDRESS_HINT);
    }
    if (spec.kind == CHECK_EXEC && !has_command(o, spec.path))
        return no_command(o, spec.path, ret_problem);
    return judge_address(o, request, spec.port, ret_problem);
}
