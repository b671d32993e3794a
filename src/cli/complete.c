#include "complete.h"

#include "cli.h"

#define TYPED_MAX 8

/* What stands before the word that is being typed. */
struct typed {
    const char *words[TYPED_MAX]; /* but for options */
    int n;
    const struct option_row *option; /* its argument is next */
    const char *config;              /* what -c names */
    bool only_words;                 /* behind "--" */
    struct str last;                 /* the beginning of the word that is looked for */
    struct buf *out;
};

/* ---- reading ---- */

/* The option that takes the next word as its argument; NULL: none does. */
static const struct option_row *waiting_option(struct str word)
{
    for (unsigned k = 0; k < CLI_NOPTIONS; k++) {
        const struct option_row *o = option_row((enum cli_option)k);
        if (o->argument && word.n > 0 &&
            (str_eq(word, str_c(o->name)) || str_eq(word, str_c(o->letter))))
            return o;
    }
    return NULL;
}

static void read_word(struct typed *t, const char *word)
{
    if (t->option && strcmp(word, "=") == 0) /* bash cuts words there */
        return;
    if (t->option == option_row(OPTION_CONFIG))
        t->config = word;
    if (t->option)
        t->option = NULL;
    else if (!t->only_words && strcmp(word, "--") == 0)
        t->only_words = true;
    else if (!t->only_words && str_starts(str_c(word), STR("--config=")))
        t->config = strchr(word, '=') + 1;
    else if (!t->only_words && word[0] == '-' && word[1])
        t->option = waiting_option(str_c(word));
    else if (t->n < TYPED_MAX)
        t->words[t->n++] = word;
}

/* ---- what fits ---- */

static void offer(const struct typed *t, struct str before, struct str word, const char *help)
{
    struct buf whole = {0};

    buf_addf(&whole, "%.*s%.*s", STR_ARG(before), STR_ARG(word));
    if (str_starts(buf_str(&whole), t->last)) {
        buf_add_str(t->out, buf_str(&whole));
        if (help)
            buf_add_c(t->out, '\t');
        for (; help && *help; help++)
            buf_add_c(t->out, *help == '\n' ? ' ' : *help);
        buf_add_c(t->out, '\n');
    }
    buf_free(&whole);
}

static void offer_values(const struct typed *t, struct str before, option_values_fn *values)
{
    struct buf words = {0};

    values(&words);
    struct str rest = buf_str(&words), word;
    while (str_cut(&rest, ' ', &word))
        if (word.n > 0)
            offer(t, before, word, NULL);
    buf_free(&words);
}

/* before: what of the word stands before the argument, "--kind=". */
static void offer_argument(const struct typed *t, const struct option_row *o, struct str before)
{
    const char *comma =
        strstr(o->argument, "[,") && t->last.n > 0 ? memrchr(t->last.p, ',', t->last.n) : NULL;

    if (comma && comma >= t->last.p + before.n)
        before = (struct str){t->last.p, (size_t)(comma + 1 - t->last.p)};
    if (o->values)
        offer_values(t, before, o->values);
    else if (strcmp(o->argument, "FILE") == 0)
        buf_addf(t->out, "%s\n", COMPLETE_FILES);
}

static void offer_options(const struct typed *t, const struct command *c)
{
    for (unsigned k = 0; k < CLI_NOPTIONS; k++) {
        const struct option_row *o = option_row((enum cli_option)k);
        if ((c ? c->options | OPTIONS_COMMON : OPTIONS_COMMON) & OPTION_BIT(k))
            offer(t, STR(""), str_c(o->name), o->help);
    }
}

/* What is left of a command's name behind these words; false: it has others. */
static bool name_behind(const struct command *c, const char *const *words, int n,
                        struct str *ret_rest)
{
    struct str rest = str_c(c->name), word;

    for (int i = 0; i < n; i++)
        if (!str_cut(&rest, ' ', &word) || !str_eq(word, str_c(words[i])))
            return false;
    *ret_rest = rest;
    return rest.n > 0;
}

static void offer_commands(const struct typed *t, const char *const *words, int n)
{
    struct str rest, word, last = STR("");

    for (const struct command *const *c = cli_commands(); *c; c++) {
        if ((*c)->hidden || !name_behind(*c, words, n, &rest))
            continue;
        str_cut(&rest, ' ', &word);
        if (!str_eq(word, last)) /* those of a group stand together */
            offer(t, STR(""), word, rest.n > 0 ? NULL : (*c)->help);
        last = word;
    }
}

/* Of the configuration, where it can be read; what is wrong with it goes to stderr. */
static void offer_zones(const struct typed *t)
{
    struct cli cli = {.options[OPTION_CONFIG] = t->config};
    int code = EXIT_OK;

    cli.config_path = cli_setting(&cli, OPTION_CONFIG, "BETTERDNS_CONFIG");
    struct config *config = cli_load_config(&cli, &code);
    for (unsigned i = 0; config && i < config->nzones; i++) {
        char name[DNAME_TEXT_MAX];
        const size_t n = dname_to_text(&config->zones[i].origin, name);
        offer(t, STR(""), (struct str){name, n - 1}, NULL); /* without the final dot */
    }
    config_free(config);
}

static void offer_operand(const struct typed *t, const struct command *c, int used)
{
    if (c == &command_help)
        offer_commands(t, t->words + used, t->n - used);
    else if (t->n - used >= c->most)
        return;
    else if (c->values)
        offer_values(t, STR(""), c->values);
    else if (t->n == used && str_starts(str_c(c->usage + strspn(c->usage, "[")), STR("ZONE")))
        offer_zones(t);
    else if (strstr(c->usage, "FILE"))
        buf_addf(t->out, "%s\n", COMPLETE_FILES);
}

void complete_words(char *const *words, size_t n, struct buf *out)
{
    struct typed t = {.last = str_c(n > 0 ? words[n - 1] : ""), .out = out};
    struct str name = t.last;
    int used = 0;

    for (size_t i = 0; i + 1 < n; i++)
        read_word(&t, words[i]);
    const struct command *c = cli_find(t.words, t.n, &used);
    const char *equals = t.last.n > 0 ? memchr(t.last.p, '=', t.last.n) : NULL;
    name.n = equals ? (size_t)(equals - name.p) : 0;
    if (t.option && str_eq(t.last, STR("=")))
        t.last.n = 0;
    if (t.option)
        offer_argument(&t, t.option, STR(""));
    else if (!t.only_words && str_starts(t.last, STR("--")) && waiting_option(name))
        offer_argument(&t, waiting_option(name), (struct str){name.p, name.n + 1});
    else if (!t.only_words && str_starts(t.last, STR("-")))
        offer_options(&t, c);
    else if (c)
        offer_operand(&t, c, used);
    else
        offer_commands(&t, t.words, t.n);
}

int complete_main(char *const *words)
{
    struct buf out = {0};
    size_t n = 0;

    while (words[n])
        n++;
    complete_words(words, n, &out);
    return cli_print(&out);
}
