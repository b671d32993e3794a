/* Exports edit a file, and keep its comments and directives. All the same a file that somebody has
 * written with such care is copied before it is touched for the first time. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <betterdns/file.h>
#include <betterdns/log.h>

#include "import.h"

#define ORIGINALS_MAX 1000

static bool is_marker(struct str line)
{
    uint64_t seq;
    struct hash128 hash;

    return zp_find_marker(line, &seq, &hash) == 0;
}

static bool has_directives(struct str text)
{
    struct str line;

    while (str_cut(&text, '\n', &line)) {
        struct str word = {line.p, line.n < 3 ? line.n : 3};
        if (str_eq_fold(word, STR("$IN")) || str_eq_fold(word, STR("$GE")))
            return true;
    }
    return false;
}

/* A `;` outside quotes, other than that of our marker. */
static bool has_comments(struct str text)
{
    const char *end = text.p + text.n;
    bool quoted = false;

    for (const char *p = text.p; p < end; p++) {
        if (*p == '\\') {
            p++;
        } else if (*p == '"') {
            quoted = !quoted;
        } else if (*p == ';' && !quoted) {
            const char *eol = memchr(p, '\n', (size_t)(end - p));
            if (!eol)
                eol = end;
            if (!is_marker((struct str){p, (size_t)(eol - p)}))
                return true;
            p = eol;
        }
    }
    return false;
}

/* 1: path has these bytes already; 0: it is free; -EEXIST: it is another file. */
static int compare(const char *path, struct str text)
{
    struct buf there = {0};

    int r = file_read(path, text.n, &there);
    if (r == -ENOENT)
        r = 0;
    else if (r == 0)
        r = str_eq(buf_str(&there), text) ? 1 : -EEXIST;
    else if (r != -ENOMEM)
        r = -EEXIST; /* longer, a directory, not to be read: not ours to replace */
    buf_free(&there);
    return r;
}

static int free_path(const struct incoming *in, struct buf *path)
{
    for (unsigned i = 0; i < ORIGINALS_MAX; i++) {
        buf_reset(path);
        buf_addf(path, i ? "%s.orig.%u" : "%s.orig", in->options->file, i);
        buf_add_c(path, '\0');
        int r = path->error ? path->error : compare(path->p, buf_str(&in->text));
        if (r != -EEXIST)
            return r;
    }
    return -EEXIST;
}

static int copy(const struct incoming *in, const char *path)
{
    struct stat st;
    mode_t mode = stat(in->options->file, &st) == 0 ? st.st_mode & 0777 : 0640;

    int r = file_write_atomic(path, buf_str(&in->text), mode, true);
    if (r == 0)
        log_info("a zone file with comments was copied before it is written for the first time",
                 LOG_C("file", in->options->file), LOG_C("copy", path));
    return r;
}

int keep_original(const struct incoming *in, struct problem *problem)
{
    struct buf path = {0};

    if (!has_comments(buf_str(&in->text)) && !has_directives(buf_str(&in->text)))
        return 0;
    int r = free_path(in, &path);
    if (r == 0)
        r = copy(in, path.p);
    if (r == -EACCES || r == -EPERM || r == -EROFS) {
        /* Then the file beside it cannot be replaced either, and stays as it is. */
        log_warning("a zone file with comments cannot be copied before it is written", LOG_ERR(r),
                    LOG_C("file", in->options->file));
        r = 0;
    }
    if (r < 0)
        problem_set(problem, r, "file",
                    "%s has comments, and cannot be copied to %s before it is written: %s",
                    in->options->file, path.error ? "FILE.orig" : path.p, bd_strerror(r));
    buf_free(&path);
    return r < 0 ? r : 0;
}
