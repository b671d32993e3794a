/* exec:NAME: a program of the configuration ends with exit code 0. It gets the host's name, id and
 * address as arguments where the configuration says so; nothing of a request chooses the program.
 * What it prints is the operator's word, and shown. */
#include <stdlib.h>

#include <betterdns/clock.h>
#include <betterdns/pool.h>

#include "probe_kind.h"
#include "terminator.h"

static const struct health_command *find(const struct probe *p)
{
    const struct prober_options *o = &p->prober->options;

    for (unsigned i = 0; i < o->ncommands; i++)
        if (str_eq(o->commands[i].name, p->target.spec->path))
            return &o->commands[i];
    return NULL;
}

/* On one line, and nothing that acts on a terminal. */
static void add_printed(struct buf *out, struct str text)
{
    bool space = true; /* before what comes next */

    while (text.n > 0) {
        unsigned n = str_printable(text);
        bool is_space = n == 0 ? strchr("\t\n\r", text.p[0]) && text.p[0] : text.p[0] == ' ';
        if (is_space) {
            space = true;
        } else {
            buf_add_str(out, space ? STR(" ") : STR(""));
            buf_add(out, n > 0 ? text.p : "?", n > 0 ? n : 1);
            space = false;
        }
        text = (struct str){text.p + (n ? n : 1), text.n - (n ? n : 1)};
    }
}

static void on_ended(void *arg, const struct capture_end *end)
{
    struct probe *p = arg;
    struct buf words = {0};

    p->capture = NULL;
    if (end->late)
        buf_addf(&words, "killed: it had not ended after %u ms", p->target.spec->timeout_ms);
    else if (end->code < 0)
        buf_addf(&words, "signal %d after %u ms", -end->code, probe_ms(p));
    else
        buf_addf(&words, "exit code %d in %u ms", end->code, probe_ms(p));
    size_t n = words.n;
    buf_addf(&words, ":");
    add_printed(&words, end->output);
    if (words.n == n + 1)
        words.n = n;
    if (words.error)
        probe_end(p, !end->late && end->code == 0, false, "%s", bd_strerror(words.error));
    else
        probe_tell(p, !end->late && end->code == 0, false, buf_str(&words));
    buf_free(&words);
}

/* The words are the pool's; the list is to be freed. */
static int make_argv(const struct probe *p, const struct health_command *command, struct pool *pool,
                     const char ***ret_argv)
{
    char address[ADDRESS_TEXT_MAX];
    const struct terminate_host host = {
        .name = p->target.name,
        .id = p->target.id,
        .address = {address, p->target.to.family ? address_text(&p->target.to, address) : 0},
    };
    const char **argv = calloc(command->nargv + 1, sizeof(*argv));
    int r = argv ? terminate_words(command->argv, command->nargv, &host, pool, argv) : -ENOMEM;

    if (r < 0)
        free(argv);
    else
        *ret_argv = argv;
    return r;
}

static int run(struct probe *p, const char *const *argv)
{
    const struct capture_plan plan = {
        .argv = argv,
        .deadline_ns = clock_deadline(p->target.spec->timeout_ms * NS_PER_MS),
        .output_max = HEALTH_OUTPUT_MAX,
    };
    int r = capture_start(p->prober->options.loop, &plan, on_ended, p, &p->capture);

    /* Such a program fails for all hosts: no host is to go for it. */
    if (r == -ENOENT || r == -EACCES || r == -ENOEXEC || r == -ENOTDIR || r == -ELOOP) {
        probe_unasked(p, bd_strerror(r));
        return 0;
    }
    return r;
}

static int begin(struct probe *p)
{
    const struct health_command *command = find(p);
    struct pool pool = {0};
    const char **argv = NULL, *why;

    if (!command) {
        probe_unasked(p, "checks.exec of the configuration does not have it");
        return 0;
    }
    if (p->target.to.family && !probe_may_reach(p, &p->target.to, 0, &why)) {
        probe_fenced(p, why);
        return 0;
    }
    int r = make_argv(p, command, &pool, &argv);
    if (r == 0) {
        r = run(p, argv);
        free(argv);
    } else if (r == -BD_EINVALID) {
        probe_unasked(p, "its arguments want what this host has not given");
        r = 0;
    }
    pool_free(&pool);
    return r;
}

const struct probe_kind probe_exec = {begin};
