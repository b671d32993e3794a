/* doctor: what stands in the way of a start, or of a good life after it. */
#include "doctor.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <betterdns/json.h>

#include "client.h"

/* What a later one asks of an earlier one: who runs, which program. */
static const struct {
    const char *name;
    doctor_check *look;
} checks[] = {
    {"running", doctor_running}, {"clock", doctor_clock},     {"limits", doctor_limits},
    {"data", doctor_data},       {"live", doctor_live},       {"tmpfs", doctor_tmpfs},
    {"room", doctor_room},       {"secrets", doctor_secrets}, {"program", doctor_program},
    {"right", doctor_right},     {"dns", doctor_dns_port},    {"http", doctor_http_port},
    {"zone", doctor_zones},
};

static const char *const levels[] = {
    [FINDING_NOTE] = "note", [FINDING_WARNING] = "warning", [FINDING_ERROR] = "error"};
_Static_assert(ARRAY_SIZE(levels) == FINDING_NLEVELS, "one name a level");

/* One line, whatever is in the names of files. Lives as long as d. */
__attribute__((format(printf, 2, 0))) static const char *line(struct doctor *d, const char *format,
                                                              va_list args)
{
    struct problem p;
    char text[sizeof(p.detail)];

    str_vformat(text, sizeof(text), format, args);
    problem_set(&p, -BD_EINVALID, NULL, "%s", text);
    return pool_text(&d->pool, str_c(p.detail));
}

void doctor_found(struct doctor *d, enum finding level, const char *format, ...)
{
    struct doctor_finding f = {.level = level, .check = d->check};
    va_list args;

    d->found[level]++;
    va_start(args, format);
    f.what = line(d, format, args);
    va_end(args);
    buf_add(&d->findings, &f, sizeof(f));
}

static struct doctor_finding *last(const struct doctor *d)
{
    struct doctor_finding *all = (void *)d->findings.p;

    return all + d->findings.n / sizeof(*all) - 1;
}

/* A command is whole, or there is none: one with characters that a terminal acts on is left out. */
void doctor_mend(struct doctor *d, const char *format, ...)
{
    struct buf command = {0};
    unsigned n = 1;
    va_list args;

    va_start(args, format);
    buf_vaddf(&command, format, args);
    va_end(args);
    for (struct str rest = buf_str(&command); n > 0 && rest.n > 0; rest.p += n, rest.n -= n)
        n = str_printable(rest);
    if (n > 0 && !command.error && d->findings.n > 0)
        last(d)->command = pool_text(&d->pool, buf_str(&command));
    buf_free(&command);
}

void doctor_other(struct doctor *d, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    if (d->findings.n > 0)
        last(d)->other = line(d, format, args);
    va_end(args);
}

void doctor_problem(struct doctor *d, enum finding level, const struct problem *p)
{
    doctor_found(d, level, "%s", p->detail[0] ? p->detail : bd_strerror(p->error));
    if (p->hint[0])
        doctor_mend(d, "%s", p->hint);
}

char *doctor_nearest(const char *path)
{
    char *at = str_dup(str_c(path));
    char *slash;

    while (at && access(at, F_OK) < 0 && (slash = strrchr(at, '/')) && slash != at)
        *slash = '\0';
    if (at && access(at, F_OK) < 0)
        at[at[0] == '/'] = '\0';
    return at;
}

const char *doctor_path(struct doctor *d, const char *path)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-";
    struct buf quoted = {0};
    const char *text = path;

    if (path[strspn(path, plain)] != '\0') {
        cli_add_quoted(&quoted, path);
        text = pool_text(&d->pool, buf_str(&quoted));
        buf_free(&quoted);
    }
    return text ? text : path;
}

const char *doctor_user(char out[64])
{
    const struct passwd *user = getpwuid(geteuid());

    if (user)
        snprintf(out, 64, "%s", user->pw_name);
    else
        snprintf(out, 64, "%u", (unsigned)geteuid());
    return out;
}

/* ---- what is printed ---- */

static void print_text(const struct doctor *d, const struct doctor_finding *f, size_t n,
                       struct buf *out)
{
    const unsigned errors = d->found[FINDING_ERROR], warnings = d->found[FINDING_WARNING];

    for (; n > 0; n--, f++) {
        buf_addf(out, "%s: %s: %s\n", levels[f->level], f->check, f->what ? f->what : "");
        if (f->command)
            buf_addf(out, "  mend: %s\n", f->command);
        if (f->other)
            buf_addf(out, "  %s: %s\n", f->command ? "or" : "mend", f->other);
    }
    if (errors + warnings > 0)
        buf_addf(out, "%u error%s, %u warning%s\n", errors, errors == 1 ? "" : "s", warnings,
                 warnings == 1 ? "" : "s");
    else
        buf_addf(out, "nothing is in the way\n");
}

static void print_item(struct json *j, const struct doctor_finding *f)
{
    json_open(j, '{');
    json_key(j, "level");
    json_c(j, levels[f->level]);
    json_key(j, "check");
    json_c(j, f->check);
    json_key(j, "detail");
    json_c(j, f->what);
    json_key(j, "command");
    json_c(j, f->command);
    json_key(j, "other");
    json_c(j, f->other);
    json_close(j, '}');
}

static void print(const struct doctor *d, enum client_format format, struct buf *out)
{
    const struct doctor_finding *all = (const void *)d->findings.p;
    const size_t n = d->findings.n / sizeof(*all);
    struct json list = {.out = out};

    if (format == CLIENT_TABLE) {
        print_text(d, all, n, out);
        return;
    }
    if (format == CLIENT_JSON) {
        json_open(&list, '{');
        json_key(&list, "findings");
        json_open(&list, '[');
    }
    for (size_t i = 0; i < n; i++) {
        struct json one = {.out = out};
        print_item(format == CLIENT_JSON ? &list : &one, &all[i]);
        if (format == CLIENT_JSONL)
            buf_add_c(out, '\n');
    }
    if (format == CLIENT_JSON) {
        json_close(&list, ']');
        json_close(&list, '}');
        buf_add_c(out, '\n');
    }
}

static int run_doctor(const struct cli *cli)
{
    struct doctor d = {.config = NULL};
    struct buf out = {0};
    enum client_format format = CLIENT_TABLE;
    struct config *config = NULL;

    int code = client_format(cli, &format);
    if (code != EXIT_OK || !(config = cli_load_config(cli, &code)))
        return code;
    d.config = config;
    for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
        d.check = checks[i].name;
        checks[i].look(&d);
    }
    print(&d, format, &out);
    out.error = out.error ? out.error : d.findings.error;
    code = cli_print(&out);
    if (code == EXIT_OK && d.found[FINDING_ERROR] + d.found[FINDING_WARNING] > 0)
        code = EXIT_ERROR;
    buf_free(&d.findings);
    pool_free(&d.pool);
    free(d.program.path);
    config_free(config);
    return code;
}

const struct command command_doctor = {
    .name = "doctor",
    .usage = "",
    .help = "Looks for what is in the way on this machine; says the command that mends it.",
    .more =
        "Run it as the user that betterdns runs as. It looks at ports and who has them, the\n"
        "right to them, files, folders and their modes, room on the disk, the clock, the DNS\n"
        "server's program and version, zone files. It changes nothing. Exit code 1 where there\n"
        "is an error or a warning, 7 where the configuration itself is not valid.",
    .options = OPTION_BIT(OPTION_OUTPUT),
    .run = run_doctor,
};
