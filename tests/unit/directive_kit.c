#include "directive_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct zp_options options;

int directive_setup(void **state)
{
    (void)state;
    options.default_ttl = 60;
    return dname_from_text(STR("example.org."), NULL, &options.origin, NULL);
}

static int find(void *arg, struct str name, unsigned depth, struct zp_source *ret_source)
{
    struct run *run = arg;

    if (depth > run->deepest)
        run->deepest = depth;
    if (str_eq(name, STR("refused"))) {
        ret_source->name = "it is a FIFO, not a file";
        return -EINVAL;
    }
    if (str_eq(name, STR("full")))
        return -ENOMEM;
    for (const struct file *f = run->files; f->name; f++) {
        if (!str_eq(name, str_c(f->name)))
            continue;
        *ret_source = (struct zp_source){f->name, str_c(f->text)};
        return 0;
    }
    return -ENOENT;
}

int on_record(void *arg, const struct zp_record *record)
{
    struct run *run = arg;
    char owner[DNAME_TEXT_MAX], type[RRTYPE_TEXT_MAX];

    run->nrecords++;
    run->ngenerated += record->generated;
    dname_to_text(&record->owner, owner);
    buf_addf(&run->records, "%s %u %s ", owner, record->ttl, rrtype_to_text(record->type, type));
    rdata_to_text(record->type, record->rdata, record->nrdata, &run->records);
    if (record->file)
        buf_addf(&run->records, " %u", record->file);
    buf_add_c(&run->records, '\n');
    return 0;
}

static void on_error(void *arg, const struct zp_error *error)
{
    struct run *run = arg;

    *(error->warning ? &run->nwarnings : &run->nerrors) += 1;
    zp_error_format("z", run->text, error, &run->errors);
}

struct zp_options options_of(struct run *run)
{
    struct zp_options with = options;

    with.on_error = on_error;
    with.error_arg = run;
    with.include = find;
    with.include_arg = run;
    return with;
}

struct run parse(const char *text, const struct file *files)
{
    static const struct file none[1];
    struct run run = {.files = files ? files : none, .text = str_c(text)};
    struct zp_options with = options_of(&run);

    run.r = zp_parse(run.text, &with, on_record, &run);
    buf_add_c(&run.records, '\0');
    buf_add_c(&run.errors, '\0');
    assert_int_equal(run.records.error, 0);
    assert_int_equal(run.errors.error, 0);
    return run;
}

void end_run(struct run *run)
{
    buf_free(&run->records);
    buf_free(&run->errors);
}

void assert_records(const char *text, const struct file *files, const char *want)
{
    struct run run = parse(text, files);

    assert_string_equal(run.errors.p, "");
    assert_string_equal(run.records.p, want);
    assert_int_equal(run.r, 0);
    end_run(&run);
}

void assert_fault(const char *text, const struct file *files, const char *want)
{
    struct run run = parse(text, files);
    char *end = strchr(run.errors.p, '\n');

    if (end)
        *end = '\0';
    assert_string_equal(run.errors.p, want);
    assert_int_equal(run.r, strstr(want, ": error: ") ? -BD_ESYNTAX : 0);
    end_run(&run);
}

void assert_shown(const char *text, const struct file *files, const char *want)
{
    struct run run = parse(text, files);

    assert_string_equal(run.errors.p, want);
    end_run(&run);
}

struct run load(const char *text, const struct file *files, struct zp_zone **ret_zone)
{
    struct run run = {.files = files, .text = str_c(text)};
    struct zp_options with = options_of(&run);

    run.r = zp_zone_load(run.text, &with, ret_zone);
    buf_add_c(&run.errors, '\0');
    assert_int_equal(run.errors.error, 0);
    return run;
}

struct buf places(const struct zp_zone *z)
{
    struct buf b = {.p = NULL};

    for (size_t i = 0; i < zp_zone_nrrsets(z); i++) {
        char text[DNAME_TEXT_MAX], type_text[RRTYPE_TEXT_MAX];
        struct dname owner;
        struct rdset set;
        uint16_t type;
        uint32_t ttl;
        zp_zone_rrset(z, i, &owner, &type, &ttl, &set);
        dname_to_text(&owner, text);
        buf_addf(&b, "%s %s", text, rrtype_to_text(type, type_text));
        for (uint32_t j = 0; j < set.count; j++) {
            unsigned file, line;
            zp_zone_where(z, i, j, &file, &line);
            buf_addf(&b, " %s:%u", file ? zp_zone_file(z, file) : "z", line);
        }
        buf_add_c(&b, '\n');
    }
    buf_add_c(&b, '\0');
    assert_int_equal(b.error, 0);
    return b;
}
