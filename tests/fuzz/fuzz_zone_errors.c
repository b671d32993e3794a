/* Any text as a whole zone: every message points into the text and shows nothing that steers a
 * terminal; what is accepted is the same zone when it is tidied, and tidy. */
#include <stdio.h>
#include <stdlib.h>

#include <betterdns/zonefile.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

struct run {
    struct str text;
    struct buf shown;
    unsigned errors, warnings;
};

static void on_error(void *arg, const struct zp_error *error)
{
    struct run *run = arg;
    const struct str text = error->file ? error->text : run->text;

    *(error->warning ? &run->warnings : &run->errors) += 1;
    require(error->line > 0 && error->column > 0 && error->n > 0, "an error without a place");
    require(text.n == 0 || (error->at >= text.p && error->at <= text.p + text.n),
            "an error outside the text");
    zp_error_format("zone", run->text, error, &run->shown);
    for (size_t i = 0; i < run->shown.n; i++) {
        unsigned char c = (unsigned char)run->shown.p[i];
        require(c == '\n' || c == '\t' || (c >= 0x20 && c != 0x7f), "a control is shown");
    }
    buf_reset(&run->shown);
}

static int include_nothing(void *arg, struct str name, unsigned depth, struct zp_source *ret_source)
{
    (void)arg, (void)name, (void)depth;
    *ret_source = (struct zp_source){"none", {"", 0}};
    return 0;
}

static int on_record(void *arg, const struct zp_record *record)
{
    zp_write_canonical(record, arg);
    return 0;
}

static void check_zone(struct run *run, const struct zp_options *options)
{
    struct zp_options with = *options;
    struct zp_zone *zone = NULL;
    int r;

    with.default_ttl = UINT32_MAX;
    with.on_error = on_error;
    with.error_arg = run;
    r = zp_zone_load(run->text, &with, &zone);
    require((r == 0) == (run->errors == 0), "the result and the errors disagree");
    require(run->errors <= 200 && run->warnings <= 203, "too many are said");
    zp_zone_free(zone);
}

static void check_fmt(struct str text, const struct zp_options *options)
{
    struct buf before = {.p = NULL}, tidy = {.p = NULL}, after = {.p = NULL}, again = {.p = NULL};

    if (zp_parse(text, options, on_record, &before) == 0) {
        require(zp_fmt(text, options, &tidy) == 0, "what is accepted is not tidied");
        require(zp_parse(buf_str(&tidy), options, on_record, &after) == 0, "tidied, then refused");
        require(str_eq(buf_str(&before), buf_str(&after)), "tidied to another zone");
        require(zp_fmt(buf_str(&tidy), options, &again) == 0, "tidied once only");
        require(str_eq(buf_str(&tidy), buf_str(&again)), "tidied, but not tidy");
    }
    buf_free(&before);
    buf_free(&tidy);
    buf_free(&after);
    buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run run = {.text = {(const char *)data, size}};
    struct zp_options options = {.default_ttl = 60, .any_owner = true, .include = include_nothing};

    dname_from_text(STR("example.org."), NULL, &options.origin, NULL);
    check_zone(&run, &options);
    buf_free(&run.shown);
    check_fmt(run.text, &options);
    return 0;
}
