/* A program of the configuration: no shell, a session of its own, another user if asked for. Past
 * its time-out its process group is told to end, and then killed. */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <betterdns/capture.h>
#include <betterdns/clock.h>
#include <betterdns/error.h>
#include <betterdns/process.h>

#include "terminator.h"

/* Between TERM and KILL. */
#define GRACE_NS (5 * NS_PER_S)
/* For trying whether we may become the user. */
#define TRY_NS (10 * NS_PER_S)
#define TRY_OUTPUT_MAX 200
#define PASSWD_MOST 16384

#define FIELD_ARGV "terminate.argv"
#define FIELD_USER "terminate.user"

/* ---- another user ---- */

struct trial {
    struct loop *loop;
    bool ok;
    char words[TRY_OUTPUT_MAX + 1];
};

static void on_tried(void *arg, const struct capture_end *end)
{
    struct trial *trial = arg;
    struct str words = str_trim(end->output);

    while (words.n > 0 && words.p[words.n - 1] == '\n')
        words.n--;
    trial->ok = !end->late && end->code == 0;
    str_format(trial->words, sizeof(trial->words), "%.*s", STR_ARG(words));
    loop_stop(trial->loop);
}

static int try_program(const char *const *argv, struct trial *trial)
{
    const struct capture_plan plan = {
        .argv = argv, .deadline_ns = clock_deadline(TRY_NS), .output_max = TRY_OUTPUT_MAX};
    struct capture *capture;
    int r = loop_new(&trial->loop);

    if (r < 0)
        return r;
    r = capture_start(trial->loop, &plan, on_tried, trial, &capture);
    if (r == 0)
        r = loop_run(trial->loop);
    loop_free(trial->loop);
    return r;
}

static int find_user(const char *name, struct passwd *ret_user, char *room, size_t size,
                     struct problem *ret_problem)
{
    struct passwd *found = NULL;
    int r = getpwnam_r(name, ret_user, room, size, &found);

    if (r != 0)
        return problem_set(ret_problem, -r, FIELD_USER, "the user %s cannot be looked up: %s", name,
                           bd_strerror(-r));
    if (!found)
        return problem_set(ret_problem, -BD_EINVALID, FIELD_USER, "there is no user %s", name);
    return 0;
}

static int add_head(struct terminator *t, const char *word)
{
    const char *copy = pool_text(&t->pool, str_c(word));

    if (!copy)
        return -ENOMEM;
    t->head[t->nhead++] = copy;
    return 0;
}

static int add_heads(struct terminator *t, const char *setpriv, const struct passwd *user)
{
    char uid[40], gid[40];

    snprintf(uid, sizeof(uid), "--reuid=%lu", (unsigned long)user->pw_uid);
    snprintf(gid, sizeof(gid), "--regid=%lu", (unsigned long)user->pw_gid);
    const char *const words[TERMINATE_HEAD_MAX] = {setpriv, uid, gid, "--init-groups", "--"};
    for (unsigned i = 0; i < ARRAY_SIZE(words); i++)
        if (add_head(t, words[i]) < 0)
            return -ENOMEM;
    return 0;
}

/* The way that the terminator will go, with a program that does nothing. */
static int check_become(const struct terminator *t, struct problem *ret_problem)
{
    const char *argv[TERMINATE_HEAD_MAX + 3] = {NULL};
    struct trial trial = {.ok = false};

    memcpy(argv, t->head, sizeof(t->head));
    argv[t->nhead] = t->head[0];
    argv[t->nhead + 1] = "--version";
    int r = try_program(argv, &trial);
    if (r < 0)
        return problem_set(ret_problem, r, FIELD_USER, "%s: %s", t->head[0], bd_strerror(r));
    if (trial.ok)
        return 0;
    problem_set(ret_problem, -EACCES, FIELD_USER, "this process may not run programs as %s: %s",
                t->options->user, trial.words);
    return problem_hint(ret_problem, "it takes root, or CAP_SETUID, CAP_SETGID and CAP_KILL");
}

/* setpriv of util-linux: what posix_spawn cannot do to a child. */
static int become(struct terminator *t, const struct passwd *user, struct problem *ret_problem)
{
    char *setpriv = NULL;
    int r = process_find("setpriv", &setpriv);

    if (r < 0) {
        free(setpriv);
        problem_set(ret_problem, r, FIELD_USER, "to run %s as another user takes setpriv",
                    t->program);
        return problem_hint(ret_problem, "apt-get install util-linux");
    }
    r = add_heads(t, setpriv, user);
    free(setpriv);
    return r < 0 ? r : check_become(t, ret_problem);
}

static int open_user(struct terminator *t, struct problem *ret_problem)
{
    struct passwd user;
    char *room = malloc(PASSWD_MOST);
    int r = room ? find_user(t->options->user, &user, room, PASSWD_MOST, ret_problem) : -ENOMEM;

    if (r == 0 && user.pw_uid != geteuid())
        r = become(t, &user, ret_problem);
    free(room);
    return r;
}

/* ---- the program ---- */

static bool has_placeholder(struct str word)
{
    const struct terminate_host host = {STR("n"), STR("i"), STR("a"), 1};
    struct buf filled = {0};
    bool differs = terminate_word(word, &host, &filled) == 0 &&
                   !str_eq((struct str){filled.p, filled.n - 1}, word);

    buf_free(&filled);
    return differs;
}

static int exec_open(struct terminator *t, struct problem *ret_problem)
{
    const struct health_terminate *o = t->options;

    if (o->nargv == 0)
        return problem_set(ret_problem, -BD_EINVALID, FIELD_ARGV,
                           "'kind: exec' needs a program: terminate.argv is empty");
    if (has_placeholder(o->argv[0]))
        return problem_set(ret_problem, -BD_EINVALID, FIELD_ARGV,
                           "a host does not choose the program that is run: '%.*s'",
                           STR_ARG(o->argv[0]));
    char *name = str_dup(o->argv[0]);
    if (!name)
        return -ENOMEM;
    int r = process_find(name, &t->program);
    free(name);
    if (r < 0)
        return problem_set(ret_problem, r, FIELD_ARGV, "the terminator %.*s: %s",
                           STR_ARG(o->argv[0]), bd_strerror(r));
    return o->user ? open_user(t, ret_problem) : 0;
}

static void exec_close(struct terminator *t)
{
    pool_free(&t->pool);
    free(t->program);
}

/* ---- one host ---- */

/* To be freed; its words are the pool's. */
static int make_argv(const struct terminator *t, const struct terminate_host *host,
                     struct pool *pool, const char ***ret_argv)
{
    const char **argv = calloc(t->nhead + t->options->nargv + 1, sizeof(*argv));
    unsigned n = t->nhead;

    if (!argv)
        return -ENOMEM;
    if (n > 0)
        memcpy(argv, t->head, n * sizeof(*argv));
    argv[n++] = t->program;
    int r = terminate_words(t->options->argv + 1, t->options->nargv - 1, host, pool, argv + n);
    if (r < 0)
        free(argv);
    else
        *ret_argv = argv;
    return r;
}

static void exec_tell(const struct terminator *t, const struct terminate_host *host,
                      struct buf *out)
{
    struct buf word = {0};

    buf_add_str(out, STR("run "));
    buf_add_str(out, str_c(t->program));
    for (unsigned i = 1; i < t->options->nargv; i++) {
        int r = terminate_word(t->options->argv[i], host, &word);
        if (r < 0)
            buf_addf(out, " (%.*s cannot be filled in)", STR_ARG(t->options->argv[i]));
        else
            buf_addf(out, " %s", word.p);
        buf_free(&word);
    }
    if (t->nhead > 0)
        buf_addf(out, " as %s", t->options->user);
}

static void on_ended(void *arg, const struct capture_end *end)
{
    struct termination *run = arg;
    uint32_t ms = run->terminator->options->timeout_ms;
    char words[64];

    if (end->late)
        str_format(words, sizeof(words), "killed: it had not ended after %u ms", ms);
    else if (end->code < 0)
        str_format(words, sizeof(words), "signal %d", -end->code);
    else
        str_format(words, sizeof(words), "exit code %d", end->code);
    terminate_end(run, &(struct terminate_end){.ok = !end->late && end->code == 0,
                                               .words = str_c(words),
                                               .output = end->output});
}

static int exec_run(struct termination *run, const struct terminate_host *host)
{
    struct terminator *t = run->terminator;
    struct pool pool = {0};
    const char **argv;

    int r = make_argv(t, host, &pool, &argv);
    if (r == 0) {
        const struct capture_plan plan = {
            .argv = argv,
            .deadline_ns = clock_deadline(t->options->timeout_ms * NS_PER_MS),
            .grace_ns = GRACE_NS,
            .output_max = TERMINATE_OUTPUT_MAX,
            .keep_end = true,
        };
        r = capture_start(t->loop, &plan, on_ended, run, &run->capture);
        free(argv);
    }
    pool_free(&pool);
    return r;
}

static void exec_cancel(struct termination *run)
{
    capture_cancel(run->capture);
}

const struct terminator_kind terminate_exec = {
    .name = "exec",
    .open = exec_open,
    .close = exec_close,
    .tell = exec_tell,
    .run = exec_run,
    .cancel = exec_cancel,
};
