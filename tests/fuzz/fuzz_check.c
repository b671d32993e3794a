/* Any octets as a check's members (a line "NAME VALUE" each) and as a stored text: what is taken is
 * bounded printable text that, read again, gives itself and means the same. */
#include <stdlib.h>

#include <betterdns/check.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
    if (!ok)
        abort();
}

static size_t split(struct str text, struct check_member members[16])
{
    struct str line, name;
    size_t n = 0;

    while (n < 16 && str_cut(&text, '\n', &line)) {
        name = (struct str){line.p, 0};
        str_cut(&line, ' ', &name);
        members[n++] = (struct check_member){name, line};
    }
    return n;
}

static void in_bounds(const struct check_spec *s)
{
    require(s->interval_ms >= 1000 && s->interval_ms <= 86400000);
    require(s->timeout_ms >= 100 && s->timeout_ms <= 60000 && s->grace_ms <= 3600000);
    require(s->fall >= 1 && s->fall <= CHECK_RISE_MAX && s->rise >= 1);
    require(s->rise <= CHECK_RISE_MAX && s->deregister_after_s >= 10);
    require(s->nstatus <= CHECK_STATUSES && s->initial < CHECK_NSTATES && s->kind < CHECK_NKINDS);
    require((s->kind != CHECK_TTL && s->kind != CHECK_EXEC) == (s->port != 0));
    require((s->kind == CHECK_TTL) == (s->ttl_ms != 0));
    for (size_t i = 0; i < s->host.n; i++)
        require(s->host.p[i] > ' ' && s->host.p[i] < 0x7f && !strchr("@/[]\\?#", s->host.p[i]));
    for (size_t i = 0; i < s->path.n; i++)
        require(s->path.p[i] > ' ' && s->path.p[i] < 0x7f && s->path.p[i] != '#');
}

static void reads_itself(struct str text)
{
    struct check_member members[16];
    struct check_spec spec;
    struct problem problem = {0};
    struct buf again = {0};

    require(text.n <= CHECK_TEXT_MAX);
    require(check_parse(text, &CHECK_DEFAULTS, &spec) == 0);
    in_bounds(&spec);
    require(check_read(members, split(text, members), &again, &problem) == 0);
    require(str_eq(text, buf_str(&again)));
    buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct str input = {(const char *)data, size};
    struct check_member members[16];
    struct problem problem = {0};
    struct check_spec spec;
    struct buf text = {0};

    int r = check_read(members, split(input, members), &text, &problem);
    require(r == 0 ||
            (problem.error == r && problem.field && problem.detail[0] && problem.hint[0]));
    require(r == 0 || text.n == 0);
    if (r == 0)
        reads_itself(buf_str(&text));
    if (check_parse(input, &CHECK_DEFAULTS, &spec) == 0)
        in_bounds(&spec);
    buf_free(&text);
    return 0;
}
