/* Where records stand in the people's file. */
#include "peoples_file.h"

#include <betterdns/file.h>
#include <betterdns/includes.h>

#define READ_MAX (64U << 20) /* an answer is not worth reading more */

struct search {
    struct zp_source main;
    struct includes *includes;
    struct buf files; /* struct zp_source of each that was included */
    const struct dname *owner;
    peoples_place_fn *fn;
    void *arg;
    int result;
};

static int include(void *arg, struct str name, unsigned depth, struct zp_source *ret_source)
{
    struct search *s = arg;

    int r = includes_read(s->includes, name, depth, ret_source);
    if (r < 0)
        return r;
    buf_add(&s->files, ret_source, sizeof(*ret_source));
    return s->files.error;
}

static int look(void *arg, const struct zp_record *record)
{
    struct search *s = arg;
    struct peoples_place place = {.type = record->type, .included = record->file > 0};
    struct zp_source in = s->main;
    unsigned column;

    if (!dname_eq(&record->owner, s->owner))
        return 0;
    if (place.included)
        memcpy(&in, s->files.p + (record->file - 1) * sizeof(in), sizeof(in));
    lex_position(in.text, record->at, &place.line, &column);
    place.file = in.name;
    s->result = s->fn(s->arg, &place);
    return s->result != 0;
}

static void search(struct search *s, const struct dname *origin)
{
    struct zp_options options = {
        .origin = *origin,
        .default_ttl = 0,
        .any_owner = true,
        .include = include,
        .include_arg = s,
    };

    if (includes_new(s->main.name, &s->includes) < 0)
        options.include = NULL;
    zp_parse(s->main.text, &options, look, s);
    includes_free(s->includes);
    buf_free(&s->files);
}

int peoples_file_places(const struct api_zone *zone, const struct dname *owner,
                        peoples_place_fn *fn, void *arg)
{
    struct search s = {.main.name = zone->file, .owner = owner, .fn = fn, .arg = arg};
    struct buf text = {.p = NULL};

    int r = zone->file ? file_read(zone->file, READ_MAX, &text) : -BD_ENOTFOUND;
    if (r == 0)
        r = text.error;
    if (r == 0) {
        s.main.text = buf_str(&text);
        search(&s, &zone->origin);
        r = s.result;
    }
    buf_free(&text);
    return r;
}
