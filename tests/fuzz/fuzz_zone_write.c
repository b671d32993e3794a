/* Any well-formed record to text in each spelling, and back: the same record, nothing else. The
 * input: type, TTL, owner in wire form, rdata. */
#include <stdio.h>
#include <stdlib.h>

#include <betterdns/zonefile.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct expectation {
    struct zp_record record;
    struct str text;
    unsigned seen;
};

static void differ(const struct expectation *x, const char *what)
{
    fprintf(stderr, "%s: %.*s\n", what, STR_ARG(x->text));
    abort();
}

static int compare(void *arg, const struct zp_record *got)
{
    struct expectation *x = arg;
    const struct zp_record *want = &x->record;

    x->seen++;
    if (got->owner.n != want->owner.n || memcmp(got->owner.b, want->owner.b, want->owner.n) != 0)
        differ(x, "another owner");
    if (got->type != want->type || got->class != want->class || got->ttl != want->ttl)
        differ(x, "another type, class or TTL");
    if (got->nrdata != want->nrdata || memcmp(got->rdata, want->rdata, want->nrdata) != 0)
        differ(x, "other rdata");
    return 0;
}

static void read_back(struct expectation *x, struct buf *text, const struct dname *origin)
{
    struct zp_options options = {.origin = *origin, .default_ttl = UINT32_MAX, .any_owner = true};

    x->text = buf_str(text);
    x->seen = 0;
    if (text->error || zp_parse(x->text, &options, compare, x) != 0 || x->seen != 1)
        differ(x, "not read back");
    buf_reset(text);
}

static bool is_stored(uint16_t type)
{
    return type != 0 && type != 41 && (type < 128 || type > 255);
}

/* The first label away: some origin above the owner. */
static struct dname parent(const struct dname *name)
{
    struct dname up = {.n = 1};
    size_t skip = name->n > 1 ? name->b[0] + 1U : 0;

    up.n = (uint8_t)(name->n - skip);
    memcpy(up.b, name->b + skip, up.n);
    return up;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct expectation x = {.record.class = 1};
    struct rdset set;
    struct dname origin;
    struct buf text = {.p = NULL};
    uint8_t *packed;
    int n;

    if (size < 6)
        return 0;
    x.record.type = (uint16_t)(data[0] << 8 | data[1]);
    memcpy(&x.record.ttl, data + 2, 4);
    x.record.ttl &= INT32_MAX;
    n = dname_from_wire(data + 6, size - 6, &x.record.owner);
    if (n < 0 || !is_stored(x.record.type) || size - 6 - (size_t)n > RDATA_MAX)
        return 0;
    x.record.rdata = data + 6 + n;
    x.record.nrdata = (uint16_t)(size - 6 - (size_t)n);
    if (rdata_check(x.record.type, x.record.rdata, x.record.nrdata) < 0)
        return 0;
    packed = malloc(2U + x.record.nrdata);
    if (!packed)
        return 0;
    packed[0] = (uint8_t)(x.record.nrdata >> 8);
    packed[1] = (uint8_t)x.record.nrdata;
    memcpy(packed + 2, x.record.rdata, x.record.nrdata);
    set = (struct rdset){packed, 2U + x.record.nrdata, 1};
    origin = parent(&x.record.owner);

    zp_write_rrset(&x.record.owner, x.record.type, x.record.ttl, &set, &text);
    read_back(&x, &text, &origin);
    zp_write_people(&x.record.owner, &origin, x.record.type, x.record.ttl, &set, &text);
    read_back(&x, &text, &origin);
    dname_fold(&x.record.owner);
    zp_write_canonical(&x.record, &text);
    read_back(&x, &text, &origin);
    buf_free(&text);
    free(packed);
    return 0;
}
