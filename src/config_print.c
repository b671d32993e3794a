/* The defaults as text, by the table of options. */
#include <stdio.h>

#include "config_option.h"

/* Where nothing else is said of it, what may be chosen. */
static void add_help(const struct option *o, struct buf *out)
{
    const char *choice;

    option_help(o, out);
    for (unsigned i = 0; !o->help && !o->help_rest && (choice = option_choice_at(o, i)); i++)
        buf_addf(out, "%s%s", i > 0 ? ", " : "", choice);
}

static void print_row(struct buf *out, const char *indent, struct str key, const char *value,
                      const struct option *o)
{
    const size_t column = 42;
    size_t start = out->n;
    struct buf help = {0};

    buf_addf(out, "%s%.*s:%s%s", indent, STR_ARG(key), value[0] ? " " : "", value);
    size_t width = out->n - start;
    add_help(o, &help);
    if (help.n > 0)
        buf_addf(out, "%*s# %.*s", (int)(width < column ? column - width : 1), "",
                 STR_ARG(buf_str(&help)));
    buf_add_c(out, '\n');
    buf_free(&help);
}

/* A member of a list: an example, not a default, that is there to be uncommented. */
static void print_member(struct buf *out, const struct option *o, struct str *list)
{
    const char *end = strstr(o->path, "[].");
    const struct str head = {o->path, (size_t)(end - o->path)};
    const bool first = !str_eq(head, *list), deep = memchr(head.p, '.', head.n) != NULL;

    *list = head;
    print_row(out,
              deep    ? first ? "#    - " : "#      "
              : first ? "#  - "
                      : "#    ",
              str_c(end + strlen("[].")), o->example ? o->example : o->fallback, o);
}

static void print_option(struct buf *out, const struct option *o, struct str *section,
                         struct str *list)
{
    struct str rest = str_c(o->path), head;

    if (strstr(o->path, "[].")) {
        print_member(out, o, list);
        return;
    }
    str_cut(&rest, '.', &head);
    if (rest.n == 0) {
        print_row(out, "", head, o->fallback, o);
        return;
    }
    if (!str_eq(head, *section))
        buf_addf(out, "%.*s:\n", STR_ARG(head));
    *section = head;
    print_row(out, "  ", rest, o->fallback, o);
}

void config_print_defaults(struct buf *out)
{
    struct str section = STR(""), list = STR("");

    buf_addf(out,
             "# Every option of betterdns with its default. Paths are relative to this file.\n");
    for (size_t i = 0; i < config_noptions; i++)
        print_option(out, &config_options[i], &section, &list);
}
