/* Starting a program, and what can be seen of one that runs. */
#include <betterdns/process.h>

#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <betterdns/buf.h>
#include <betterdns/error.h>
#include <betterdns/file.h>
#include <betterdns/portowner.h>

#define FAMILY_MAX 65536U

extern char **environ;

static int add_files(posix_spawn_file_actions_t *files, const struct process_plan *plan)
{
    int r = posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (r == 0)
        r = posix_spawn_file_actions_adddup2(files, plan->out, STDOUT_FILENO);
    if (r == 0)
        r = posix_spawn_file_actions_adddup2(files, plan->err, STDERR_FILENO);
    if (r == 0 && plan->folder)
        r = posix_spawn_file_actions_addchdir_np(files, plan->folder);
    /* A dup2 onto itself clears close-on-exec, in the child alone. */
    for (int i = 0; r == 0 && i < PROCESS_KEEP_MAX; i++)
        if (plan->keep[i] > 0)
            r = posix_spawn_file_actions_adddup2(files, plan->keep[i], plan->keep[i]);
    return r;
}

static int set_signals(posix_spawnattr_t *attr)
{
    sigset_t none, all;

    sigemptyset(&none);
    sigfillset(&all);
    int r = posix_spawnattr_setsigmask(attr, &none);
    if (r == 0)
        r = posix_spawnattr_setsigdefault(attr, &all);
    if (r == 0)
        r = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
                                               POSIX_SPAWN_SETSIGDEF);
    return r;
}

int process_spawn(const struct process_plan *plan, pid_t *ret_pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    /* Its prototype is older than const; it writes to neither pointer nor text. */
    union {
        const char *const *in;
        char *const *out;
    } argv = {.in = plan->argv};
    pid_t pid;

    int r = posix_spawn_file_actions_init(&files);
    if (r != 0)
        return -r;
    r = posix_spawnattr_init(&attr);
    if (r != 0)
        goto out;
    r = add_files(&files, plan);
    if (r == 0)
        r = set_signals(&attr);
    if (r == 0)
        r = posix_spawn(&pid, plan->argv[0], &files, &attr, argv.out, environ);
    if (r == 0)
        *ret_pid = pid;
    posix_spawnattr_destroy(&attr);
out:
    posix_spawn_file_actions_destroy(&files);
    return -r;
}

static int check_program(const char *path)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return errno == EACCES ? -EACCES : -ENOENT;
    return S_ISREG(st.st_mode) && access(path, X_OK) == 0 ? 0 : -EACCES;
}

int process_find(const char *name, char **ret_path)
{
    const char *path = getenv("PATH");
    struct str rest, dir;
    struct buf places = {0};
    char *found = NULL;
    int r = -ENOENT;

    if (strchr(name, '/')) {
        r = check_program(name);
        found = r == -ENOENT ? NULL : str_dup(str_c(name));
    } else {
        /* Where Debian has its servers, and an ordinary user's PATH has not. */
        buf_addf(&places, "%s:/usr/local/sbin:/usr/sbin", path ? path : "/usr/local/bin:/usr/bin");
        rest = buf_str(&places);
        while (r < 0 && str_cut(&rest, ':', &dir)) {
            struct buf b = {0};
            buf_addf(&b, "%.*s/%s", STR_ARG(dir.n ? dir : STR(".")), name);
            int one = b.error ? b.error : check_program(b.p);
            if (one == -EACCES && access(b.p, F_OK) < 0) /* a folder that is closed to us */
                one = -ENOENT;
            if (one == -ENOENT) {
                buf_free(&b);
                continue;
            }
            free(found);
            found = b.p;
            r = one;
        }
    }
    const bool no_memory = places.error < 0;
    buf_free(&places);
    if (no_memory || (r != -ENOENT && !found))
        return -ENOMEM;
    if (found)
        *ret_path = found;
    return r;
}

/* e_machine is in the file's own order of octets, which e_ident tells. */
const char *process_machine(const char *path)
{
    static const struct {
        unsigned number;
        const char *name;
    } machines[] = {
        {EM_386, "i386"},        {EM_X86_64, "x86_64"}, {EM_ARM, "arm"},
        {EM_AARCH64, "aarch64"}, {EM_PPC64, "ppc64le"}, {EM_S390, "s390x"},
        {EM_MIPS, "mips"},       {EM_RISCV, "riscv64"}, {EM_LOONGARCH, "loongarch64"},
    };
    unsigned char head[EI_NIDENT + 4]; /* ..., e_type, e_machine */

    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    ssize_t n = read(fd, head, sizeof(head));
    close(fd);
    if (n != sizeof(head) || memcmp(head, ELFMAG, SELFMAG) != 0)
        return NULL;
    const bool least_first = head[EI_DATA] == ELFDATA2LSB;
    const unsigned number = least_first ? head[EI_NIDENT + 2] | (unsigned)head[EI_NIDENT + 3] << 8
                                        : head[EI_NIDENT + 3] | (unsigned)head[EI_NIDENT + 2] << 8;
    for (unsigned i = 0; i < ARRAY_SIZE(machines); i++)
        if (machines[i].number == number)
            return machines[i].name;
    return "another machine";
}

/* ---- its sockets ---- */

struct inodes {
    uint64_t *p;
    size_t n, room;
};

static int add_inode(void *arg, int fd, uint64_t inode)
{
    struct inodes *all = arg;

    if (fd <= STDERR_FILENO)
        return 0;
    if (all->n == all->room) {
        size_t room = all->room ? 2 * all->room : 64;
        uint64_t *p = reallocarray(all->p, room, sizeof(*p));
        if (!p)
            return -ENOMEM;
        all->p = p;
        all->room = room;
    }
    all->p[all->n++] = inode;
    return 0;
}

static int by_value(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

int process_shares_sockets(pid_t pid)
{
    struct inodes all = {0};
    int twice = 0;

    int r = port_each_socket(pid, add_inode, &all);
    if (all.n > 0)
        qsort(all.p, all.n, sizeof(*all.p), by_value);
    for (size_t i = 1; i < all.n; i++)
        twice |= all.p[i] == all.p[i - 1];
    free(all.p);
    return r < 0 ? r : twice;
}

/* ---- its family ---- */

static int read_children(pid_t pid, struct buf *out)
{
    char path[80];

    snprintf(path, sizeof(path), "/proc/%ld/task/%ld/children", (long)pid, (long)pid);
    return file_read(path, FAMILY_MAX, out);
}

int process_children(pid_t pid, pid_t *ret_children, unsigned max)
{
    struct buf text = {0};
    struct str rest, word;
    uint64_t child;
    unsigned n = 0;

    int r = read_children(pid, &text);
    rest = buf_str(&text);
    while (r == 0 && n < max && str_cut(&rest, ' ', &word))
        if (str_u64(word, INT32_MAX, &child) == 0)
            ret_children[n++] = (pid_t)child;
    buf_free(&text);
    return r < 0 ? r : (int)n;
}

int process_grandchildren(pid_t pid)
{
    struct buf children = {0}, below = {0};
    struct str rest, word;
    uint64_t child;
    int n = 0;

    int r = read_children(pid, &children);
    rest = buf_str(&children);
    while (r == 0 && str_cut(&rest, ' ', &word)) {
        if (str_u64(word, INT32_MAX, &child) < 0)
            continue;
        buf_reset(&below);
        if (read_children((pid_t)child, &below) < 0)
            continue; /* it has just ended */
        struct str theirs = buf_str(&below);
        while (str_cut(&theirs, ' ', &word))
            n += word.n > 0;
    }
    buf_free(&children);
    buf_free(&below);
    return r < 0 ? r : n;
}
