/* Where a record stands in the people's file. */
#include "peoples_file.h"

#include <stdio.h>

#include <betterdns/file.h>
#include <betterdns/includes.h>

#define READ_MAX (64U << 20) /* a refusal is not worth reading more */

struct search {
    const struct dname *owner;
    uint16_t type;
    struct includes *includes;
    struct buf files; /* struct zp_source of each that was included */
    struct zp_source main;
    struct zp_source in; /* the file that it stands in */
    const char *at;
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

    if (record->type != s->type || !dname_eq(&record->owner, s->owner))
        return 0;
    s->in = s->main;
    if (record->file)
        memcpy(&s->in, s->files.p + (record->file - 1) * sizeof(s->in), sizeof(s->in));
    s->at = record->at;
    return 1; /* found: ends the parse */
}

static int search(struct search *s, const struct dname *origin)
{
    struct zp_options options = {
        .origin = *origin,
        .default_ttl = 0,
        .any_owner = true,
        .include = include,
        .include_arg = s,
    };

    if (includes_new(s->main.name, &s->includes) < 0)
        return -BD_ENOTFOUND;
    return zp_parse(s->main.text, &options, look, s) == 1 ? 0 : -BD_ENOTFOUND;
}

int peoples_file_place(const char *file, const struct dname *origin, const struct dname *owner,
                       uint16_t type, char *ret_place, size_t size)
{
    struct search s = {.owner = owner, .type = type, .main.name = file};
    struct buf text = {.p = NULL};
    unsigned line, column;
    int r = -BD_ENOTFOUND;

    if (file && file_read(file, READ_MAX, &text) == 0 && !text.error) {
        s.main.text = buf_str(&text);
        r = search(&s, origin);
    }
    if (r == 0) {
        lex_position(s.in.text, s.at, &line, &column);
        snprintf(ret_place, size, "%s:%u", s.in.name, line);
    }
    includes_free(s.includes);
    buf_free(&s.files);
    buf_free(&text);
    return r;
}
