/* What a save brings along, built on the thread of the one who saves. */
#include <stdarg.h>
#include <stdlib.h>

#include "merge.h"

#define NOTES_MAX 50

int merge_new(struct change *c, unsigned zone)
{
    struct merge *m = calloc(1, sizeof(*m));

    if (!m)
        return -ENOMEM;
    m->zone = zone;
    c->merge = m;
    return 0;
}

static int copy_set(struct change *c, struct rdset *set)
{
    struct str copy = change_copy(c, (struct str){set->count ? (const char *)set->p : "", set->n});

    set->p = (const uint8_t *)copy.p;
    return copy.p ? 0 : -ENOMEM;
}

static int room(struct change *c)
{
    struct merge *m = c->merge;

    if (m->nedits < m->cap)
        return 0;
    size_t cap = m->cap ? 2 * m->cap : 16;
    struct edit *edits = change_alloc(c, cap * sizeof(*edits));
    if (!edits)
        return -ENOMEM;
    if (m->nedits > 0)
        memcpy(edits, m->edits, m->nedits * sizeof(*edits));
    m->edits = edits;
    m->cap = cap;
    return 0;
}

int merge_add(struct change *c, const struct edit *e)
{
    if (room(c) < 0)
        return -ENOMEM;
    struct edit *copy = &c->merge->edits[c->merge->nedits];
    *copy = *e;
    copy->key = change_copy(c, e->key);
    if (!copy->key.p || copy_set(c, &copy->add) < 0 || copy_set(c, &copy->remove) < 0)
        return -ENOMEM;
    c->merge->nedits++;
    return 0;
}

int merge_put(struct change *c, struct str marker, struct buf *records)
{
    struct merge *m = c->merge;
    struct str copy = change_copy(c, marker);
    struct base_put *puts = reallocarray(m->puts, m->nputs + 1, sizeof(*puts));

    if (puts)
        m->puts = puts;
    if (!puts || !copy.p || records->error < 0) {
        buf_free(records);
        return -ENOMEM;
    }
    m->puts[m->nputs++] = (struct base_put){copy, *records};
    *records = (struct buf){0};
    return 0;
}

void merge_end(struct merge *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->nputs; i++)
        buf_free(&m->puts[i].records);
    free(m->puts);
    included_put(m->included);
    buf_free(&m->notes);
    free(m);
}

void merge_note(struct merge *m, struct str key, uint16_t type, const char *format, ...)
{
    char owner[DNAME_TEXT_MAX], text[RRTYPE_TEXT_MAX];
    struct dname name;
    va_list args;

    if (m->nnotes > NOTES_MAX)
        return;
    if (m->nnotes++ == NOTES_MAX) {
        buf_addf(&m->notes, "there is more of this kind, which is not listed\n");
        return;
    }
    if (dname_from_key((const uint8_t *)key.p, key.n, &name) < 0)
        return;
    dname_to_text(&name, owner);
    buf_addf(&m->notes, "%s %s: ", owner, rrtype_to_text(type, text));
    va_start(args, format);
    buf_vaddf(&m->notes, format, args);
    va_end(args);
    buf_add_c(&m->notes, '\n');
}
