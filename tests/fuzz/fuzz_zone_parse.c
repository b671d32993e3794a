/* Any text to records: no crash, no loop; what was accepted is the same zone when it is written and
 * read again; every error points into the text. */
#include <stdio.h>
#include <stdlib.h>

#include <betterdns/zonefile.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct zp_options options;

static void require(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

struct run {
    struct str text;
    struct buf canonical, written, shown;
    unsigned errors;
};

static int on_record(void *arg, const struct zp_record *record)
{
    struct run *run = arg;
    uint8_t packed[2 + RDATA_MAX];
    struct rdset set = {packed, 2U + record->nrdata, 1};

    require(record->span.p >= run->text.p &&
                record->span.p + record->span.n <= run->text.p + run->text.n,
            "a span outside the text");
    require(record->at >= record->span.p && record->at < record->span.p + record->span.n,
            "a record that begins outside its span");
    require(rdata_check(record->type, record->rdata, record->nrdata) == 0, "malformed rdata");
    packed[0] = (uint8_t)(record->nrdata >> 8);
    packed[1] = (uint8_t)record->nrdata;
    memcpy(packed + 2, record->rdata, record->nrdata);
    zp_write_canonical(record, &run->canonical);
    zp_write_rrset(&record->owner, record->type, record->ttl, &set, &run->written);
    return 0;
}

static void on_error(void *arg, const struct zp_error *error)
{
    struct run *run = arg;

    run->errors += !error->warning;
    require(error->line > 0 && error->column > 0, "an error without a place");
    require(run->text.n == 0 ||
                (error->at >= run->text.p && error->at <= run->text.p + run->text.n),
            "an error outside the text");
    zp_error_format("zone", run->text, error, &run->shown);
    for (size_t i = 0; i < run->shown.n; i++) {
        unsigned char c = (unsigned char)run->shown.p[i];
        require(c == '\n' || c == '\t' || (c >= 0x20 && c != 0x7f), "a control is shown");
    }
    buf_reset(&run->shown);
}

static int parse(struct run *run)
{
    struct zp_options with = options;
    int r;

    with.on_error = on_error;
    with.error_arg = run;
    r = zp_parse(run->text, &with, on_record, run);
    require(r == (run->errors ? -BD_ESYNTAX : 0), "the result and the errors disagree");
    return r;
}

static void end_run(struct run *run)
{
    buf_free(&run->canonical);
    buf_free(&run->written);
    buf_free(&run->shown);
}

/* The same text with an empty group in front of each line: it means the same, and keeps the parser
 * off its fast path. */
static void compare_without_fast_path(const struct run *first, int r)
{
    struct buf text = {.p = NULL};
    struct run slow = {.errors = 0};
    struct str rest = first->text, line;

    if (rest.n == 0 || memchr(rest.p, '(', rest.n) || memchr(rest.p, ')', rest.n) ||
        str_starts(rest, STR("\xef\xbb\xbf")))
        return;
    while (str_cut(&rest, '\n', &line)) {
        size_t blank = line.n && (line.p[0] == ' ' || line.p[0] == '\t');
        buf_add(&text, line.p, blank);
        buf_add_str(&text, STR("()"));
        buf_add(&text, line.p + blank, line.n - blank);
        if (line.p + line.n < first->text.p + first->text.n)
            buf_add_c(&text, '\n');
    }
    slow.text = buf_str(&text);
    require(parse(&slow) == r, "the fast path and the complete parser do not both accept");
    require(str_eq(buf_str(&slow.canonical), buf_str(&first->canonical)),
            "the fast path and the complete parser read other records");
    end_run(&slow);
    buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run first = {.text = {(const char *)data, size}}, again = {.errors = 0};
    struct zp_zone *zone = NULL;
    int r;

    dname_from_text(STR("example.com."), NULL, &options.origin, NULL);
    options.default_ttl = 60;
    r = parse(&first);
    compare_without_fast_path(&first, r);
    if (r == 0) {
        again.text = buf_str(&first.written);
        require(parse(&again) == 0, "what was written is refused");
        require(str_eq(buf_str(&first.canonical), buf_str(&again.canonical)),
                "what was written is another zone");
    }
    if (zp_zone_load(first.text, &options, &zone) == 0)
        require(zp_zone_nrrsets(zone) >= 2, "a zone without SOA and NS");
    zp_zone_free(zone);
    end_run(&first);
    end_run(&again);
    return 0;
}
