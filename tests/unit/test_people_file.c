/* Replacing a file that people own: rights, conflicts, links. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <betterdns/error.h>
#include <betterdns/file.h>

#include "people/file.h"

static char dir[64], path[128], link_path[128];

static int fails;       /* of every rename from now on, for this reason */
static bool no_flags;   /* as on a file system that knows none */
static const char *acl; /* of the old file; NULL: it has none */
static char new_acl[64];
static bool no_acl;        /* the new file can have none */
static unsigned removed;   /* so many new files have lost theirs */
static unsigned dir_syncs; /* of a directory, since the last rename */

/* In the place of libc's. Not every file system that tests run on has access lists. */
ssize_t getxattr(const char *file, const char *name, void *value, size_t size)
{
    (void)file;
    if (!acl || strcmp(name, "system.posix_acl_access") != 0 || size < strlen(acl)) {
        errno = ENODATA;
        return -1;
    }
    memcpy(value, acl, strlen(acl));
    return (ssize_t)strlen(acl);
}

int fsetxattr(int fd, const char *name, const void *value, size_t size, int flags)
{
    (void)fd;
    assert_string_equal(name, "system.posix_acl_access");
    assert_int_equal(flags, 0);
    snprintf(new_acl, sizeof(new_acl), "%.*s", (int)size, (const char *)value);
    errno = EOPNOTSUPP;
    return no_acl ? -1 : 0;
}

int fremovexattr(int fd, const char *name)
{
    (void)fd;
    assert_string_equal(name, "system.posix_acl_access");
    removed++;
    errno = ENODATA;
    return no_acl ? -1 : 0;
}

int fsync(int fd)
{
    struct stat st;

    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        dir_syncs++;
    return (int)syscall(SYS_fsync, fd);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    if (fails || (no_flags && flags)) {
        errno = fails ? fails : EINVAL;
        return -1;
    }
    dir_syncs = 0;
    return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

static int make_dir(void **unused)
{
    (void)unused;
    snprintf(dir, sizeof(dir), "/tmp/test_people.XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof(path), "%s/zone", dir);
    snprintf(link_path, sizeof(link_path), "%s/link", dir);
    return 0;
}

/* Removes the two names; any other file that was left makes it fail. */
static int remove_dir(void **unused)
{
    (void)unused;
    unlink(path);
    unlink(link_path);
    return rmdir(dir);
}

static void put(const char *t)
{
    assert_int_equal(file_write_atomic(path, str_c(t), 0644, false), 0);
}

static void shows(const char *file, const char *t)
{
    struct buf b = {0};

    assert_int_equal(file_read(file, 1000, &b), 0);
    assert_true(str_eq(buf_str(&b), str_c(t)));
    buf_free(&b);
}

/* A file beside it: what it holds, and then it is gone. */
static void left(const char *name, const char *t)
{
    char full[192];

    snprintf(full, sizeof(full), "%s/%s", dir, name);
    shows(full, t);
    assert_int_equal(unlink(full), 0);
}

static char said[256];

static int prepare(const char *file, bool there, const char *new, struct people_new *n)
{
    said[0] = '\0';
    int r = people_prepare(n, file, there, str_c(new), said);
    assert_true((r == 0) == (said[0] == '\0'));
    return r;
}

static bool window, foreign;

/* What is left beside it must be there, and hold what is said. */
static int replace(const char *file, const char *old, const char *new)
{
    struct hash128 hash = hash128(old ? old : "", old ? strlen(old) : 0), beside;
    struct people_swap swap = {.window = false};
    struct people_stat there;
    struct people_new n;

    int r = prepare(file, old != NULL, new, &n);
    if (r < 0)
        return r;
    said[0] = '\0';
    r = people_exchange(&n, file, old ? &hash : NULL, &swap, said);
    assert_true((r == 0) == (said[0] == '\0'));
    if (r == 0) {
        assert_int_equal(people_stat(file, &there), 0);
        assert_true(people_stat_eq(&swap.written, &there));
    }
    if (swap.beside.n > 0) {
        assert_int_equal(people_hash(swap.beside.p, &beside), 0);
        assert_true(hash128_eq(&beside, &hash) == !swap.foreign);
    }
    foreign = swap.foreign;
    window = swap.window;
    buf_free(&swap.beside);
    return r;
}

static void a_new_file(void **unused)
{
    struct stat st;

    (void)unused;
    assert_int_equal(replace(path, NULL, "one\n"), 0);
    shows(path, "one\n");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0644);
    /* Somebody made it while we did not look. */
    assert_int_equal(replace(path, NULL, "two\n"), -BD_ECONFLICT);
    shows(path, "one\n");
}

static void mode_stays(void **unused)
{
    struct stat st;

    (void)unused;
    put("old\n");
    assert_int_equal(chmod(path, 0660), 0);
    assert_int_equal(replace(path, "old\n", "new\n"), 0);
    shows(path, "new\n");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0660);
    left(".zone.prev.1", "old\n");
}

static void access_list_stays(void **unused)
{
    (void)unused;
    put("old\n");
    acl = "an access list";
    assert_int_equal(replace(path, "old\n", "new\n"), 0);
    assert_string_equal(new_acl, acl);
    left(".zone.prev.1", "old\n");
    /* Where it cannot be kept the file is only read. */
    no_acl = true;
    struct people_new n;
    assert_int_equal(people_prepare(&n, path, true, STR("newer\n"), said), -EPERM);
    assert_non_null(strstr(said, "access list"));
    acl = NULL;
    shows(path, "new\n");
    /* Nor has it that of its directory where the old one had none. */
    removed = 0;
    assert_int_equal(replace(path, "new\n", "newer\n"), 0);
    no_acl = false;
    assert_int_equal(replace(path, "newer\n", "newest\n"), 0);
    assert_int_equal(removed, 2);
    left(".zone.prev.1", "new\n");
    left(".zone.prev.2", "newer\n");
}

/* A rename is on the disk when its directory is. */
static void the_directory_is_synced(void **unused)
{
    (void)unused;
    assert_int_equal(unlink(path), 0);
    dir_syncs = 0;
    assert_int_equal(replace(path, NULL, "one\n"), 0);
    assert_true(dir_syncs > 0);
    assert_int_equal(replace(path, "one\n", "two\n"), 0);
    assert_true(dir_syncs > 0);
    left(".zone.prev.1", "one\n");
}

/* `echo >> zone` has opened the file before the exchange, and writes after it. */
static void a_writer_of_the_old_file_is_heard(void **unused)
{
    (void)unused;
    put("old\n");
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(replace(path, "old\n", "new\n"), 0);
    assert_int_equal(write(fd, "late\n", 5), 5);
    close(fd);
    shows(path, "new\n");
    left(".zone.prev.1", "old\nlate\n");
}

/* The next one does not take the name of one that is still looked after. */
static void each_displaced_file_has_its_name(void **unused)
{
    (void)unused;
    put("one\n");
    assert_int_equal(replace(path, "one\n", "two\n"), 0);
    assert_int_equal(replace(path, "two\n", "three\n"), 0);
    left(".zone.prev.1", "one\n");
    left(".zone.prev.2", "two\n");
}

/* It is not given back: whoever has read ours in that moment, to edit it, would write over it. */
static void a_save_in_between_is_beside(void **unused)
{
    (void)unused;
    put("edited\n");
    assert_int_equal(replace(path, "old\n", "new\n"), 0);
    assert_true(foreign);
    shows(path, "new\n");
    left(".zone.prev.1", "edited\n");
    unlink(path);
    assert_int_equal(replace(path, "old\n", "new\n"), -BD_ECONFLICT);
    assert_int_equal(access(path, F_OK), -1);
}

static void without_exchange(void **unused)
{
    (void)unused;
    put("old\n");
    no_flags = true;
    assert_int_equal(replace(path, "old\n", "new\n"), 0);
    no_flags = false;
    assert_true(window);
    shows(path, "new\n");
    left(".zone.prev.2", "old\n"); /* 1 was ours */
    no_flags = true;
    unlink(path);
    assert_int_equal(replace(path, NULL, "one\n"), 0);
    assert_int_equal(replace(path, NULL, "two\n"), -BD_ECONFLICT);
    no_flags = false;
    shows(path, "one\n");
}

/* A file that is mounted by itself. */
static void what_cannot_be_replaced_stays(void **unused)
{
    (void)unused;
    put("old\n");
    fails = EBUSY;
    assert_int_equal(replace(path, "old\n", "new\n"), -EBUSY);
    fails = 0;
    assert_non_null(strstr(said, "mount its directory"));
    shows(path, "old\n");
}

static void a_link_stays_one(void **unused)
{
    struct stat st;

    (void)unused;
    put("old\n");
    assert_int_equal(symlink("zone", link_path), 0);
    assert_int_equal(replace(link_path, "old\n", "new\n"), 0);
    shows(path, "new\n");
    assert_int_equal(lstat(link_path, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    left(".zone.prev.1", "old\n");
}

/* A link to a file that is not there is no file that somebody has made: the file is made where it
 * leads to. */
static void a_link_that_leads_nowhere(void **unused)
{
    char sub[100], target[160];
    struct stat st;

    (void)unused;
    snprintf(sub, sizeof(sub), "%s/v1", dir);
    snprintf(target, sizeof(target), "%s/zone", sub);
    assert_int_equal(mkdir(sub, 0755), 0);
    unlink(path);
    unlink(link_path);
    assert_int_equal(symlink("link", path), 0);
    assert_int_equal(symlink("v1/zone", link_path), 0);
    assert_int_equal(replace(path, NULL, "new\n"), 0);
    shows(target, "new\n");
    assert_int_equal(lstat(path, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(replace(path, "new\n", "newer\n"), 0);
    left("v1/.zone.prev.1", "new\n");
    left("v1/zone", "newer\n");
    assert_int_equal(rmdir(sub), 0);
    assert_int_equal(replace(path, NULL, "new\n"), -ENOENT);
    assert_non_null(strstr(said, "No such file"));
}

/* It is made while ours is on its way: nothing that would go away by looking again. */
static void a_link_in_the_place_of_a_new_file(void **unused)
{
    struct people_swap swap;
    struct people_new n;

    (void)unused;
    unlink(path);
    assert_int_equal(prepare(path, false, "new\n", &n), 0);
    assert_int_equal(symlink("nowhere", path), 0);
    assert_int_equal(people_exchange(&n, path, NULL, &swap, said), -EEXIST);
}

/* A deployment lets the link lead to its next directory in that very moment. */
static void a_link_that_moves_in_between(void **unused)
{
    const struct hash128 old = hash128("old\n", 4);
    char other[100], file[160];
    struct people_swap swap;
    struct people_new n;

    (void)unused;
    snprintf(other, sizeof(other), "%s/v2", dir);
    unlink(link_path);
    put("old\n");
    assert_int_equal(symlink("zone", link_path), 0);
    assert_int_equal(prepare(link_path, true, "new\n", &n), 0);
    assert_int_equal(unlink(link_path), 0);
    assert_int_equal(mkdir(other, 0755), 0);
    snprintf(file, sizeof(file), "%s/zone", other);
    assert_int_equal(file_write_atomic(file, STR("deployed\n"), 0644, false), 0);
    assert_int_equal(symlink("v2/zone", link_path), 0);
    assert_int_equal(people_exchange(&n, link_path, &old, &swap, said), 0);
    shows(swap.beside.p, "old\n");
    left(".zone.prev.1", "old\n");
    left("v2/zone", "deployed\n");
    buf_free(&swap.beside);
    assert_int_equal(rmdir(other), 0);
}

/* Nothing is left of it. */
static void an_aborted_file_is_none(void **unused)
{
    struct people_new n;

    (void)unused;
    put("old\n");
    assert_int_equal(prepare(path, true, "new\n", &n), 0);
    people_abort(&n);
    shows(path, "old\n");
}

static void what_moves(void **unused)
{
    struct people_stat a, b;

    (void)unused;
    put("one\n");
    assert_int_equal(people_stat(path, &a), 0);
    assert_int_equal(people_stat(path, &b), 0);
    assert_true(people_stat_eq(&a, &b));
    put("two\n"); /* another file, of equal size */
    assert_int_equal(people_stat(path, &b), 0);
    assert_false(people_stat_eq(&a, &b));
    assert_int_equal(people_stat("/nonexistent/zone", &a), -ENOENT);
}

static void put_aside(const char *suffix, const char *t, const char *expected)
{
    struct buf name = {0};

    assert_int_equal(people_put_aside(path, suffix, str_c(t), &name), 0);
    assert_string_equal(strrchr(name.p, '/') + 1, expected);
    shows(name.p, t);
    buf_free(&name);
}

static void note_aside(void *arg, const char *file, unsigned n)
{
    unsigned *seen = arg;

    assert_int_equal(strncmp(file, dir, strlen(dir)), 0);
    *seen |= 1U << n;
}

/* Never over another text; the same one is kept once. */
static void what_is_kept_beside(void **unused)
{
    struct buf name = {0};
    unsigned seen = 0;
    struct stat st;

    (void)unused;
    put("zone\n");
    assert_int_equal(chmod(path, 0640), 0);
    put_aside("held", "one\n", ".zone.held");
    put_aside("held", "two\n", ".zone.held.2");
    put_aside("held", "one\n", ".zone.held");
    put_aside("orig", "one\n", "zone.orig");
    snprintf(said, sizeof(said), "%s/.zone.held", dir);
    assert_int_equal(stat(said, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(people_each_aside(path, "held", note_aside, &seen), 0);
    assert_int_equal(seen, 1U << 1 | 1U << 2);
    assert_int_equal(people_move_aside(path, "discarded", said, &name), 0);
    buf_free(&name);
    left(".zone.discarded", "one\n");
    left(".zone.held.2", "two\n");
    left("zone.orig", "one\n");
    seen = 0;
    assert_int_equal(people_each_aside(path, "held", note_aside, &seen), 0);
    assert_int_equal(seen, 0);
}

/* It needs no longer names than an export does, and no other temporary file. */
static void what_is_kept_beside_a_long_name(void **unused)
{
    struct buf name = {0};
    char full[400];

    (void)unused;
    int pid = snprintf(full, sizeof(full), ".tmp.%ld", (long)getpid());
    int n = snprintf(full, sizeof(full), "%s/", dir);
    memset(full + n, 'z', (size_t)(254 - pid));
    full[n + 254 - pid] = '\0';
    assert_int_equal(file_write_atomic(full, STR("zone\n"), 0644, false), 0);
    assert_int_equal(people_put_aside(full, "held", STR("one\n"), &name), 0);
    shows(name.p, "one\n");
    assert_int_equal(people_put_over(full, name.p, STR("two\n")), 0);
    shows(name.p, "two\n");
    assert_int_equal(unlink(name.p), 0);
    assert_int_equal(unlink(full), 0);
    buf_free(&name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_file),
        cmocka_unit_test(mode_stays),
        cmocka_unit_test(access_list_stays),
        cmocka_unit_test(the_directory_is_synced),
        cmocka_unit_test(a_writer_of_the_old_file_is_heard),
        cmocka_unit_test(each_displaced_file_has_its_name),
        cmocka_unit_test(a_save_in_between_is_beside),
        cmocka_unit_test(without_exchange),
        cmocka_unit_test(what_cannot_be_replaced_stays),
        cmocka_unit_test(a_link_stays_one),
        cmocka_unit_test(a_link_that_leads_nowhere),
        cmocka_unit_test(a_link_in_the_place_of_a_new_file),
        cmocka_unit_test(a_link_that_moves_in_between),
        cmocka_unit_test(an_aborted_file_is_none),
        cmocka_unit_test(what_moves),
        cmocka_unit_test(what_is_kept_beside),
        cmocka_unit_test(what_is_kept_beside_a_long_name),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
