/* The processes of a script under faults. */
#include "fail_run.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static void make_folder(char dir[64])
{
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

    snprintf(dir, 64, "%s/betterdns-fault-XXXXXX", base);
    MUST(mkdtemp(dir), "no directory");
}

static bool run_one(const struct kind *kind, uint64_t n, fail_run_fn *run)
{
    char said[512] = "", log[128], dir[64];
    int fds[2], status;

    make_folder(dir);
    MUST(pipe2(fds, O_CLOEXEC) == 0, "no pipe");
    pid_t pid = fork();
    if (pid == 0) {
        snprintf(log, sizeof(log), "%s/log", dir);
        int fd = open(log, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        dup2(fds[1], STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
        alarm(HANG_S);
        run(kind, n, dir);
    }
    close(fds[1]);
    ssize_t got = read(fds[0], said, sizeof(said) - 1);
    said[got > 0 ? got : 0] = '\0';
    close(fds[0]);
    waitpid(pid, &status, 0);
    bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!good) {
        printf("%s %llu: %s%s, in %s\n", kind->name, (unsigned long long)n,
               WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "", said, dir);
        return false;
    }
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return true;
}

int fail_main(int argc, char **argv, fail_run_fn *run)
{
    const struct kind *kind = argc == 5 ? kind_find(argv[1]) : NULL;
    unsigned runs = 0, bad = 0;

    if (!kind) {
        fprintf(stderr, "%s malloc|later|write|sync|open|name|map|read FROM TO STEP\n", argv[0]);
        return 2;
    }
    fail_control();
    uint64_t to = strtoull(argv[3], NULL, 10), step = strtoull(argv[4], NULL, 10);
    for (uint64_t n = strtoull(argv[2], NULL, 10); n <= to && bad < 10; n += step, runs++)
        bad += !run_one(kind, n, run);
    printf("%s: %u of %u processes wrong\n", kind->name, bad, runs);
    return bad > 0;
}
