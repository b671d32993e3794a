/* Errors for people: where, what, the source line, a caret. Only errors pay for it. */
#include "report.h"

#include <stdarg.h>
#include <stdio.h>

#define MAX_ERRORS 100
#define LINE_SHOWN 100 /* octets of a source line */
#define LINE_BEFORE 60 /* of them before the place, where the line is cut */

void zp_report_start(struct zp_report *rp, struct str text, const struct zp_options *options)
{
    *rp = (struct zp_report){.text = text, .options = options};
}

void zp_error_set(struct lex_error *error, const char *at, size_t n, const char *format, ...)
{
    va_list ap;

    error->at = at;
    error->n = n ? n : 1;
    error->hint[0] = '\0';
    va_start(ap, format);
    str_vformat(error->message, sizeof(error->message), format, ap);
    va_end(ap);
}

/* Messages quote what stands in the file: nothing in it may steer a terminal or break a log. */
static void make_printable(char *text)
{
    size_t n = strlen(text);

    for (size_t i = 0; i < n;) {
        size_t taken = str_printable((struct str){text + i, n - i});
        if (taken == 0)
            text[i] = '?';
        i += taken ? taken : 1;
    }
}

const struct zp_text *zp_report_text(const struct zp_report *rp, const char *at)
{
    for (size_t i = 0; i < rp->ntexts; i++) {
        struct str text = rp->texts[i].text;
        if ((uintptr_t)at >= (uintptr_t)text.p && (uintptr_t)at < (uintptr_t)text.p + text.n)
            return &rp->texts[i];
    }
    return rp->texts;
}

static void deliver(const struct zp_report *rp, const struct lex_error *error, bool warning)
{
    struct lex_error shown = *error;
    struct zp_error e = {
        .warning = warning, .at = error->at, .n = error->n, .file = rp->file, .text = rp->text};

    if (!rp->options->on_error)
        return;
    if (rp->place.p) {
        e.at = rp->place.p;
        e.n = rp->place.n;
    }
    if (rp->ntexts) {
        const struct zp_text *t = zp_report_text(rp, e.at);
        e.file = t->name;
        e.text = t->text;
    }
    make_printable(shown.message);
    make_printable(shown.hint);
    e.message = shown.message;
    e.hint = shown.hint[0] ? shown.hint : NULL;
    lex_position(e.text, e.at, &e.line, &e.column);
    rp->options->on_error(rp->options->error_arg, &e);
}

static unsigned limit(const struct zp_report *rp)
{
    return rp->options->max_errors ? rp->options->max_errors : MAX_ERRORS;
}

void zp_report_error(struct zp_report *rp, const struct lex_error *error)
{
    struct lex_error last;

    if (rp->full)
        return;
    deliver(rp, error, false);
    if (++rp->errors < limit(rp))
        return;
    rp->full = true;
    if (rp->errors == 1)
        return; /* who asks for one error wants that one */
    zp_error_set(&last, error->at, error->n, "%u errors: the rest of the file was not looked at",
                 rp->errors);
    deliver(rp, &last, true);
}

void zp_report_warning(struct zp_report *rp, const struct lex_error *error)
{
    struct lex_error last;

    if (rp->warnings == limit(rp) || (rp->place.p && rp->placed))
        return;
    rp->placed = true;
    deliver(rp, error, true);
    if (++rp->warnings < limit(rp) || rp->warnings == 1)
        return;
    zp_error_set(&last, error->at, error->n, "%u warnings: any more are not shown", rp->warnings);
    deliver(rp, &last, true);
}

/* What is shown of a line, and where the caret's line stands in it. */
struct window {
    struct str line;
    size_t caret, ncaret;
    bool cut_left, cut_right;
};

static struct window cut(struct str text, const struct zp_error *error)
{
    const char *end = text.p + text.n, *start = error->at, *stop;
    struct window w = {.ncaret = 1};

    if (text.n == 0)
        return w;
    while (start > text.p && start[-1] != '\n')
        start--;
    stop = error->at < end ? memchr(error->at, '\n', (size_t)(end - error->at)) : NULL;
    if (!stop)
        stop = end;
    if (stop > start && stop[-1] == '\r')
        stop--;
    if (stop - start > LINE_SHOWN && error->at - start > LINE_BEFORE) {
        start = error->at - LINE_BEFORE;
        w.cut_left = true;
    }
    if (stop - start > LINE_SHOWN) {
        stop = start + LINE_SHOWN;
        w.cut_right = true;
    }
    w.line = (struct str){start, (size_t)(stop - start)};
    w.caret = (size_t)(error->at - start);
    w.ncaret = error->n;
    if (w.caret + w.ncaret > w.line.n)
        w.ncaret = w.caret < w.line.n ? w.line.n - w.caret : 1;
    return w;
}

/* The octets of the character there; 0: it is not to be shown. */
static size_t printable_at(struct str line, size_t i)
{
    return str_printable((struct str){line.p + i, line.n - i});
}

/* One character of the line as the reader sees it; returns its octets. */
static size_t show(struct str line, size_t i, struct buf *out)
{
    size_t n = printable_at(line, i);

    if (line.p[i] == '\t')
        buf_add_c(out, '\t');
    else if (n == 0)
        buf_add_c(out, '?');
    else
        buf_add(out, line.p + i, n);
    return n ? n : 1;
}

/* Blanks as wide as the line's part before the caret, tabs as tabs, then the caret. */
static void draw_caret(const struct window *w, struct buf *out)
{
    size_t i = 0, stop = w->caret + w->ncaret;

    while (i < w->caret && i < w->line.n) {
        size_t n = printable_at(w->line, i);
        buf_add_c(out, w->line.p[i] == '\t' ? '\t' : ' ');
        i += n ? n : 1;
    }
    buf_add_c(out, '^');
    i += i < w->line.n ? printable_at(w->line, i) : 1;
    for (i = i > w->caret ? i : w->caret + 1; i < stop && i < w->line.n;) {
        size_t n = printable_at(w->line, i);
        buf_add_c(out, '~');
        i += n ? n : 1;
    }
}

void zp_error_format(const char *file, struct str text, const struct zp_error *error,
                     struct buf *out)
{
    struct window w = cut(error->file ? error->text : text, error);
    int gutter = snprintf(NULL, 0, "%3u", error->line);

    buf_addf(out, "%s:%u:%u: %s: %s", error->file ? error->file : file, error->line, error->column,
             error->warning ? "warning" : "error", error->message);
    if (error->hint)
        buf_addf(out, " (%s)", error->hint);
    buf_addf(out, "\n%3u | %s", error->line, w.cut_left ? "..." : "");
    for (size_t i = 0; i < w.line.n;)
        i += show(w.line, i, out);
    buf_addf(out, "%s\n%*s | %s", w.cut_right ? "..." : "", gutter, "", w.cut_left ? "   " : "");
    draw_caret(&w, out);
    buf_add_c(out, '\n');
}
