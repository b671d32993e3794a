/* Terminations and notes, out of state.db. They are read at once, and told when nobody waits for
 * the connection any more. */
#include <betterdns/lease.h>

#include "history_impl.h"

struct list {
    struct pool pool;
    struct row {
        struct row *next;
        struct reader_lease_row row;
    } * first, **end;
};

static int keep(void *arg, const struct reader_lease_row *row)
{
    struct list *list = arg;
    struct row *copy = pool_copy(&list->pool, &(struct row){.row = *row}, sizeof(*copy));

    if (copy && row->text.p)
        copy->row.text.p = pool_copy(&list->pool, row->text.p, row->text.n);
    if (!copy || !copy->row.text.p != !row->text.p)
        return -ENOMEM;
    *list->end = copy;
    list->end = &copy->next;
    return 0;
}

static int read_all(struct registry *r, enum reader_lease what, uint64_t since, struct list *list)
{
    struct reader *rd = r->history->reader;

    *list = (struct list){.end = &list->first};
    int result = reader_begin(rd);
    if (result < 0)
        return result;
    result = reader_lease_rows(rd, what, since, keep, list);
    reader_end(rd);
    return result;
}

int registry_terminations(struct registry *r, uint64_t since_ns,
                          int (*fn)(void *arg, const struct registry_termination *t), void *arg)
{
    struct list list;

    int result = read_all(r, READER_TERMINATIONS, since_ns, &list);
    for (const struct row *row = list.first; result == 0 && row; row = row->next) {
        const struct registry_termination t = {.number = row->row.number,
                                               .started_ns = row->row.ran_ns,
                                               .started = row->row.time,
                                               .result = row->row.text};
        result = fn(arg, &t);
    }
    pool_free(&list.pool);
    return result;
}

int registry_notes(struct registry *r, int (*fn)(void *arg, const struct registry_note *note),
                   void *arg)
{
    struct list list;

    int result = read_all(r, READER_NOTES, 0, &list);
    for (const struct row *row = list.first; result == 0 && row; row = row->next)
        result = fn(arg, &(struct registry_note){row->row.number, row->row.text});
    pool_free(&list.pool);
    return result;
}
