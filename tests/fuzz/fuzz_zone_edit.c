/* Any zone file, changed here and there by what its own bytes say: the edited text is the wanted
 * zone; without changes it is the same text. */
#include <stdio.h>
#include <stdlib.h>

#include <betterdns/zonefile.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SETS_MAX 512

static struct zp_options options;
static uint64_t state;

static void require(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

static unsigned draw(unsigned below)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(state >> 33) % below;
}

static int take(void *arg, struct str piece)
{
    buf_add_str(arg, piece);
    return 0;
}

/* The wanted zone beside the present one: a set each, those of edits where they differ. */
struct wanted {
    struct zp_edit_set sets[SETS_MAX + 1], edits[SETS_MAX + 1];
    size_t n, nedits;
    struct buf bytes[SETS_MAX + 1]; /* behind the sets whose records are new */
};

static void put_rdata(struct buf *b, const void *rdata, size_t n)
{
    buf_add_c(b, (char)(n >> 8));
    buf_add_c(b, (char)n);
    buf_add(b, rdata, n);
}

/* All but the record that is left out, and one more behind, if it sorts there. */
static void copy_records(const struct zp_edit_set *s, uint32_t without, struct buf *b,
                         uint32_t *ret_count)
{
    const uint8_t *at = s->rdatas.p;
    struct str rdata;
    uint32_t count = 0;

    for (uint32_t i = 0; rdset_next(&s->rdatas, &at, &rdata); i++) {
        if (i == without)
            continue;
        put_rdata(b, rdata.p, rdata.n);
        count++;
    }
    *ret_count = count;
}

static void change_soa(struct wanted *w, size_t i)
{
    struct zp_edit_set *s = &w->sets[i];
    struct buf *b = &w->bytes[i];
    uint32_t count;

    copy_records(s, UINT32_MAX, b, &count);
    soa_set_serial((uint8_t *)b->p + 2, b->n - 2, draw(1000000));
    s->rdatas.p = (const uint8_t *)b->p;
}

static void remove_record(struct wanted *w, size_t i)
{
    struct zp_edit_set *s = &w->sets[i];
    struct buf *b = &w->bytes[i];

    copy_records(s, draw(s->rdatas.count), b, &s->rdatas.count);
    s->rdatas.p = (const uint8_t *)b->p;
    s->rdatas.n = (uint32_t)b->n;
}

/* One of an address or text set's records becomes another, or is joined by one. */
static void change_record(struct wanted *w, size_t i)
{
    struct zp_edit_set *s = &w->sets[i];
    struct buf *b = &w->bytes[i];
    static const uint8_t greatest[16] = {255, 255, 255, 255, 255, 255, 255, 255};
    struct str rdata = {(const char *)greatest, s->type == RRTYPE_A ? 4 : 16};
    uint32_t count;

    if ((s->type != RRTYPE_A && s->type != RRTYPE_AAAA) || rdset_has(s->type, &s->rdatas, rdata))
        return;
    copy_records(s, draw(s->rdatas.count + 1), b, &count);
    put_rdata(b, rdata.p, rdata.n);
    s->rdatas = (struct rdset){(const uint8_t *)b->p, (uint32_t)b->n, count + 1};
}

static void change(struct wanted *w, size_t i)
{
    struct zp_edit_set *s = &w->sets[i];
    const bool apex = dname_eq(&s->owner, &options.origin);

    switch (draw(4)) {
    case 0: s->ttl = draw(100000); break;
    case 1: change_record(w, i); break;
    default:
        if (s->type == RRTYPE_SOA)
            change_soa(w, i);
        else if (!apex || s->type != RRTYPE_NS)
            remove_record(w, i);
    }
    w->edits[w->nedits++] = *s;
}

/* A new owner behind all others, in canonical order too. */
static void add_host(struct wanted *w)
{
    const struct dname_rules rules = {.origin = &options.origin};
    struct zp_edit_set *s = &w->sets[w->n];
    struct buf *b = &w->bytes[w->n];
    static const uint8_t address[4] = {192, 0, 2, 200};

    *s = (struct zp_edit_set){.type = RRTYPE_A, .ttl = draw(3) * 300};
    require(dname_from_text(STR("\\255\\255\\255zz"), &rules, &s->owner, NULL) == 0, "a name");
    if (w->n && dname_cmp(&w->sets[w->n - 1].owner, &s->owner) >= 0)
        return;
    put_rdata(b, address, 4);
    s->rdatas = (struct rdset){(const uint8_t *)b->p, (uint32_t)b->n, 1};
    w->n++;
    w->edits[w->nedits++] = *s;
}

static void want(struct wanted *w, const struct zp_zone *zone)
{
    w->n = zp_zone_nrrsets(zone);
    for (size_t i = 0; i < w->n; i++) {
        struct zp_edit_set *s = &w->sets[i];
        zp_zone_rrset(zone, i, &s->owner, &s->type, &s->ttl, &s->rdatas);
    }
    for (size_t i = 0; i < w->n; i++) {
        if (draw(3) == 0)
            change(w, i);
    }
    if (draw(2))
        add_host(w);
}

static bool is_set(const struct zp_edit_set *s, const struct zp_zone *zone, size_t i)
{
    struct dname owner;
    struct rdset rdatas;
    uint16_t type;
    uint32_t ttl;

    if (i >= zp_zone_nrrsets(zone))
        return false;
    zp_zone_rrset(zone, i, &owner, &type, &ttl, &rdatas);
    return dname_eq(&owner, &s->owner) && type == s->type && ttl == s->ttl &&
           rdset_eq(type, &rdatas, &s->rdatas);
}

static void compare(const struct wanted *w, const struct zp_zone *zone, struct str text)
{
    size_t k = 0;

    for (size_t i = 0; i < w->n; i++) {
        if (w->sets[i].rdatas.count == 0)
            continue;
        if (!is_set(&w->sets[i], zone, k++)) {
            fprintf(stderr, "%.*s\n", STR_ARG(text));
            require(false, "a set is not as it was wanted");
        }
    }
    require(k == zp_zone_nrrsets(zone), "more sets than were wanted");
}

/* Whatever is included is these lines. */
static int include(void *arg, struct str name, unsigned depth, struct zp_source *ret_source)
{
    (void)arg;
    (void)name;
    (void)depth;
    *ret_source = (struct zp_source){"included", STR("inc 60 A 192.0.2.1\n\tTXT \"x\"\n")};
    return 0;
}

static void end_wanted(struct wanted *w)
{
    for (size_t i = 0; i < w->n; i++)
        buf_free(&w->bytes[i]);
}

static void edit(struct str text, const struct zp_zone *zone)
{
    static struct wanted w;
    struct zp_edits edits = {.sets = w.edits};
    struct zp_zone *result = NULL;
    struct buf out = {.p = NULL};
    size_t where = SIZE_MAX;
    int r;

    if (zp_zone_nrrsets(zone) > SETS_MAX)
        return;
    require(zp_edit(text, &options, &edits, take, &out, NULL) == 0, "refused");
    require(str_eq(buf_str(&out), text), "changed for nothing");
    buf_reset(&out);
    w.nedits = 0;
    want(&w, zone);
    edits.nsets = w.nedits;
    r = zp_edit(text, &options, &edits, take, &out, &where);
    if (r == -BD_ECONFLICT) {
        require(zp_zone_nfiles(zone) > 0 && where < w.nedits && out.n == 0,
                "a conflict of nothing");
        end_wanted(&w);
        buf_free(&out);
        return;
    }
    require(r == 0, "refused");
    if (zp_zone_load(buf_str(&out), &options, &result) < 0) {
        fprintf(stderr, "%.*s\n", STR_ARG(buf_str(&out)));
        require(false, "no zone any more");
    }
    compare(&w, result, buf_str(&out));
    zp_zone_free(result);
    end_wanted(&w);
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct zp_zone *zone;

    dname_from_text(STR("example.com."), NULL, &options.origin, NULL);
    options.default_ttl = UINT32_MAX;
    options.include = include;
    if (zp_zone_load(text, &options, &zone) < 0)
        return 0;
    state = 1;
    for (size_t i = 0; i < size; i++)
        state = (state ^ data[i]) * UINT64_C(0x100000001b3);
    edit(text, zone);
    zp_zone_free(zone);
    return 0;
}
