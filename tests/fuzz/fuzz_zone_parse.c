/* Any text to records: no crash, no loop; what was accepted is the same zone when it is written and
 * read again; every error points into its text. Octets of 1 part the input into the text and the
 * files that it may include: a name's last digit says which. */
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

#define FILES 10
#define RECORDS_MAX 20000 /* $GENERATE makes many of few octets */
#define INCLUDES_MAX 1000

static struct str files[FILES];
static unsigned nfiles;

struct run {
    struct str text;
    struct str included[INCLUDES_MAX];
    unsigned nincluded, nrecords;
    struct buf canonical, written, shown;
    unsigned errors;
};

static int include(void *arg, struct str name, unsigned depth, struct zp_source *ret_source)
{
    const struct str other = STR("x A 192.0.2.1\n$TTL 7\ny A ::1\n  A 192.0.2.2");
    struct run *run = arg;
    unsigned i = name.n ? (unsigned)(unsigned char)name.p[name.n - 1] - '0' : FILES;

    require(depth >= 1 && depth <= 7, "a depth of no file");
    if (i >= FILES || run->nincluded == INCLUDES_MAX)
        return -ENOENT;
    *ret_source = (struct zp_source){"file", i < nfiles ? files[i] : other};
    run->included[run->nincluded++] = ret_source->text;
    return 0;
}

static bool within(struct str text, const char *p, size_t n)
{
    return p >= text.p && n <= text.n && (size_t)(p - text.p) <= text.n - n;
}

static int on_record(void *arg, const struct zp_record *record)
{
    struct run *run = arg;
    uint8_t packed[2 + RDATA_MAX];
    struct rdset set = {packed, 2U + record->nrdata, 1};

    if (++run->nrecords > RECORDS_MAX)
        return 1;
    require(record->file <= run->nincluded, "a file that was not included");
    require(within(record->file ? run->included[record->file - 1] : run->text, record->span.p,
                   record->span.n),
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
    struct str text = error->file ? error->text : run->text;
    require(text.n == 0 || within(text, error->at, 0), "an error outside the text");
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
    with.include = include;
    with.include_arg = run;
    r = zp_parse(run->text, &with, on_record, run);
    require(r == 1 || r == (run->errors ? -BD_ESYNTAX : 0), "the result and the errors disagree");
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
    static struct run slow;
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
    slow = (struct run){.text = buf_str(&text)};
    require(parse(&slow) == r, "the fast path and the complete parser do not both accept");
    require(str_eq(buf_str(&slow.canonical), buf_str(&first->canonical)),
            "the fast path and the complete parser read other records");
    end_run(&slow);
    buf_free(&text);
}

/* The text itself. */
static struct str split(struct str input)
{
    struct str text = {input.p, 0}, part;

    nfiles = 0;
    if (input.n && input.p[0] != 1)
        str_cut(&input, 1, &text);
    while (nfiles < FILES && str_cut(&input, 1, &part))
        files[nfiles++] = part;
    return text;
}

static void load(struct run *run)
{
    struct zp_options with = options;
    struct zp_zone *zone = NULL;

    with.include = include;
    with.include_arg = run;
    run->nincluded = 0;
    if (zp_zone_load(run->text, &with, &zone) < 0)
        return;
    require(zp_zone_nrrsets(zone) >= 2, "a zone without SOA and NS");
    require(zp_zone_nfiles(zone) == run->nincluded, "other files");
    for (size_t i = 0; i < zp_zone_nrrsets(zone); i++) {
        struct dname owner;
        struct rdset set;
        uint16_t type;
        uint32_t ttl;
        unsigned file, line;
        zp_zone_rrset(zone, i, &owner, &type, &ttl, &set);
        zp_zone_where(zone, i, set.count - 1, &file, &line);
        require(file <= run->nincluded && line > 0, "a record without a place");
    }
    zp_zone_free(zone);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct run first, again;
    int r;

    dname_from_text(STR("example.com."), NULL, &options.origin, NULL);
    options.default_ttl = 60;
    first = (struct run){.text = split((struct str){(const char *)data, size})};
    again = (struct run){.errors = 0};
    r = parse(&first);
    if (r != 1)
        compare_without_fast_path(&first, r);
    if (r == 0) {
        again.text = buf_str(&first.written);
        require(parse(&again) == 0, "what was written is refused");
        require(str_eq(buf_str(&first.canonical), buf_str(&again.canonical)),
                "what was written is another zone");
    }
    if (r != 1)
        load(&first);
    end_run(&first);
    end_run(&again);
    return 0;
}
