/* The history as JSON. */
#include "changes.h"

#include <betterdns/clock.h>

#include "record_json.h"

static void when(struct json *j, const struct history_change *c)
{
    char time[CLOCK_RFC3339_SIZE];

    json_key(j, "seq");
    json_uint(j, c->seq);
    json_key(j, "time");
    json_c(j, clock_rfc3339(c->time, time));
}

static void who(struct json *j, const struct history_change *c)
{
    json_key(j, "source");
    json_c(j, c->source);
    json_key(j, "actor");
    json_str(j, c->actor);
}

void change_json_origin(struct json *j, const struct history_change *c)
{
    when(j, c);
    who(j, c);
}

static void operation(struct json *j, const struct history_diff *d, struct buf *scratch)
{
    const struct rrset *set = d->after ? d->after : d->before;
    char type[RRTYPE_TEXT_MAX];
    struct dname owner;

    rrset_owner(set, &owner);
    json_open(j, '{');
    json_key(j, "name");
    record_json_name(j, &owner);
    json_key(j, "type");
    json_c(j, rrtype_to_text(rrset_type(set), type));
    json_key(j, "before");
    record_json_data(j, d->before, scratch);
    json_key(j, "after");
    record_json_data(j, d->after, scratch);
    json_close(j, '}');
}

int change_json(struct json *j, const struct dname *origins, const struct history_change *c,
                struct buf *scratch, change_piece_fn *piece, void *arg)
{
    size_t d = 0;
    int r = 0;

    /* diffs and zones are both in order of zone. */
    for (size_t z = 0; z < c->nzones && r == 0; z++) {
        json_open(j, '{');
        when(j, c);
        json_key(j, "zone");
        record_json_name(j, &origins[c->zones[z].zone]);
        record_json_known(j, "serial", c->zones[z].serial);
        who(j, c);
        json_key(j, "operations");
        json_open(j, '[');
        for (; d < c->ndiffs && c->diffs[d].zone == c->zones[z].zone && r == 0; d++) {
            operation(j, &c->diffs[d], scratch);
            r = piece(arg);
        }
        json_close(j, ']');
        json_close(j, '}');
    }
    return r;
}
