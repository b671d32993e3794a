/* Where records stand in the people's file. */
#include "peoples_file.h"

#include <pthread.h>
#include <stdlib.h>

#include <betterdns/file.h>
#include <betterdns/includes.h>

#define READ_MAX (64U << 20) /* an answer is not worth reading more */

struct search {
    struct zp_source main;
    struct includes *includes;
    struct buf files; /* struct zp_source of each that was included */
    const struct dname *owner;
    struct peoples_places places;
    struct {
        const char *text, *at; /* of the last one that was found */
        unsigned line;
    } last;
};

/* Those of a text come in its order: lines are counted from the last one. */
static unsigned line_of(struct search *s, struct str text, const char *at)
{
    const char *end = text.p + text.n;
    unsigned lines, column;

    if (s->last.text != text.p || at < s->last.at) {
        s->last.text = s->last.at = text.p;
        s->last.line = 1;
    }
    lex_position((struct str){s->last.at, (size_t)(end - s->last.at)}, at, &lines, &column);
    s->last.line += lines - 1;
    s->last.at = at;
    return s->last.line;
}

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
    struct peoples_places *all = &s->places;
    struct peoples_place place = {.type = record->type, .included = record->file > 0};
    struct zp_source in = s->main;

    if (!dname_eq(&record->owner, s->owner))
        return 0;
    if (place.included)
        memcpy(&in, s->files.p + (record->file - 1) * sizeof(in), sizeof(in));
    place.line = line_of(s, in.text, record->at);
    struct peoples_place *larger = reallocarray(all->p, all->n + 1, sizeof(*larger));
    if (!larger)
        return -ENOMEM;
    all->p = larger;
    place.file = str_dup(str_c(in.name));
    if (!place.file)
        return -ENOMEM;
    all->p[all->n++] = place;
    return all->n == PEOPLES_PLACES_MAX;
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
        options.include = NULL;
    int r = zp_parse(s->main.text, &options, look, s);
    includes_free(s->includes);
    buf_free(&s->files);
    return r == -ENOMEM ? r : 0; /* what is wrong elsewhere does not matter here */
}

static int read_and_search(struct search *s, const struct dname *origin)
{
    struct buf text = {.p = NULL};

    int r = s->main.name ? file_read(s->main.name, READ_MAX, &text) : -BD_ENOTFOUND;
    if (r == 0)
        r = text.error;
    if (r == 0) {
        s->main.text = buf_str(&text);
        r = search(s, origin);
    }
    buf_free(&text);
    return r;
}

int peoples_file_places(const struct api_zone *zone, const struct dname *owner,
                        struct peoples_places *ret_places)
{
    /* One at a time: as many texts of a large zone as there are clients would be all memory. */
    static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
    struct search s = {.main.name = zone->file, .owner = owner};

    pthread_mutex_lock(&one);
    int r = read_and_search(&s, &zone->origin);
    pthread_mutex_unlock(&one);
    if (r == 0)
        *ret_places = s.places;
    else
        peoples_places_free(&s.places);
    return r;
}

void peoples_places_free(struct peoples_places *places)
{
    for (size_t i = 0; i < places->n; i++)
        free(places->p[i].file);
    free(places->p);
}
