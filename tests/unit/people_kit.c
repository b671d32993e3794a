/* The kit of the tests of the people's file. */
#include "people_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <betterdns/file.h>

#define TEXT_MAX ((size_t)8 << 20)

/* ---- files ---- */

struct buf people_kit_read(const char *path)
{
    struct buf b = {0};

    assert_int_equal(file_read(path, TEXT_MAX, &b), 0);
    return b;
}

static bool has(const struct buf *b, const char *text)
{
    return memmem(b->p, b->n, text, strlen(text)) != NULL;
}

bool people_kit_has(const char *path, const char *text)
{
    struct buf b = {0};
    bool found = file_read(path, TEXT_MAX, &b) == 0 && has(&b, text);

    buf_free(&b);
    return found;
}

static void write_text(const char *path, const char *text, int flags)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);

    assert_true(fd >= 0);
    assert_int_equal(file_write_all(fd, text, strlen(text)), 0);
    close(fd);
}

void people_kit_write(const char *path, const char *text)
{
    write_text(path, text, O_TRUNC);
}

void people_kit_append(const char *path, const char *text)
{
    write_text(path, text, O_APPEND);
}

void people_kit_put(const char *path, struct str text)
{
    assert_int_equal(file_write_atomic(path, text, 0644, false), 0);
}

void people_kit_sed(const char *path, const char *from, const char *to)
{
    struct buf b = people_kit_read(path), edited = {0};

    const char *at = memmem(b.p, b.n, from, strlen(from));
    assert_non_null(at);
    buf_add(&edited, b.p, (size_t)(at - b.p));
    buf_add_str(&edited, str_c(to));
    buf_add(&edited, at + strlen(from), b.n - (size_t)(at - b.p) - strlen(from));
    assert_int_equal(edited.error, 0);
    people_kit_put(path, buf_str(&edited));
    buf_free(&b);
    buf_free(&edited);
}

const char *people_kit_beside(const struct controller_kit *f, const char *suffix)
{
    static char path[200];

    snprintf(path, sizeof(path), "%s/.lab.zone.%s", f->dir, suffix);
    return path;
}

bool people_kit_is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

/* ---- the zone ---- */

static bool set_is(const struct rrset *set, unsigned last)
{
    const uint8_t address[] = {192, 0, 2, (uint8_t)last};
    const struct rdset rdatas = set ? rrset_rdatas(set) : (struct rdset){0};

    return last == 0 ? set == NULL
                     : rdset_has(RRTYPE_A, &rdatas, (struct str){(const char *)address, 4});
}

bool people_kit_zone_has(struct controller_kit *f, const char *name, unsigned last)
{
    struct snap *s = registry_snapshot(f->registry);
    struct dname_rules rules = {.origin = &f->origin};
    struct dname owner;

    assert_int_equal(dname_from_text(str_c(name), &rules, &owner, NULL), 0);
    bool found = set_is(snap_find_name(s, 0, &owner, RRTYPE_A), last);
    snap_put(s);
    return found;
}

void people_kit_wait_zone(struct controller_kit *f, const char *name, unsigned last)
{
    uint64_t deadline = clock_deadline(CONTROLLER_KIT_PATIENCE);

    while (!people_kit_zone_has(f, name, last)) {
        if (clock_mono_ns() > deadline)
            fail_msg("%s is not 192.0.2.%u in the zone", name, last);
        usleep(2000);
    }
}

void people_kit_wait_text(const char *path, const char *text)
{
    uint64_t deadline = clock_deadline(CONTROLLER_KIT_PATIENCE);

    while (!people_kit_has(path, text)) {
        if (clock_mono_ns() > deadline)
            fail_msg("%s does not come to have: %s", path, text);
        usleep(2000);
    }
}

void people_kit_wait_gone(const char *path)
{
    uint64_t deadline = clock_deadline(CONTROLLER_KIT_PATIENCE);

    while (people_kit_is_there(path)) {
        if (clock_mono_ns() > deadline)
            fail_msg("%s stays", path);
        usleep(2000);
    }
}

void people_kit_wait_said(struct controller_kit *f, const char *says)
{
    uint64_t deadline = clock_deadline(CONTROLLER_KIT_PATIENCE);

    while (!people_kit_says(f, says, NULL)) {
        if (clock_mono_ns() > deadline)
            fail_msg("nobody says: %s", says);
        usleep(2000);
    }
}

uint64_t people_kit_seq(struct controller_kit *f)
{
    struct snap *s = registry_snapshot(f->registry);
    uint64_t seq = snap_seq(s);

    snap_put(s);
    return seq;
}

uint64_t people_kit_rest(struct controller_kit *f)
{
    uint64_t seq = people_kit_seq(f);

    controller_kit_wait_file(f, FILE_CLEAN, seq);
    return seq;
}

bool people_kit_says(struct controller_kit *f, const char *text, struct controller_fault *ret)
{
    static struct controller_fault faults[CONTROLLER_FAULTS_MAX];
    size_t n = controller_faults(f->controller, 0, faults, CONTROLLER_FAULTS_MAX);

    for (size_t i = 0; i < n && i < CONTROLLER_FAULTS_MAX; i++) {
        if (!strstr(faults[i].message, text))
            continue;
        if (ret)
            *ret = faults[i];
        return true;
    }
    return false;
}
