/* The files that a zone file includes: where they may be, what they are, each read once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <unistd.h>

#include <betterdns/error.h>
#include <betterdns/file.h>
#include <betterdns/includes.h>

#define PATH_SIZE 512

static char top[64];

static void __attribute__((format(printf, 1, 2))) run(const char *format, ...)
{
    char command[512];
    va_list ap;
    int n = snprintf(command, sizeof(command), "cd %s && ", top);

    va_start(ap, format);
    vsnprintf(command + n, sizeof(command) - (size_t)n, format, ap);
    va_end(ap);
    if (system(command) != 0)
        fail_msg("%s", command);
}

static int set_up(void **state)
{
    (void)state;
    strcpy(top, "/tmp/betterdns-includes.XXXXXX");
    if (!mkdtemp(top))
        return -1;
    run("mkdir -p zones/sub/deep && cd zones && printf zone >lab.zone && printf hosts >hosts && "
        "printf deep >sub/deep/x && printf out >../outside && mkfifo fifo && printf no >locked && "
        "ln -s hosts link && ln -s ../outside leaves && ln -s lab.zone itself && ln hosts hard && "
        "ln -s sub/deep folder && ln -s nowhere dangling && : >empty");
    return 0;
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", top);
    return system(command);
}

static struct includes *open_zone(const char *name)
{
    struct includes *in = NULL;
    char path[PATH_SIZE];

    snprintf(path, sizeof(path), "%s/zones/%s", top, name);
    assert_int_equal(includes_new(path, &in), 0);
    return in;
}

static struct zp_source found(struct includes *in, const char *name)
{
    struct zp_source source = {.name = NULL};
    int r = includes_read(in, str_c(name), 1, &source);

    if (r < 0)
        fail_msg("%s: %s", name, source.name ? source.name : bd_strerror(r));
    return source;
}

static void assert_text(struct includes *in, const char *name, const char *want)
{
    struct zp_source source = found(in, name);

    if (!str_eq(source.text, str_c(want)))
        fail_msg("%s: %.*s", name, STR_ARG(source.text));
}

static void assert_refused(struct includes *in, const char *name, int error, const char *why)
{
    struct zp_source source = {.name = NULL};

    assert_int_equal(includes_read(in, str_c(name), 1, &source), error);
    assert_non_null(source.name);
    if (!strstr(source.name, name) || !strstr(source.name, why))
        fail_msg("%s: %s", name, source.name);
}

static void names_are_relative_to_the_zone_file(void **state)
{
    struct includes *in = open_zone("lab.zone");
    char absolute[PATH_SIZE], want[PATH_SIZE];

    (void)state;
    assert_text(in, "hosts", "hosts");
    assert_text(in, "./sub/../sub/deep/x", "deep");
    assert_text(in, "folder/x", "deep");
    assert_text(in, "empty", "");
    snprintf(absolute, sizeof(absolute), "%s/zones/sub/deep/x", top);
    assert_text(in, absolute, "deep");
    snprintf(want, sizeof(want), "%s/zones/hosts", top);
    assert_string_equal(found(in, "hosts").name, want);
    includes_free(in);
}

/* Messages name the file as the zone file was named. */
static void messages_name_files_as_people_do(void **state)
{
    static const struct {
        const char *zone, *want;
    } rows[] = {{"lab.zone", "hosts"},
                {"./lab.zone", "./hosts"},
                {"../zones/lab.zone", "../zones/hosts"},
                {"./", "./hosts"}};
    char cwd[PATH_SIZE], path[PATH_SIZE];

    (void)state;
    assert_non_null(getcwd(cwd, sizeof(cwd)));
    snprintf(path, sizeof(path), "%s/zones", top);
    assert_int_equal(chdir(path), 0);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct includes *in = NULL;
        assert_int_equal(includes_new(rows[i].zone, &in), 0);
        assert_string_equal(found(in, "hosts").name, rows[i].want);
        includes_free(in);
    }
    assert_int_equal(chdir(cwd), 0);
}

static void what_is_outside_or_no_file_is_refused(void **state)
{
    struct includes *in = open_zone("lab.zone");

    (void)state;
    assert_refused(in, "../outside", -EXDEV, "outside the directory");
    assert_refused(in, "leaves", -EXDEV, "outside the directory");
    assert_refused(in, "/etc/passwd", -EXDEV, "outside the directory");
    assert_refused(in, "..", -EXDEV, "outside the directory");
    assert_refused(in, "nowhere", -ENOENT, "No such file");
    assert_refused(in, "dangling", -ENOENT, "No such file");
    assert_refused(in, "sub", -EISDIR, "a directory");
    assert_refused(in, "fifo", -EINVAL, "a FIFO");
    assert_refused(in, "lab.zone", -BD_EINVALID, "the zone file itself");
    assert_refused(in, "itself", -BD_EINVALID, "the zone file itself");
    /* The second time too. */
    assert_refused(in, "fifo", -EINVAL, "a FIFO");
    assert_refused(in, "leaves", -EXDEV, "outside the directory");
    includes_free(in);
}

static void a_directory_that_is_not_there(void **state)
{
    struct includes *in = NULL;
    char path[PATH_SIZE];

    (void)state;
    snprintf(path, sizeof(path), "%s/none/lab.zone", top);
    assert_int_equal(includes_new(path, &in), -ENOENT);
    assert_null(in);
    includes_free(NULL);
}

/* Whatever it is called: the parser knows a file by its text's address. */
static void each_file_is_read_once(void **state)
{
    struct includes *in = open_zone("lab.zone");
    const char *text = found(in, "hosts").text.p;

    (void)state;
    run("printf other >zones/hosts");
    assert_text(in, "hosts", "hosts");
    assert_ptr_equal(found(in, "./hosts").text.p, text);
    assert_ptr_equal(found(in, "link").text.p, text);
    assert_ptr_equal(found(in, "hard").text.p, text);
    includes_free(in);
    in = open_zone("lab.zone");
    assert_text(in, "link", "other");
    run("printf hosts >zones/hosts");
    includes_free(in);
}

/* Those that may come, too; none outside. */
static void all_that_was_asked_for_is_to_be_watched(void **state)
{
    static const char *const names[] = {"hosts", "nowhere", "folder/x"};
    struct includes *in = open_zone("sub/../lab.zone");
    struct zp_source source;
    char want[PATH_SIZE];

    (void)state;
    assert_int_equal(includes_count(in), 0);
    found(in, "hosts");
    assert_true(includes_read(in, STR("../outside"), 1, &source) < 0);
    assert_true(includes_read(in, STR("nowhere"), 1, &source) < 0);
    found(in, "folder/x");
    found(in, "hosts");
    assert_int_equal(includes_count(in), ARRAY_SIZE(names));
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        snprintf(want, sizeof(want), "%s/zones/%s", top, names[i]);
        assert_string_equal(includes_path(in, i), want);
    }
    includes_free(in);
}

static void there_are_limits(void **state)
{
    struct includes *in = open_zone("lab.zone");
    struct zp_source source = {.name = NULL};
    char name[32];

    (void)state;
    run("truncate -s 257M zones/large");
    assert_refused(in, "large", -EFBIG, "larger than all included files may be together");
    for (unsigned i = 1; i < INCLUDES_FILES_MAX; i++) {
        snprintf(name, sizeof(name), "none%u", i);
        assert_int_equal(includes_read(in, str_c(name), 1, &source), -ENOENT);
    }
    assert_int_equal(includes_read(in, STR("hosts"), 1, &source), -EMFILE);
    assert_string_equal(source.name, "more than 1000 files are included");
    assert_int_equal(includes_read(in, STR("none1"), 1, &source), -ENOENT);
    includes_free(in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_relative_to_the_zone_file),
        cmocka_unit_test(messages_name_files_as_people_do),
        cmocka_unit_test(what_is_outside_or_no_file_is_refused),
        cmocka_unit_test(a_directory_that_is_not_there),
        cmocka_unit_test(each_file_is_read_once),
        cmocka_unit_test(all_that_was_asked_for_is_to_be_watched),
        cmocka_unit_test(there_are_limits),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
