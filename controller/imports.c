/* A Corefile with what it imports. */
#include "imports.h"

#include <glob.h>
#include <stdlib.h>

#include <betterdns/file.h>

#include "corefile.h"
#include "corefile_words.h"

#define DEEP_MAX 16U
#define FILES_MAX 256U
#define PATTERN "*?[]"

struct expansion {
    struct corefile_source *s;
    struct str main; /* the Corefile's own text: snippets may come later than what imports them */
    unsigned deep;
    struct problem *problem;
};

/* ---- paths and words ---- */

/* Of "FOLDER/FILE" and "../NAME" by their letters alone, as Go joins them: "" without memory. */
static void join(const char *file, struct str name, struct buf *out)
{
    struct buf all = {0};
    struct str rest, part;

    if (name.p[0] != '/')
        buf_addf(&all, "%.*s/", (int)(strrchr(file, '/') - file), file);
    buf_add_str(&all, name);
    rest = buf_str(&all);
    while (rest.n > 0 && str_cut(&rest, '/', &part)) {
        if (part.n == 0 || str_eq(part, STR(".")))
            continue;
        if (!str_eq(part, STR(".."))) {
            buf_add_c(out, '/');
            buf_add_str(out, part);
            continue;
        }
        const char *slash = out->n > 0 ? memrchr(out->p, '/', out->n) : NULL;
        out->n = slash ? (size_t)(slash - out->p) : 0;
    }
    buf_add_c(out, '\0');
    out->error = out->error ? out->error : all.error;
    buf_free(&all);
}

/* "{$HOME}" at the beginning: its value, "" where it is not set. Its length, 0: it is none. */
static size_t variable(struct str text, const char **ret_value)
{
    static const struct {
        struct str open, close;
    } marks[] = {{STR("{$"), STR("}")}, {STR("{%"), STR("%}")}};
    char name[128];

    for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
        const size_t head = marks[i].open.n, tail = marks[i].close.n;
        if (!str_starts(text, marks[i].open))
            continue;
        const char *end = memmem(text.p + head, text.n - head, marks[i].close.p, tail);
        const size_t n = end ? (size_t)(end - text.p) - head : 0;
        if (n == 0 || n >= sizeof(name))
            continue;
        memcpy(name, text.p + head, n);
        name[n] = '\0';
        *ret_value = getenv(name) ?: "";
        return head + n + tail;
    }
    return 0;
}

/* As CoreDNS reads a word: \" is a quote, {$HOME} is replaced. */
static void unquote(struct str word, struct buf *out)
{
    const char *value;

    while (word.n > 0) {
        size_t n = variable(word, &value);
        if (n > 0) {
            buf_add(out, value, strlen(value));
        } else {
            n = str_starts(word, STR("\\\"")) ? 2 : 1;
            buf_add_c(out, word.p[n - 1]);
        }
        word = (struct str){word.p + n, word.n - n};
    }
}

__attribute__((format(printf, 2, 3))) static int refuse(struct expansion *e, const char *format,
                                                        ...)
{
    char why[200];
    va_list args;

    va_start(args, format);
    str_vformat(why, sizeof(why), format, args);
    va_end(args);
    problem_set(e->problem, -BD_EINVALID, "corefile", "%s: %s", e->s->files[0], why);
    if (e->problem)
        problem_hint(e->problem, "take imports out of it, or out of what it imports");
    return -BD_EINVALID;
}

/* ---- what is written ---- */

static unsigned lines(struct str text)
{
    unsigned n = 0;

    for (size_t i = 0; i < text.n; i++)
        n += text.p[i] == '\n';
    return n;
}

static void end_line(struct expansion *e)
{
    struct buf *text = &e->s->text;

    if (text->n > 0 && text->p[text->n - 1] != '\n')
        buf_add_c(text, '\n');
}

/* What follows is from there on; its line in the text is filled in. */
static void place(struct expansion *e, struct corefile_place from)
{
    from.line = 1 + lines(buf_str(&e->s->text));
    buf_add(&e->s->places, &from, sizeof(from));
}

static void add_import(struct expansion *e, struct corefile_place from, const char *path)
{
    place(e, from);
    buf_addf(&e->s->text, "import \"");
    for (; *path; path++)
        buf_addf(&e->s->text, *path == '"' ? "\\%c" : "%c", *path);
    buf_addf(&e->s->text, "\"\n");
}

static int add_file(struct expansion *e, const char *path)
{
    struct corefile_source *s = e->s;

    if (s->nfiles == FILES_MAX)
        return refuse(e, "it imports more than %u files", FILES_MAX);
    char **more = reallocarray(s->files, s->nfiles + 1, sizeof(*more));
    if (!more)
        return -ENOMEM;
    s->files = more;
    more[s->nfiles] = str_dup(str_c(path));
    return more[s->nfiles] ? (int)s->nfiles++ : -ENOMEM;
}

/* ---- imports ---- */

static int expand(struct expansion *e, unsigned file, struct str text);

/* from: where the import stands. */
static int import_file(struct expansion *e, struct corefile_place from, const char *path)
{
    static const struct str bom = STR("\xef\xbb\xbf");
    struct buf bytes = {0};
    struct str text;

    int file = add_file(e, path);
    if (file < 0)
        return file;
    int r = file_read(path, COREFILE_MAX, &bytes);
    if (r < 0) {
        add_import(e, from, path);
    } else if (e->deep == DEEP_MAX) {
        r = refuse(e, "its imports are more than %u deep, at %s", DEEP_MAX, path);
    } else {
        text = buf_str(&bytes);
        if (str_starts(text, bom))
            text = (struct str){text.p + bom.n, text.n - bom.n};
        e->deep++;
        r = expand(e, (unsigned)file, text);
        e->deep--;
    }
    buf_free(&bytes);
    end_line(e);
    return r == -BD_EINVALID || r == -ENOMEM ? r : 0;
}

static unsigned count(const char *text, char c)
{
    unsigned n = 0;

    for (; *text; text++)
        n += *text == c;
    return n;
}

/* CoreDNS does not look for them. */
static bool is_too_wild(const char *pattern)
{
    return count(pattern, '*') > 1 || count(pattern, '?') > 1 ||
           (strchr(pattern, '[') && strchr(pattern, ']'));
}

static bool is_dots(const char *path)
{
    const char *name = strrchr(path, '/');

    return name && (strcmp(name, "/.") == 0 || strcmp(name, "/..") == 0);
}

static int import_matches(struct expansion *e, struct corefile_place from, const char *pattern)
{
    glob_t found = {0};
    int r = 0;

    /* A name that begins with a dot is a name, to Go. */
    int none = is_too_wild(pattern) ? GLOB_NOMATCH : glob(pattern, GLOB_PERIOD, NULL, &found);
    for (size_t i = 0; none == 0 && r == 0 && i < found.gl_pathc; i++)
        if (!is_dots(found.gl_pathv[i]))
            r = import_file(e, from, found.gl_pathv[i]);
    globfree(&found);
    if (none == 0)
        return r;
    add_import(e, from, pattern);
    r = strpbrk(pattern, PATTERN) ? 0 : add_file(e, pattern); /* it may come */
    return r < 0 ? r : 0;
}

/* Is it the name of a snippet, by then or later? */
static bool is_snippet(const struct expansion *e, struct str text, struct str name)
{
    return corefile_snippet(buf_str(&e->s->text), name).p || corefile_snippet(text, name).p ||
           corefile_snippet(e->main, name).p;
}

/* word: behind an `import` of that file's text. 1: it is not one of files. */
static int import(struct expansion *e, unsigned file, struct str text, struct str word)
{
    const struct corefile_place from = {
        .file = file, .of_file = 1 + lines((struct str){text.p, (size_t)(word.p - text.p)})};
    struct buf name = {0}, pattern = {0};
    int r = 1;

    unquote(word, &name);
    if (name.n > 0 && !is_snippet(e, text, buf_str(&name))) {
        join(e->s->files[file], buf_str(&name), &pattern);
        end_line(e);
        r = name.error || pattern.error ? -ENOMEM : import_matches(e, from, pattern.p);
        place(e, from);
    }
    buf_free(&name);
    buf_free(&pattern);
    return r;
}

/* Is it an `import` with one argument? */
static bool is_import(const struct corefile_words *behind, const struct corefile_word *w,
                      struct corefile_word *ret_name, const char **ret_end)
{
    struct corefile_words words = *behind;
    struct corefile_word more;

    if (!corefile_is(w, "import") || !corefile_next(&words, ret_name) || ret_name->first)
        return false;
    *ret_end = words.rest.p;
    return !corefile_next(&words, &more) || more.first;
}

static int expand(struct expansion *e, unsigned file, struct str text)
{
    struct corefile_words words = {.text = text, .rest = text};
    struct corefile_word w, name;
    const char *done = text.p, *end;
    bool opened = false;

    place(e, (struct corefile_place){.file = file, .of_file = 1});
    while (corefile_next(&words, &w)) {
        const bool begins = w.first || opened;
        opened = corefile_is(&w, "{");
        if (!begins || !is_import(&words, &w, &name, &end))
            continue;
        buf_add(&e->s->text, done, (size_t)(w.at - done));
        done = w.at;
        int r = import(e, file, text, name.text);
        if (r < 0)
            return r;
        done = r == 0 ? end : done;
        if (e->s->text.n > COREFILE_MAX)
            return refuse(e, "with its imports it has more than %zu octets", COREFILE_MAX);
    }
    buf_add(&e->s->text, done, (size_t)(text.p + text.n - done));
    return e->s->text.error ? e->s->text.error : e->s->places.error;
}

/* ---- the whole ---- */

int corefile_source_read(const char *path, struct corefile_source *ret_source,
                         struct problem *ret_problem)
{
    struct corefile_source s = {0};
    struct expansion e = {.s = &s, .problem = ret_problem};
    struct buf bytes = {0};

    int r = file_read(path, COREFILE_MAX, &bytes);
    if (r < 0) {
        problem_set(ret_problem, r, "corefile", "%s cannot be read: %s", path, bd_strerror(r));
        problem_hint(ret_problem, "write it, or leave server.corefile out: then one is written");
        goto out;
    }
    e.main = buf_str(&bytes);
    r = add_file(&e, path);
    if (r >= 0)
        r = expand(&e, 0, e.main);
    if (r == -ENOMEM)
        problem_set(ret_problem, r, NULL, "no memory");
    if (r < 0)
        goto out;
    *ret_source = s;
    s = (struct corefile_source){0};
out:
    buf_free(&bytes);
    corefile_source_free(&s);
    return r;
}

void corefile_source_free(struct corefile_source *s)
{
    for (unsigned i = 0; i < s->nfiles; i++)
        free(s->files[i]);
    free(s->files);
    buf_free(&s->text);
    buf_free(&s->places);
    *s = (struct corefile_source){0};
}

const char *corefile_source_place(const struct corefile_source *s, unsigned line,
                                  unsigned *ret_of_file)
{
    const struct corefile_place *all = (const void *)s->places.p, *found = NULL;

    for (size_t i = 0; i < s->places.n / sizeof(*all); i++)
        if (all[i].line <= line)
            found = &all[i];
    if (!found || line == 0 || line > 1 + lines(buf_str(&s->text)))
        return NULL;
    *ret_of_file = found->of_file + (line - found->line);
    return s->files[found->file];
}
