/* YAML by libyaml's event interface: the document interface keeps duplicate keys and follows
 * aliases. */
#include "config_yaml.h"

#include <stdarg.h>
#include <stdio.h>
#include <yaml.h>

#include <betterdns/error.h>
#include <betterdns/lex.h>

/* libyaml's work on nested collections grows with the square of their depth; ours needs four
 * levels. */
#define DEPTH_MAX 8
/* Keeps the search for duplicates short. */
#define KEYS_MAX 256
#define FAULTS_MAX 20

struct reader {
    struct pool *pool;
    struct faults *faults;
    yaml_parser_t yaml;
    yaml_event_t event;
    struct node *root;
    struct node *open[DEPTH_MAX]; /* from the root down to the collection at hand */
    unsigned depth;
    struct node *key; /* read; its value comes next */
    bool stop, broken;
};

void fault(struct faults *f, const struct node *at, const char *format, ...)
{
    struct problem p;
    char text[sizeof(p.detail)];
    va_list args;

    if (f->n++ >= FAULTS_MAX)
        return;
    va_start(args, format);
    int n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    /* Makes what the file says printable. */
    problem_set(&p, -BD_EINVALID, NULL, "%s", n < 0 ? "malformed" : text);
    if (at && at->line > 0)
        buf_addf(f->out, "%s:%u:%u: %s\n", f->file, at->line, at->column, p.detail);
    else
        buf_addf(f->out, "%s: %s\n", f->file, p.detail);
}

bool node_is_null(const struct node *n)
{
    if (!n)
        return true;
    bool word = n->text.n == 0 || str_eq(n->text, STR("null")) || str_eq(n->text, STR("~"));
    return n->kind == NODE_TEXT && n->plain && word;
}

struct node *node_member(const struct node *map, struct str key)
{
    if (!map || map->kind != NODE_MAP)
        return NULL;
    for (struct node *m = map->first; m; m = m->next) {
        if (str_eq(m->key->text, key))
            return m;
    }
    return NULL;
}

static struct node place(yaml_mark_t mark)
{
    return (struct node){.line = (unsigned)mark.line + 1, .column = (unsigned)mark.column + 1};
}

/* A fault after which nothing that follows can be trusted. */
static void give_up(struct reader *r, const char *why)
{
    struct node at = place(r->event.start_mark);
    fault(r->faults, &at, "%s", why);
    r->stop = r->broken = true;
}

static void no_memory(struct reader *r)
{
    r->faults->no_memory = true;
    r->stop = true;
}

/* The scanner's and parser's own complaints; the reader's (bad UTF-8, control characters) come with
 * an offset only. */
static void syntax_fault(struct reader *r, struct str text)
{
    const yaml_parser_t *y = &r->yaml;
    struct node at = place(y->problem_mark);
    const char *problem = y->problem ? y->problem : "malformed";

    if (y->error == YAML_MEMORY_ERROR) {
        no_memory(r);
        return;
    }
    if (y->error == YAML_READER_ERROR) {
        size_t offset = y->problem_offset < text.n ? y->problem_offset : text.n;
        lex_position(text, text.p + offset, &at.line, &at.column);
        fault(r->faults, &at, "%s", problem);
        return;
    }
    if (y->context)
        fault(r->faults, &at, "%s (%s that begins in line %zu)", problem, y->context,
              y->context_mark.line + 1);
    else
        fault(r->faults, &at, "%s", problem);
}

static bool has_control(struct str s)
{
    while (s.n > 0) {
        unsigned n = str_printable(s);
        if (n == 0)
            return true;
        s = (struct str){s.p + n, s.n - n};
    }
    return false;
}

static void take_key(struct reader *r, struct node *map, struct node *key)
{
    if (key->kind != NODE_TEXT) {
        give_up(r, "a key is a word");
        return;
    }
    if (map->n >= KEYS_MAX) {
        give_up(r, "too many keys");
        return;
    }
    const struct node *first = node_member(map, key->text);
    if (first)
        fault(r->faults, key, "duplicate key '%.*s' (first in line %u)", STR_ARG(key->text),
              first->key->line);
    r->key = key;
}

/* Hangs a node into the collection at hand. */
static void attach(struct reader *r, struct node *n)
{
    struct node *parent = r->depth > 0 ? r->open[r->depth - 1] : NULL;

    if (!parent) {
        r->root = n;
        return;
    }
    if (parent->kind == NODE_MAP && !r->key) {
        take_key(r, parent, n);
        return;
    }
    n->key = r->key;
    r->key = NULL;
    if (parent->last)
        parent->last->next = n;
    else
        parent->first = n;
    parent->last = n;
    parent->n++;
}

static struct node *new_node(struct reader *r, enum node_kind kind)
{
    struct node *n = pool_array(r->pool, 1, sizeof(*n));
    if (!n) {
        no_memory(r);
        return NULL;
    }
    *n = place(r->event.start_mark);
    n->kind = kind;
    return n;
}

static void on_text(struct reader *r)
{
    struct node *n = new_node(r, NODE_TEXT);
    struct str value = {(const char *)r->event.data.scalar.value, r->event.data.scalar.length};

    if (!n)
        return;
    n->plain = r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    n->text = (struct str){pool_text(r->pool, value), value.n};
    if (!n->text.p)
        no_memory(r);
    else if (has_control(n->text))
        give_up(r, "a text with a line end or a control character");
    else
        attach(r, n);
}

static void on_open(struct reader *r, enum node_kind kind)
{
    if (r->depth == DEPTH_MAX) {
        give_up(r, "nested too deeply");
        return;
    }
    struct node *n = new_node(r, kind);
    if (!n)
        return;
    attach(r, n);
    r->open[r->depth++] = n;
}

/* Anchor and tag stand at different places in the three events. */
static bool is_decorated(const yaml_event_t *e)
{
    switch (e->type) {
    case YAML_SCALAR_EVENT: return e->data.scalar.anchor || e->data.scalar.tag;
    case YAML_SEQUENCE_START_EVENT:
        return e->data.sequence_start.anchor || e->data.sequence_start.tag;
    case YAML_MAPPING_START_EVENT: return e->data.mapping_start.anchor || e->data.mapping_start.tag;
    default: return false;
    }
}

static void on_event(struct reader *r)
{
    if (is_decorated(&r->event)) {
        give_up(r, "anchors (&) and tags (!) are not understood; quote a text that begins so");
        return;
    }
    switch (r->event.type) {
    case YAML_DOCUMENT_START_EVENT:
        if (r->root)
            give_up(r, "a second document");
        break;
    case YAML_ALIAS_EVENT:
        give_up(r, "aliases (*) are not understood; quote a text that begins so");
        break;
    case YAML_SCALAR_EVENT: on_text(r); break;
    case YAML_SEQUENCE_START_EVENT: on_open(r, NODE_LIST); break;
    case YAML_MAPPING_START_EVENT: on_open(r, NODE_MAP); break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT: r->depth--; break;
    case YAML_STREAM_END_EVENT: r->stop = true; break;
    default: break;
    }
}

int yaml_tree(struct pool *pool, struct str text, struct faults *faults, struct node **ret_root)
{
    struct reader r = {.pool = pool, .faults = faults};
    unsigned before = faults->n;

    if (!yaml_parser_initialize(&r.yaml))
        return -ENOMEM;
    yaml_parser_set_encoding(&r.yaml, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.yaml, (const unsigned char *)(text.p ? text.p : ""), text.n);
    while (!r.stop) {
        if (!yaml_parser_parse(&r.yaml, &r.event)) {
            syntax_fault(&r, text);
            r.broken = true;
            break;
        }
        on_event(&r);
        yaml_event_delete(&r.event);
    }
    yaml_parser_delete(&r.yaml);
    if (faults->no_memory)
        return -ENOMEM;
    *ret_root = r.broken ? NULL : r.root;
    return faults->n > before ? -BD_EINVALID : 0;
}
