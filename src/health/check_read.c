/* The members of a check: one row of a table each, read from a request and from what is stored. */
#include "check_impl.h"

#include <betterdns/duration.h>

static const char *const state_names[] = {
    [CHECK_UNKNOWN] = "UNKNOWN",
    [CHECK_AVAILABLE] = "AVAILABLE",
    [CHECK_UNAVAILABLE] = "UNAVAILABLE",
};
_Static_assert(ARRAY_SIZE(state_names) == CHECK_NSTATES, "one name per state");

const char *check_state_name(enum check_state state)
{
    return state_names[state];
}

bool check_state_is_worse(enum check_state a, enum check_state b)
{
    static const unsigned char badness[] = {
        [CHECK_AVAILABLE] = 0, [CHECK_UNKNOWN] = 1, [CHECK_UNAVAILABLE] = 2};
    _Static_assert(ARRAY_SIZE(badness) == CHECK_NSTATES, "one a state");

    return badness[a] > badness[b];
}

int check_refuse(struct problem *problem, const char *hint, const char *format, ...)
{
    char text[sizeof(problem->detail)];
    va_list args;

    va_start(args, format);
    str_vformat(text, sizeof(text), format, args);
    va_end(args);
    problem_set(problem, -BD_EINVALID, NULL, "%s", text);
    return problem_hint(problem, "%s", hint);
}

static int read_time(struct str value, uint32_t least_ms, uint32_t most_ms, const char *example,
                     uint64_t *ret_ms, struct problem *problem)
{
    char from[DURATION_TEXT_SIZE], to[DURATION_TEXT_SIZE];
    uint64_t ms;

    int r = duration_parse(value, &ms);
    if (r == -EINVAL)
        return check_refuse(problem, example, "'%.*s' is not a time", STR_ARG(value));
    if (r < 0 || ms < least_ms || ms > most_ms)
        return check_refuse(problem, example, "'%.*s' is outside %s to %s", STR_ARG(value),
                            duration_text(least_ms, from), duration_text(most_ms, to));
    *ret_ms = ms;
    return 0;
}

static void add_time(struct buf *canonical, uint64_t ms)
{
    char text[DURATION_TEXT_SIZE];

    if (canonical)
        buf_add_str(canonical, str_c(duration_text(ms, text)));
}

/* A member that is a time, into its field. */
static int read_ms(struct str value, uint32_t least_ms, uint32_t most_ms, const char *example,
                   uint32_t *ret_ms, struct buf *canonical, struct problem *problem)
{
    uint64_t ms = 0;
    int r = read_time(value, least_ms, most_ms, example, &ms, problem);

    if (r < 0)
        return r;
    *ret_ms = (uint32_t)ms;
    add_time(canonical, ms);
    return 0;
}

static int read_interval(struct str value, struct check_spec *spec, struct buf *canonical,
                         struct problem *problem)
{
    return read_ms(value, 1000, 86400000, "check.interval=10s", &spec->interval_ms, canonical,
                   problem);
}

static int read_timeout(struct str value, struct check_spec *spec, struct buf *canonical,
                        struct problem *problem)
{
    return read_ms(value, 100, 60000, "check.timeout=5s", &spec->timeout_ms, canonical, problem);
}

static int read_grace(struct str value, struct check_spec *spec, struct buf *canonical,
                      struct problem *problem)
{
    return read_ms(value, 0, 3600000, "check.grace=30s", &spec->grace_ms, canonical, problem);
}

static int read_count(struct str value, unsigned *ret_count, const char *example,
                      struct buf *canonical, struct problem *problem)
{
    uint64_t n = 0;

    if (str_u64(value, CHECK_RISE_MAX, &n) < 0 || n == 0)
        return check_refuse(problem, example, "'%.*s' is not a number of 1 to %d", STR_ARG(value),
                            CHECK_RISE_MAX);
    *ret_count = (unsigned)n;
    if (canonical)
        buf_addf(canonical, "%u", *ret_count);
    return 0;
}

static int read_fall(struct str value, struct check_spec *spec, struct buf *canonical,
                     struct problem *problem)
{
    return read_count(value, &spec->fall, "check.fall=3", canonical, problem);
}

static int read_rise(struct str value, struct check_spec *spec, struct buf *canonical,
                     struct problem *problem)
{
    return read_count(value, &spec->rise, "check.rise=2", canonical, problem);
}

static int read_initial(struct str value, struct check_spec *spec, struct buf *canonical,
                        struct problem *problem)
{
    for (unsigned i = 0; i < CHECK_NSTATES; i++) {
        if (!str_eq_fold(value, str_c(state_names[i])))
            continue;
        spec->initial = (enum check_state)i;
        if (canonical)
            buf_add_str(canonical, str_c(state_names[i]));
        return 0;
    }
    return check_refuse(problem, "check.initial=UNKNOWN (or AVAILABLE, UNAVAILABLE)",
                        "'%.*s' is no state", STR_ARG(value));
}

/* RFC 9110 §15: three digits. */
static bool read_code(struct str text, uint16_t *ret_code)
{
    uint64_t n = 0;

    if (str_u64(text, 599, &n) < 0 || n < 100)
        return false;
    *ret_code = (uint16_t)n;
    return true;
}

static bool read_range(struct str text, struct check_status *ret_range)
{
    struct str rest = str_trim(text), from = {0};
    bool range = rest.n > 0 && memchr(rest.p, '-', rest.n);

    str_cut(&rest, '-', &from);
    return read_code(str_trim(from), &ret_range->from) &&
           read_code(range ? str_trim(rest) : str_trim(from), &ret_range->to) &&
           ret_range->from <= ret_range->to;
}

static int read_status(struct str value, struct check_spec *spec, struct buf *canonical,
                       struct problem *problem)
{
    const char *example = "check.status=200-399, or 200,204,301-302";
    struct str rest = value, text;
    unsigned n = 0;

    /* A comma at the end has nothing behind it. */
    bool ok = value.n > 0 && value.p[value.n - 1] != ',';
    while (ok && str_cut(&rest, ',', &text)) {
        if (n == CHECK_STATUSES)
            return check_refuse(problem, example, "more than %d ranges of status codes",
                                CHECK_STATUSES);
        ok = read_range(text, &spec->status[n++]);
    }
    if (!ok)
        return check_refuse(problem, example, "'%.*s' is no list of status codes of 100 to 599",
                            STR_ARG(value));
    spec->nstatus = n;
    for (unsigned i = 0; canonical && i < n; i++) {
        buf_addf(canonical, "%s%u", i ? "," : "", spec->status[i].from);
        if (spec->status[i].to != spec->status[i].from)
            buf_addf(canonical, "-%u", spec->status[i].to);
    }
    return 0;
}

static int read_body(struct str value, struct check_spec *spec, struct buf *canonical,
                     struct problem *problem)
{
    const char *example = "check.body=ready: a text of one line that occurs in the answer";

    if (value.n == 0 || value.n > CHECK_BODY_MAX)
        return check_refuse(problem, example, "a text of %zu octets; 1 to %d", value.n,
                            CHECK_BODY_MAX);
    for (size_t at = 0, step; at < value.n; at += step) {
        step = str_printable((struct str){value.p + at, value.n - at});
        if (step == 0)
            return check_refuse(problem, example, "octet %zu is not printable text", at + 1);
    }
    spec->body = value;
    if (canonical)
        buf_add_str(canonical, value);
    return 0;
}

static int read_deregister(struct str value, struct check_spec *spec, struct buf *canonical,
                           struct problem *problem)
{
    uint64_t ms = 0;

    if (str_eq_fold(value, STR("never"))) {
        spec->deregister_after_s = CHECK_NEVER;
        if (canonical)
            buf_add_str(canonical, STR("never"));
        return 0;
    }
    int r =
        read_time(value, 10000, 2592000000u, "check.deregister_after=2m, or never", &ms, problem);
    if (r < 0)
        return r;
    /* Rather a part of a second later than sooner. */
    spec->deregister_after_s = (uint32_t)((ms + 999) / 1000);
    add_time(canonical, UINT64_C(1000) * spec->deregister_after_s);
    return 0;
}

#define HTTP_ONLY (1u << CHECK_HTTP | 1u << CHECK_HTTPS)
#define PROBED (HTTP_ONLY | 1u << CHECK_TCP | 1u << CHECK_DNS | 1u << CHECK_EXEC)
#define ALL ((1u << CHECK_NKINDS) - 1)

/* In the order of a canonical text. */
static const struct member {
    const char *name, *field;
    check_value_fn *read;
    unsigned kinds; /* that have it */
} table[] = {
    {"url", "check", check_url_read, ALL},
    {"interval", "check.interval", read_interval, PROBED},
    {"timeout", "check.timeout", read_timeout, PROBED},
    {"fall", "check.fall", read_fall, ALL},
    {"rise", "check.rise", read_rise, ALL},
    {"initial", "check.initial", read_initial, ALL},
    {"grace", "check.grace", read_grace, ALL},
    {"status", "check.status", read_status, HTTP_ONLY},
    {"body", "check.body", read_body, HTTP_ONLY},
    {"deregister_after", "check.deregister_after", read_deregister, ALL},
};
#define NMEMBERS ARRAY_SIZE(table)

static size_t find_member(struct str name)
{
    size_t i = 0;

    while (i < NMEMBERS && !str_eq(name, str_c(table[i].name)))
        i++;
    return i;
}

static int refuse_unknown(struct str name, struct problem *problem)
{
    struct str_nearest near = {.word = name};

    for (size_t i = 0; i < NMEMBERS; i++)
        str_nearest_try(&near, str_c(table[i].name));
    check_refuse(
        problem,
        "it has url, interval, timeout, fall, rise, initial, grace, status, body, deregister_after",
        "a check has no '%.*s'", STR_ARG(name));
    if (near.best.n > 0)
        problem_hint(problem, "did you mean '%.*s'?", STR_ARG(near.best));
    problem->field = "check";
    return -BD_EINVALID;
}

/* Which member has which value; n 0 and p NULL: not given. */
static int sort_members(const struct check_member *members, size_t n, struct str ret[NMEMBERS],
                        struct problem *problem)
{
    for (size_t i = 0; i < n; i++) {
        size_t at = find_member(members[i].name);
        if (at == NMEMBERS)
            return refuse_unknown(members[i].name, problem);
        if (ret[at].p) {
            check_refuse(problem, "once is enough", "'%s' is given twice", table[at].name);
            problem->field = table[at].field;
            return -BD_EINVALID;
        }
        ret[at] = (struct str){members[i].value.p ? members[i].value.p : "", members[i].value.n};
    }
    if (ret[0].p)
        return 0;
    check_refuse(problem, "check.url: http://:8080/healthz", "a check needs a URL");
    problem->field = "check";
    return -BD_EINVALID;
}

/* Reads the value of table[at]; the URL must have been read. */
static int read_member(size_t at, struct str value, struct check_spec *spec, struct buf *canonical,
                       struct problem *problem)
{
    const struct member *m = &table[at];
    int r = 0;

    if (at > 0 && !(m->kinds & 1u << spec->kind))
        r = check_refuse(problem, "leave it out", "a check of kind %s has no %s",
                         check_kind_name(spec->kind), m->name);
    if (r == 0)
        r = m->read(value, spec, canonical, problem);
    if (r < 0)
        problem->field = m->field;
    return r;
}

int check_read(const struct check_member *members, size_t n, struct buf *ret_text,
               struct problem *ret_problem)
{
    struct str values[NMEMBERS] = {{NULL, 0}};
    struct check_spec spec = {0};
    size_t start = ret_text->n;

    int r = sort_members(members, n, values, ret_problem);
    for (size_t i = 0; r == 0 && i < NMEMBERS; i++) {
        if (!values[i].p)
            continue;
        buf_addf(ret_text, "%s ", table[i].name);
        r = read_member(i, values[i], &spec, ret_text, ret_problem);
        buf_add_c(ret_text, '\n');
    }
    if (r == 0 && ret_text->error)
        r = ret_text->error;
    if (r < 0)
        ret_text->n = start;
    return r;
}

bool check_next(struct str *text, struct check_member *ret_member)
{
    struct str rest = *text, line = {0}, name = {0};

    if (!str_cut(&rest, '\n', &line) || !str_cut(&line, ' ', &name) || line.n == 0)
        return false;
    *ret_member = (struct check_member){name, line};
    *text = rest;
    return true;
}

static void add_defaults(const struct check_defaults *d, struct check_spec *s)
{
    if (s->interval_ms == 0)
        s->interval_ms = d->interval_ms;
    /* A default shall not make probes slower than the interval that was asked for. */
    if (s->timeout_ms == 0)
        s->timeout_ms = d->timeout_ms < s->interval_ms ? d->timeout_ms : s->interval_ms;
    if (s->fall == 0)
        s->fall = s->kind == CHECK_TTL ? 1 : d->fall;
    if (s->rise == 0)
        s->rise = s->kind == CHECK_TTL ? 1 : d->rise;
    if (s->nstatus == 0 && (HTTP_ONLY & 1u << s->kind)) {
        s->status[0] = (struct check_status){200, 399};
        s->nstatus = 1;
    }
    if (s->deregister_after_s == 0)
        s->deregister_after_s = d->deregister_after_s;
}

int check_parse(struct str text, const struct check_defaults *defaults, struct check_spec *ret_spec)
{
    struct check_spec spec = {0};
    struct check_member m;
    struct problem ignored;
    size_t next = 0;

    while (text.n > 0) {
        if (!check_next(&text, &m))
            return -BD_EINVALID;
        size_t at = find_member(m.name);
        /* Each at most once, in order, and the URL in any case. */
        if (at == NMEMBERS || at < next || (next == 0 && at != 0))
            return -BD_EINVALID;
        int r = read_member(at, m.value, &spec, NULL, &ignored);
        if (r < 0)
            return r;
        next = at + 1;
    }
    if (next == 0)
        return -BD_EINVALID;
    add_defaults(defaults, &spec);
    *ret_spec = spec;
    return 0;
}
