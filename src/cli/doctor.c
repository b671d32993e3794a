/* doctor: what stands in the way of a start, or of a good life after it. */
#include "doctor.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli.h"

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

/* One line, whatever is in the names of files. */
static void add_line(struct doctor *d, const char *format, va_list args)
{
    struct problem p;
    char text[sizeof(p.detail)];

    str_vformat(text, sizeof(text), format, args);
    problem_set(&p, -BD_EINVALID, NULL, "%s", text);
    buf_addf(&d->out, "%s\n", p.detail);
}

void doctor_found(struct doctor *d, enum finding level, const char *format, ...)
{
    va_list args;

    d->found[level]++;
    buf_addf(&d->out, "%s: %s: ", levels[level], d->check);
    va_start(args, format);
    add_line(d, format, args);
    va_end(args);
}

void doctor_mend(struct doctor *d, const char *format, ...)
{
    va_list args;

    buf_addf(&d->out, "  mend: ");
    va_start(args, format);
    add_line(d, format, args);
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

const char *doctor_user(char out[64])
{
    const struct passwd *user = getpwuid(geteuid());

    if (user)
        snprintf(out, 64, "%s", user->pw_name);
    else
        snprintf(out, 64, "%u", (unsigned)geteuid());
    return out;
}

static int run_doctor(const struct cli *cli)
{
    struct doctor d = {.config = NULL};
    int code = EXIT_ERROR;
    struct config *config = cli_load_config(cli, &code);

    if (!config)
        return code;
    d.config = config;
    for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
        d.check = checks[i].name;
        checks[i].look(&d);
    }
    const unsigned errors = d.found[FINDING_ERROR], warnings = d.found[FINDING_WARNING];
    if (errors + warnings > 0)
        buf_addf(&d.out, "%u error%s, %u warning%s\n", errors, errors == 1 ? "" : "s", warnings,
                 warnings == 1 ? "" : "s");
    else
        buf_addf(&d.out, "nothing is in the way\n");
    code = cli_print(&d.out);
    free(d.program.path);
    config_free(config);
    return code == EXIT_OK && errors + warnings > 0 ? EXIT_ERROR : code;
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
    .run = run_doctor,
};
