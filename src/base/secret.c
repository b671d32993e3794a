/* Secrets that the configuration names the files of. */
#include <betterdns/secret.h>

#include <sys/stat.h>

#include <betterdns/file.h>

#define SECRET_LEAST 16
#define SECRET_MOST 4096

static int say_unreadable(int error, const char *path, const struct secret *secret,
                          struct problem *p)
{
    problem_set(p, error, secret->field, "%s %s: %s", secret->file, path, bd_strerror(error));
    if (error == -ENOENT)
        problem_hint(p, "(umask 077; openssl rand -hex 32 >%s)", path);
    if (error == -EACCES)
        problem_hint(p,
                     "it must be readable for the user that runs betterdns, and for nobody else");
    return error;
}

int secret_read(const char *path, const struct secret *secret, struct buf *ret_secret,
                struct problem *ret_problem)
{
    struct problem *p = ret_problem;
    struct stat st;

    if (!path)
        return 0;
    if (stat(path, &st) < 0)
        return say_unreadable(-errno, path, secret, p);
    if (st.st_mode & (S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH)) {
        problem_set(p, -EACCES, secret->field, "%s %s can be read by others", secret->file, path);
        return problem_hint(p, "chmod 600 %s", path);
    }
    int r = file_read(path, SECRET_MOST, ret_secret);
    if (r < 0)
        return say_unreadable(r, path, secret, p);
    struct str rest = buf_str(ret_secret), line = {0};
    str_cut(&rest, '\n', &line);
    line = str_trim(line);
    if (line.n < SECRET_LEAST) {
        problem_set(p, -BD_EINVALID, secret->field, "%s %s: %s has at least %d characters",
                    secret->file, path, secret->what, SECRET_LEAST);
        return problem_hint(p, "openssl rand -hex 32 > %s", path);
    }
    memmove(ret_secret->p, line.p, line.n);
    ret_secret->n = line.n;
    return 0;
}
