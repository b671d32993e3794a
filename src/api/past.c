/* The zones as they were. */
#include "past.h"

#include <betterdns/history.h>

int past_hint(const struct api *api, struct problem *p)
{
    struct snap *now = registry_snapshot(api->registry);
    uint64_t last = snap_seq(now), oldest = registry_oldest(api->registry);

    snap_put(now);
    return problem_hint(p,
                        "what was after the changes %llu to %llu is kept; GET /changes lists them",
                        (unsigned long long)oldest, (unsigned long long)last);
}

static int read_number(struct str text, const char *name, uint64_t most, uint64_t *ret_number,
                       struct problem *problem)
{
    if (str_u64(text, most, ret_number) == 0)
        return 0;
    return problem_set(problem, -BD_ESYNTAX, name, "%s is a number, not '%.*s'", name,
                       STR_ARG(text));
}

static int cannot_read(int error, struct problem *problem)
{
    return problem_set(problem, error, NULL, "the history cannot be read: %s", bd_strerror(error));
}

static int read_serial(const struct api *api, struct str text, const struct filter *filter,
                       uint64_t *ret_seq, struct problem *problem)
{
    char name[DNAME_TEXT_MAX];
    uint64_t serial;
    unsigned zone;

    if (!filter->one_zone && api->nzones > 1)
        return problem_set(problem, -BD_ESYNTAX, "zone",
                           "a serial is one zone's, and there are several: give zone too");
    int r = read_number(text, "serial", UINT32_MAX, &serial, problem);
    if (r < 0)
        return r;
    zone = filter->one_zone ? filter->zone : 0;
    r = registry_seq_at_serial(api->registry, zone, (uint32_t)serial, ret_seq);
    if (r == -BD_ENOTFOUND) {
        dname_to_text(&api->origins[zone], name);
        problem_set(problem, r, "serial", "%.200s at serial %llu is not kept", name,
                    (unsigned long long)serial);
        return past_hint(api, problem);
    }
    return r < 0 ? cannot_read(r, problem) : 0;
}

int past_read(const struct api *api, const struct http_request *rq, const struct filter *filter,
              struct snap **ret_snap, struct problem *ret_problem)
{
    struct str seq_text = http_query(rq, "seq"), serial_text = http_query(rq, "serial");
    uint64_t seq = 0;
    int r = 0;

    *ret_snap = NULL;
    if (!seq_text.p && !serial_text.p)
        return 0;
    if (seq_text.p && serial_text.p)
        return problem_set(ret_problem, -BD_ESYNTAX, "serial", "give seq or serial, not both");
    if (seq_text.p)
        r = read_number(seq_text, "seq", INT64_MAX, &seq, ret_problem);
    else
        r = read_serial(api, serial_text, filter, &seq, ret_problem);
    if (r < 0)
        return r;
    r = registry_at(api->registry, seq, ret_snap);
    if (r == -BD_ENOTFOUND) {
        problem_set(ret_problem, r, "seq", "what was after change %llu is not kept",
                    (unsigned long long)seq);
        return past_hint(api, ret_problem);
    }
    return r < 0 ? cannot_read(r, ret_problem) : 0;
}
