/* Where a record stands in the people's file. */
#include "peoples_file.h"

#include <betterdns/file.h>
#include <betterdns/zonefile.h>

#define READ_MAX (64U << 20) /* a refusal is not worth reading more */

struct search {
    const struct dname *owner;
    uint16_t type;
    const char *at;
};

static int look(void *arg, const struct zp_record *record)
{
    struct search *s = arg;

    if (record->type != s->type || !dname_eq(&record->owner, s->owner))
        return 0;
    s->at = record->at;
    return 1; /* found: ends the parse */
}

int peoples_file_line(const char *file, const struct dname *origin, const struct dname *owner,
                      uint16_t type, unsigned *ret_line)
{
    struct search s = {.owner = owner, .type = type};
    struct zp_options options = {.origin = *origin, .default_ttl = 0, .any_owner = true};
    struct buf text = {.p = NULL};
    unsigned column;
    int r = -BD_ENOTFOUND;

    if (file && file_read(file, READ_MAX, &text) == 0 && !text.error &&
        zp_parse(buf_str(&text), &options, look, &s) == 1) {
        lex_position(buf_str(&text), s.at, ret_line, &column);
        r = 0;
    }
    buf_free(&text);
    return r;
}
