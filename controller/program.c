/* What can be seen of servers without starting one: the program and its version, and the processes
 * that are there. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include <betterdns/capture.h>
#include <betterdns/clock.h>
#include <betterdns/controller.h>
#include <betterdns/process.h>

#include "child.h"
#include "kinds.h"
#include "servers/text.h"
#include "program.h"

#define VERSION_BYTES_MAX 4096

_Static_assert(sizeof(((struct controller_program *)0)->version) == SERVER_VERSION_SIZE, "equal");

/* ---- processes ---- */

static pid_t living(const char *data, const char *name)
{
    struct child c;

    if (child_lock_read(data, name, &c) < 0 || c.pid == 0)
        return 0;
    return process_start_time(c.pid) == c.start_time ? c.pid : 0;
}

unsigned controller_children(const char *data, pid_t *ret_pids, unsigned max)
{
    struct dirent *e;
    unsigned generation, n = 0;

    DIR *d = opendir(data);
    while (d && n < max && (e = readdir(d))) {
        pid_t pid = child_lock_generation(e->d_name, &generation) ? living(data, e->d_name) : 0;
        if (pid > 0)
            ret_pids[n++] = pid;
    }
    if (d)
        closedir(d);
    return n;
}

/* ---- the program ---- */

struct asking {
    const struct server_kind *kind;
    struct loop *loop;
    char *version;
};

static void on_version(void *arg, const struct capture_end *end)
{
    struct asking *a = arg;

    a->kind->version(end->output, a->version);
    loop_stop(a->loop);
}

static int ask_version(const struct server_kind *kind, const char *path, uint64_t deadline_ns,
                       char version[SERVER_VERSION_SIZE])
{
    const char *const argv[] = {path, kind->version_argument, NULL};
    const struct capture_plan plan = {
        .argv = argv, .deadline_ns = deadline_ns, .output_max = VERSION_BYTES_MAX};
    struct asking a = {.kind = kind, .version = version};
    struct capture *capture = NULL;

    int r = loop_new(&a.loop);
    if (r == 0)
        r = capture_start(a.loop, &plan, on_version, &a, &capture);
    if (r == 0)
        r = loop_run(a.loop);
    loop_free(a.loop);
    return r;
}

static bool is_old(const char *version, const char *oldest)
{
    struct server_release release = {{0}};

    return sscanf(oldest, "%u.%u", &release.part[0], &release.part[1]) == 2 &&
           server_release_before(version, &release);
}

void program_not_started(const char *path, int error, char ret_reason[256])
{
    const char *its = process_machine(path), *ours = process_machine("/proc/self/exe");

    if (error == -ENOEXEC && its && ours && strcmp(its, ours) != 0)
        snprintf(ret_reason, 256, "%.160s is a program for %s, and this machine is %s", path, its,
                 ours);
    else if (error == -ENOEXEC)
        snprintf(ret_reason, 256, "%.160s is no program, or a part of one", path);
    else
        snprintf(ret_reason, 256, "%.160s cannot be started: %s", path, bd_strerror(error));
}

static int say(int error, const char *name, const char *path, struct problem *p)
{
    char reason[256];

    if (error == -ENOENT)
        return problem_set(p, error, "binary", "there is no %s%s", name,
                           strchr(name, '/') ? "" : " in PATH");
    if (error == -EACCES) {
        problem_set(p, error, "binary", "%s is not an executable file", path);
        return p ? problem_hint(p, "chmod +x %s", path) : error;
    }
    program_not_started(path, error, reason);
    return problem_set(p, error, "binary", "%s", reason);
}

int controller_program(const char *kind, const char *binary, uint64_t deadline_ns,
                       struct controller_program *ret_program, struct problem *ret_problem)
{
    const struct server_kind *k = server_kind_by_name(kind);
    struct controller_program found = {.path = NULL};
    const char *name = binary ? binary : k ? k->binary : NULL;

    if (!name)
        return problem_set(ret_problem, -BD_EINVALID, "binary", "no program is named");
    int r = process_find(name, &found.path);
    if (r == 0 && k && k->version_argument)
        r = ask_version(k, found.path, deadline_ns, found.version);
    if (r < 0) {
        say(r, name, found.path, ret_problem);
        free(found.path);
        return r;
    }
    found.oldest = k ? k->oldest : NULL;
    found.old = found.oldest && found.version[0] && is_old(found.version, found.oldest);
    *ret_program = found;
    return 0;
}
