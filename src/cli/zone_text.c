#include "zone_text.h"

#include <stdio.h>

static void complain(void *arg, const struct zp_error *error)
{
    const struct zone_text *z = arg;
    struct buf out = {0};

    zp_error_format(z->file, buf_str(&z->text), error, &out);
    if (!out.error)
        fwrite(out.p, 1, out.n, stderr);
    buf_free(&out);
}

int zone_text_open(struct zone_text *z, const char *file, const struct dname *origin)
{
    *z = (struct zone_text){
        .file = strcmp(file, "-") == 0 ? "standard input" : file,
        .options = {.origin = *origin, .default_ttl = UINT32_MAX, .on_error = complain},
    };
    z->options.error_arg = z;
    int code = cli_read_zone(file, &z->text);
    if (code != EXIT_OK)
        return code;
    int r = includes_new(strcmp(file, "-") == 0 ? "./" : file, &z->includes);
    if (r < 0)
        return cli_fail(app_exit_code(r), "the directory of %s: %s", z->file, bd_strerror(r));
    z->options.include = includes_read;
    z->options.include_arg = z->includes;
    return EXIT_OK;
}

void zone_text_free(struct zone_text *z)
{
    includes_free(z->includes);
    buf_free(&z->text);
}

int zone_text_origin(const char *text, struct dname *ret_origin)
{
    static const struct dname root = {.n = 1};
    const struct dname_rules rules = {.origin = &root};

    if (dname_from_text(str_c(text), &rules, ret_origin, NULL) == 0)
        return EXIT_OK;
    return cli_fail(EXIT_USAGE, "'%s' is not a zone's name", text);
}

int zone_text_result(const struct zone_text *z, int r)
{
    if (r == 0 || r == -BD_ESYNTAX || r == -BD_EINVALID)
        return r == 0 ? EXIT_OK : EXIT_INVALID;
    return cli_fail(app_exit_code(r), "%s: %s", z->file, bd_strerror(r));
}

int zone_text_load(struct zone_text *z, struct zp_zone **ret_zone)
{
    return zone_text_result(z, zp_zone_load(buf_str(&z->text), &z->options, ret_zone));
}
