/* The options of checks and of what ends a host, and what must hold among them. */
#include <arpa/inet.h>
#include <stdio.h>

#include <betterdns/duration.h>

#include "config_option.h"

#define TERMINATE_LEAST_MS 1000U
#define TERMINATE_MOST_MS 3600000U
#define MEMBERS_MAX 16U

/* ---- texts ---- */

void option_text(struct loader *l, const struct option *o, const struct node *value, void *base)
{
    if (value_is_text(l, value, "a text"))
        *(struct str *)option_field(o, base) = value->text;
}

void option_text_or_none(struct loader *l, const struct option *o, const struct node *value,
                         void *base)
{
    if (!node_is_null(value) && value_is_text(l, value, "a text"))
        *(char **)option_field(o, base) = loader_text(l, value->text);
}

void option_duration(struct loader *l, const struct option *o, const struct node *value, void *base)
{
    uint64_t ms;

    if (!value_is_text(l, value, "a time, as 30s or 5m"))
        return;
    if (duration_parse(value->text, &ms) < 0)
        fault(&l->faults, value, "'%.*s' is not a time, as 30s or 5m", STR_ARG(value->text));
    else if (ms < TERMINATE_LEAST_MS || ms > TERMINATE_MOST_MS)
        fault(&l->faults, value, "'%.*s' is not between 1s and 1h", STR_ARG(value->text));
    else
        *(uint32_t *)option_field(o, base) = (uint32_t)ms;
}

static bool read_word(struct loader *l, const struct node *value, const void *base, void *ret)
{
    (void)l;
    (void)base;
    *(struct str *)ret = value->text;
    return true;
}

const struct element element_word = {sizeof(struct str), "a word", read_word};

/* ---- checks ---- */

/* The canonical text of what was read; its place is at. */
static bool read_check(struct loader *l, const struct node *at, const struct check_member *members,
                       size_t n, struct str *ret_text)
{
    struct problem p = {0};
    struct buf text = {0};

    int r = check_read(members, n, &text, &p);
    if (r == -ENOMEM || text.error)
        l->faults.no_memory = true;
    else if (r < 0)
        fault(&l->faults, at, "%s%s%s", p.detail, p.hint[0] ? "; " : "", p.hint);
    char *copy = r == 0 && !text.error ? loader_text(l, buf_str(&text)) : NULL;
    *ret_text = (struct str){copy, text.n};
    buf_free(&text);
    return copy != NULL;
}

static const struct {
    const char *name;
    size_t to, from;
} defaults[] = {
#define DEFAULT(name, member)                                                                      \
    {                                                                                              \
        name, offsetof(struct check_defaults, member), offsetof(struct check_spec, member)         \
    }
    DEFAULT("interval", interval_ms),
    DEFAULT("timeout", timeout_ms),
    DEFAULT("fall", fall),
    DEFAULT("rise", rise),
    DEFAULT("deregister_after", deregister_after_s),
};
_Static_assert(sizeof(unsigned) == sizeof(uint32_t), "all of them are of one size");

void option_check_default(struct loader *l, const struct option *o, const struct node *value,
                          void *base)
{
    struct config *c = base;
    const char *name = strrchr(o->path, '.') + 1;
    /* What the others say does not matter here. */
    const struct check_defaults wide = {.interval_ms = UINT32_MAX, .fall = 1, .rise = 1};
    struct check_spec spec;
    struct str text;

    if (!value_is_text(l, value, "a value"))
        return;
    /* The same words as in a request, judged by the same function. */
    const struct check_member members[] = {{STR("url"), STR("tcp://:1")},
                                           {str_c(name), value->text}};
    if (!read_check(l, value, members, ARRAY_SIZE(members), &text) ||
        check_parse(text, &wide, &spec) < 0)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(defaults); i++)
        if (strcmp(defaults[i].name, name) == 0)
            memcpy((char *)&c->checks.defaults + defaults[i].to,
                   (const char *)&spec + defaults[i].from, sizeof(uint32_t));
}

void option_check(struct loader *l, const struct option *o, const struct node *value, void *base)
{
    struct check_member members[MEMBERS_MAX] = {{STR("url"), value->text}};
    size_t n = 1;

    if (value->kind == NODE_MAP) {
        n = 0;
        for (const struct node *m = value->first; m; m = m->next) {
            if (!value_is_text(l, m, "a value"))
                return;
            if (n == MEMBERS_MAX) {
                fault(&l->faults, m, "too many keys");
                return;
            }
            members[n++] = (struct check_member){m->key->text, m->text};
        }
    } else if (!value_is_text(l, value, "a URL, or a check's keys")) {
        return;
    }
    read_check(l, value, members, n, option_field(o, base));
}

/* A bare address is asked at a port that every machine answers for, be it by refusing. */
static bool read_witness(struct loader *l, const struct node *value, const void *base, void *ret)
{
    struct health_witness *w = ret;
    struct network n;
    struct check_spec spec;
    char url[80];
    struct str text = value->text;
    (void)base;

    if (network_parse(text, &n) == 0 && !memchr(text.p, '/', text.n)) {
        snprintf(url, sizeof(url), n.family == AF_INET6 ? "tcp://[%.*s]:22" : "tcp://%.*s:22",
                 STR_ARG(text));
        text = str_c(url);
        w->refused_is_ok = true;
    }
    const struct check_member member = {STR("url"), text};
    if (!read_check(l, value, &member, 1, &w->check) ||
        check_parse(w->check, &CHECK_DEFAULTS, &spec) < 0)
        return false;
    w->naddress = (uint8_t)check_host_address(&spec, w->address);
    if (w->naddress > 0)
        return true;
    fault(&l->faults, value,
          "'%.*s': a witness is an address, or the URL of a check with an address in it",
          STR_ARG(value->text));
    return false;
}

const struct element element_witness = {sizeof(struct health_witness), "a witness", read_witness};

/* ---- programs ---- */

static bool is_known(struct str word)
{
    static const char *const known[] = {"name", "address", "id"};

    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (str_eq(word, str_c(known[i])))
            return true;
    return false;
}

/* A word in braces that is not replaced is a mistake; other braces mean themselves. */
static void check_word(struct loader *l, const struct node *value)
{
    struct str rest = value->text, word;

    str_cut(&rest, '{', &word);
    while (rest.n > 0) {
        size_t n = 0;
        while (n < rest.n && ascii_lower((unsigned char)rest.p[n]) >= 'a' &&
               ascii_lower((unsigned char)rest.p[n]) <= 'z')
            n++;
        word = (struct str){rest.p, n};
        if (n > 0 && n < rest.n && rest.p[n] == '}' && !is_known(word))
            fault(&l->faults, value, "'{%.*s}' is not one of {name}, {address}, {id}",
                  STR_ARG(word));
        str_cut(&rest, '{', &word);
    }
}

static void check_argv(struct loader *l, const struct node *list)
{
    const struct node *program = list->first;

    for (const struct node *m = program ? program->next : NULL; m; m = m->next)
        if (m->kind == NODE_TEXT)
            check_word(l, m);
    if (program && program->kind == NODE_TEXT && program->text.n > 0 &&
        (program->text.p[0] != '/' || memchr(program->text.p, '{', program->text.n)))
        fault(&l->faults, program, "'%.*s' is not the absolute path of a program",
              STR_ARG(program->text));
}

static bool read_command(struct loader *l, const struct node *m, struct health_command *ret)
{
    struct health_command e = {.name = m->key->text};

    for (size_t i = 0; i < e.name.n; i++) {
        unsigned char c = ascii_lower((unsigned char)e.name.p[i]);
        if (!(c >= 'a' && c <= 'z') && !ascii_digit(c) && c != '-' && c != '_') {
            fault(&l->faults, m->key, "a check's name is letters, digits, '-' and '_'");
            return false;
        }
    }
    if (m->kind != NODE_LIST || m->n == 0) {
        fault(&l->faults, m,
              "expected a program and its arguments, as [/usr/lib/x, \"{address}\"]");
        return false;
    }
    struct str *argv = loader_alloc(l, m->n, sizeof(*argv));
    for (const struct node *word = m->first; argv && word; word = word->next) {
        if (!value_is_text(l, word, "a word"))
            return false;
        argv[e.nargv++] = word->text;
    }
    e.argv = argv;
    check_argv(l, m);
    *ret = e;
    return true;
}

void option_commands(struct loader *l, const struct option *o, const struct node *value, void *base)
{
    struct config *c = base;

    (void)o;
    if (node_is_null(value))
        return;
    if (value->kind != NODE_MAP) {
        fault(&l->faults, value, "expected names of checks, each with a program");
        return;
    }
    c->checks.commands = loader_alloc(l, value->n, sizeof(*c->checks.commands));
    for (const struct node *m = value->first; c->checks.commands && m; m = m->next)
        if (read_command(l, m, &c->checks.commands[c->checks.ncommands]))
            c->checks.ncommands++;
}

/* ---- what must hold ---- */

static bool has_command(const struct config_checks *checks, struct str name)
{
    for (unsigned i = 0; i < checks->ncommands; i++)
        if (str_eq(checks->commands[i].name, name))
            return true;
    return false;
}

static void check_rules(struct loader *l, const struct node *root)
{
    const struct config_checks *checks = &l->config->checks;
    const struct node *list = value_at(root, STR("checks.rules"));
    const struct node *at = list ? list->first : NULL;
    struct check_spec spec;

    if (!list || list->n != checks->nrules)
        return; /* what is no rule was complained about */
    for (unsigned i = 0; i < checks->nrules; i++, at = at->next) {
        const struct health_rule *rule = &checks->rules[i];
        const struct node *check = node_member(at, STR("check"));
        if (!rule->check.p || check_parse(rule->check, &checks->defaults, &spec) < 0)
            continue;
        if (spec.kind == CHECK_EXEC && !has_command(checks, spec.path))
            fault(&l->faults, check, "checks.exec has no '%.*s'", STR_ARG(spec.path));
    }
}

/* Without a token everybody who can connect could register a host away, and so end it. */
static void check_terminate(struct loader *l, const struct node *root)
{
    const struct config *c = l->config;
    const struct health_terminate *t = &c->terminate;
    const struct node *kind = value_at(root, STR("terminate.kind"));
    const struct node *argv = value_at(root, STR("terminate.argv"));

    if (t->enabled && !c->http.token_file)
        fault(&l->faults, value_at(root, STR("terminate.enabled")),
              "hosts are only ended where requests need a token: give http.token_file");
    if (argv && argv->kind == NODE_LIST)
        check_argv(l, argv);
    if (!t->kind || strcmp(t->kind, "none") == 0)
        return;
    bool exec = strcmp(t->kind, "exec") == 0;
    if (exec && t->nargv == 0)
        fault(&l->faults, kind, "'kind: exec' needs argv: [/usr/local/bin/kill-vm, \"{name}\"]");
    if (!exec && (!t->url || !t->secret_file))
        fault(&l->faults, kind, "'kind: webhook' needs url and secret_file");
}

static void check_url(struct loader *l, const struct node *root)
{
    const struct node *value = value_at(root, STR("terminate.url"));
    struct str url = str_c(l->config->terminate.url), rest = url, host;

    if (!value || url.n == 0)
        return;
    bool known = str_starts(url, STR("http://")) || str_starts(url, STR("https://"));
    const char *start = known ? strstr(url.p, "//") + 2 : url.p;
    rest = (struct str){start, url.n - (size_t)(start - url.p)};
    if (!known || !str_cut(&rest, '/', &host) || host.n == 0)
        fault(&l->faults, value, "'%.*s' is not a URL as https://HOST/PATH", STR_ARG(url));
    else if (memchr(host.p, '@', host.n))
        fault(&l->faults, value, "a URL with a user is not taken: the secret is in secret_file");
}

void config_check_alive(struct loader *l, const struct node *root)
{
    check_rules(l, root);
    check_terminate(l, root);
    check_url(l, root);
}
