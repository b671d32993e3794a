#include "config_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <betterdns/file.h>

char config_kit_dir[64], config_kit_path[96];
struct buf config_kit_errors;

int config_kit_set_up(void **state)
{
    (void)state;
    strcpy(config_kit_dir, "/tmp/betterdns-config.XXXXXX");
    if (!mkdtemp(config_kit_dir))
        return -1;
    snprintf(config_kit_path, sizeof(config_kit_path), "%s/c.yaml", config_kit_dir);
    return 0;
}

int config_kit_tear_down(void **state)
{
    (void)state;
    unlink(config_kit_path);
    return rmdir(config_kit_dir);
}

int config_kit_free(void **state)
{
    (void)state;
    buf_free(&config_kit_errors);
    return 0;
}

int config_kit_load(struct str text, struct config **ret_config)
{
    assert_int_equal(file_write_atomic(config_kit_path, text, 0600, false), 0);
    buf_reset(&config_kit_errors);
    int r = config_load(config_kit_path, ret_config, &config_kit_errors);
    buf_add_c(&config_kit_errors, '\0');
    return r;
}

void config_kit_faults(const char *text, const char *expected)
{
    struct config *c = NULL;
    struct buf got = {0};
    struct str rest, line;

    assert_int_equal(config_kit_load(str_c(text), &c), -BD_EINVALID);
    assert_null(c);
    rest = str_c(config_kit_errors.p);
    while (str_cut(&rest, '\n', &line)) {
        struct str file = str_c(config_kit_path);
        if (str_starts(line, file))
            line = (struct str){line.p + file.n, line.n - file.n};
        buf_addf(&got, "%.*s\n", STR_ARG(line));
    }
    buf_add_c(&got, '\0');
    assert_string_equal(got.p, expected);
    buf_free(&got);
}

void config_kit_faults_beside_a_zone(const char *options, const char *expected)
{
    char text[300];

    print_message("%s", options);
    snprintf(text, sizeof(text), "%szones: [{name: a.b}]\n", options);
    config_kit_faults(text, expected);
}
