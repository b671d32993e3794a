/* The table of terminators, and what they share. */
#include "terminator.h"

#include <stdlib.h>

#include <betterdns/error.h>

static const struct terminator_kind *const kinds[] = {&terminate_none, &terminate_exec,
                                                      &terminate_webhook};

static const struct terminator_kind *find_kind(struct str name)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (str_eq(str_c(kinds[i]->name), name))
            return kinds[i];
    return NULL;
}

int terminator_new(const struct health_terminate *options, struct loop *loop,
                   struct terminator **ret_terminator, struct problem *ret_problem)
{
    struct str name = options->kind ? str_c(options->kind) : STR("none");
    const struct terminator_kind *kind = find_kind(name);

    if (!kind)
        return problem_set(ret_problem, -BD_EINVALID, "terminate.kind",
                           "there is no terminator '%.*s'", STR_ARG(name));
    struct terminator *t = calloc(1, sizeof(*t));
    if (!t)
        return -ENOMEM;
    *t = (struct terminator){.kind = kind, .options = options, .loop = loop};
    int r = kind->open ? kind->open(t, ret_problem) : 0;
    if (r < 0) {
        terminator_free(t);
        return r;
    }
    *ret_terminator = t;
    return 0;
}

void terminator_free(struct terminator *t)
{
    if (!t)
        return;
    if (t->kind->close)
        t->kind->close(t);
    free(t);
}

bool terminator_acts(const struct terminator *t)
{
    return t->options->enabled && t->kind->run;
}

void terminator_tell(const struct terminator *t, const struct terminate_host *host, struct buf *out)
{
    t->kind->tell(t, host, out);
}

int terminator_run(struct terminator *t, const struct terminate_host *host, terminate_fn *fn,
                   void *arg, struct termination **ret_termination)
{
    struct termination *run = calloc(1, sizeof(*run));

    if (!run)
        return -ENOMEM;
    *run = (struct termination){.terminator = t, .fn = fn, .arg = arg};
    int r = t->kind->run(run, host);
    if (r < 0) {
        free(run);
        return r;
    }
    *ret_termination = run;
    return 0;
}

void terminator_cancel(struct termination *termination)
{
    if (!termination)
        return;
    termination->terminator->kind->cancel(termination);
    free(termination);
}

void terminate_end(struct termination *run, const struct terminate_end *end)
{
    terminate_fn *fn = run->fn;
    void *arg = run->arg;

    free(run);
    fn(arg, end);
}

/* ---- words ---- */

static struct str without_dot(struct str name)
{
    return str_ends(name, STR(".")) ? (struct str){name.p, name.n - 1} : name;
}

/* What stands at the front of rest, if it is one of the three. */
static bool take_placeholder(struct str *rest, const struct terminate_host *host,
                             struct str *ret_value)
{
    const struct {
        struct str word, value;
    } all[] = {
        {STR("{name}"), without_dot(host->name)},
        {STR("{address}"), host->address},
        {STR("{id}"), host->id},
    };

    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        if (str_starts(*rest, all[i].word)) {
            *rest = (struct str){rest->p + all[i].word.n, rest->n - all[i].word.n};
            *ret_value = all[i].value;
            return true;
        }
    return false;
}

int terminate_word(struct str template, const struct terminate_host *host, struct buf *ret_word)
{
    struct str rest = template, value;
    struct buf word = {0};

    while (rest.n > 0) {
        bool filled = take_placeholder(&rest, host, &value);
        /* A host chooses its id: it is to be an argument, never an option. */
        bool bad = filled && (value.n == 0 || memchr(value.p, '\0', value.n) ||
                              (word.n == 0 && value.p[0] == '-'));
        if (bad) {
            buf_free(&word);
            return -BD_EINVALID;
        }
        if (filled) {
            buf_add_str(&word, value);
            continue;
        }
        buf_add_c(&word, rest.p[0]);
        rest = (struct str){rest.p + 1, rest.n - 1};
    }
    buf_add_c(&word, '\0');
    if (word.error) {
        int r = word.error;
        buf_free(&word);
        return r;
    }
    *ret_word = word;
    return 0;
}

int terminate_words(const struct str *templates, unsigned n, const struct terminate_host *host,
                    struct pool *pool, const char **ret_words)
{
    for (unsigned i = 0; i < n; i++) {
        struct buf word = {0};
        int r = terminate_word(templates[i], host, &word);
        if (r < 0)
            return r;
        ret_words[i] = pool_copy(pool, word.p, word.n);
        buf_free(&word);
        if (!ret_words[i])
            return -ENOMEM;
    }
    return 0;
}
