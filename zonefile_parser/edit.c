/* Rewriting a zone file so that only what has to change changes. */
#include "edit.h"

#include <stdlib.h>

int zp_edit_grow(void **array, size_t n, size_t *cap, size_t size)
{
    size_t more = *cap ? 2 * *cap : 16;
    void *bigger;

    if (n < *cap)
        return 0;
    bigger = realloc(*array, more * size);
    if (!bigger)
        return -ENOMEM;
    *array = bigger;
    *cap = more;
    return 0;
}

void zp_edit_reset(struct edit *e, struct buf *b)
{
    e->starved |= b->error != 0;
    buf_reset(b);
}

static struct str line_end(struct str text)
{
    const char *lf = text.n ? memchr(text.p, '\n', text.n) : NULL;

    return lf && lf > text.p && lf[-1] == '\r' ? STR("\r\n") : STR("\n");
}

static int compare_patches(const void *x, const void *y)
{
    const struct edit_patch *a = x, *b = y;

    if (a->at != b->at)
        return a->at < b->at ? -1 : 1;
    return (a->from > b->from) - (a->from < b->from);
}

/* The marker is a comment: it may stand anywhere, even inside a record. */
static int patch_marker(struct edit *e)
{
    struct str marker = e->edits->marker, line = {e->text.p, 0};
    int r;

    if (marker.n == 0)
        return 0;
    zp_marker_line(e->text, &line);
    r = zp_edit_patch(e, line.p, line.n);
    if (r < 0)
        return r;
    if (marker.p[marker.n - 1] == '\n')
        marker.n--;
    buf_add_str(&e->out, marker);
    if (line.n == 0 || line.p[line.n - 1] == '\n')
        buf_add_str(&e->out, e->eol);
    zp_edit_patch_end(e);
    return 0;
}

static int emit(struct edit *e, zp_text_fn *fn, void *arg)
{
    const char *p = e->text.p, *end = p + e->text.n;
    int r = 0;

    if (e->npatches)
        qsort(e->patches, e->npatches, sizeof(*e->patches), compare_patches);
    for (size_t i = 0; i < e->npatches && r == 0; i++) {
        const struct edit_patch *patch = &e->patches[i];
        if (patch->at > p)
            r = fn(arg, (struct str){p, (size_t)(patch->at - p)});
        if (r == 0 && patch->nnew)
            r = fn(arg, (struct str){e->out.p + patch->from, patch->nnew});
        /* Less than that: the marker stood inside of what was dropped. */
        if (patch->at + patch->n > p)
            p = patch->at + patch->n;
    }
    if (r == 0 && p < end)
        r = fn(arg, (struct str){p, (size_t)(end - p)});
    return r;
}

static void end_edit(struct edit *e)
{
    pool_free(&e->pool);
    free(e->sets);
    free(e->table);
    free(e->hits);
    free(e->additions);
    free(e->points);
    free(e->patches);
    free(e->written.word);
    free(e->old.word);
    free(e->new.word);
    buf_free(&e->out);
    buf_free(&e->scratch);
    buf_free(&e->old_text);
    buf_free(&e->new_text);
    free(e);
}

int zp_edit(struct str text, const struct zp_options *options, const struct zp_edits *edits,
            zp_text_fn *fn, void *arg, size_t *ret_where)
{
    static const char nothing[1];
    struct edit *e = malloc(sizeof(*e));
    size_t where = 0;
    int r;

    if (!e)
        return -ENOMEM;
    memset(e, 0, offsetof(struct edit, rdata));
    e->text = text.p ? text : (struct str){nothing, 0};
    e->options = *options;
    e->options.on_error = NULL;
    e->options.max_errors = 1;
    e->edits = edits;
    e->eol = line_end(e->text);
    r = zp_edit_collect(e);
    if (r == 0)
        r = zp_edit_plan(e, &where);
    if (r == 0)
        r = zp_edit_place(e);
    if (r == 0)
        r = patch_marker(e); /* first, where it comes before all else */
    if (r == 0)
        r = zp_edit_walk(e, &where);
    if (r == 0 &&
        (e->starved || e->out.error || e->scratch.error || e->old_text.error || e->new_text.error))
        r = -ENOMEM;
    if (r == -BD_ECONFLICT && ret_where)
        *ret_where = where;
    if (r == 0)
        r = emit(e, fn, arg);
    end_edit(e);
    return r;
}
