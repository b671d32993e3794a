/* Saves for tests. */
#include "save_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <betterdns/clock.h>
#include <betterdns/file.h>
#include <betterdns/includes.h>

static const char zone[] = "@ 3600 IN SOA ns1 hostmaster 7 3600 600 1209600 10\n"
                           "@ 3600 IN NS ns1\n"
                           "ns1 3600 IN A 192.0.2.53\n"
                           "www 60 IN A 192.0.2.80\n"
                           "www 60 IN A 192.0.2.81\n"
                           "mail 60 IN MX 10 www\n"
                           "old 60 IN TXT \"old\"\n";

void savekit_start_with(struct savekit *s, const char *name, const char *text)
{
    struct buf file = {0};

    *s = (struct savekit){.rule = NULL};
    regkit_start(&s->k);
    buf_addf(&file, "%s", zone);
    if (name) {
        savekit_include(s, name, text);
        buf_addf(&file, "$INCLUDE %s\n", name);
    }
    buf_add_c(&file, '\0');
    regkit_write(&s->k, 0, file.p);
    buf_free(&file);
    assert_int_equal(regkit_open(&s->k), 0);
}

void savekit_start(struct savekit *s)
{
    savekit_start_with(s, NULL, NULL);
}

void savekit_end(struct savekit *s)
{
    regkit_end(&s->k);
}

int savekit_make(void **state)
{
    static struct savekit kit;

    savekit_start(&kit);
    *state = &kit;
    return 0;
}

int savekit_remove(void **state)
{
    savekit_end(*state);
    return 0;
}

char *savekit_export(struct savekit *s)
{
    struct snap *snap = registry_snapshot(s->k.r);
    struct hash128 hash = registry_marker_hash(snap, 0);
    const struct rrset *set;
    struct snap_iter it;
    struct buf b = {0};
    unsigned at;

    zp_write_marker(snap_seq(snap), &hash, &b);
    if (b.p[b.n - 1] != '\n')
        buf_add_c(&b, '\n');
    snap_seek(snap, (struct snap_key){.zone = 0, .owner = STR("")}, &it);
    while ((set = snap_next(&it, &at)) && at == 0) {
        struct rdset rdatas = rrset_rdatas(set);
        struct dname owner;
        rrset_owner(set, &owner);
        zp_write_rrset(&owner, rrset_type(set), rrset_ttl(set), &rdatas, &b);
    }
    snap_put(snap);
    buf_add_c(&b, '\0');
    assert_int_equal(b.error, 0);
    return b.p;
}

char *savekit_with(char *text, const char *line)
{
    char *longer = NULL;

    assert_true(asprintf(&longer, "%s%s\n", text, line) > 0);
    free(text);
    return longer;
}

char *savekit_without(char *text, const char *part)
{
    char *from = text, *to = text, *end;
    bool found = false;

    while ((end = strchr(from, '\n'))) {
        *end = '\0';
        size_t n = strlen(from);
        if (strstr(from, part)) {
            found = true;
        } else {
            memmove(to, from, n);
            to[n] = '\n';
            to += n + 1;
        }
        from = end + 1;
    }
    *to = '\0';
    assert_true(found);
    return text;
}

char *savekit_replace(char *text, const char *from, const char *to)
{
    char *at = strstr(text, from), *changed = NULL;

    assert_non_null(at);
    assert_true(asprintf(&changed, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)) > 0);
    free(text);
    return changed;
}

void savekit_include(struct savekit *s, const char *name, const char *text)
{
    char path[160];

    snprintf(path, sizeof(path), "%s/%s", s->k.dir, name);
    assert_int_equal(file_write_atomic(path, str_c(text), 0644, false), 0);
}

static void take(struct savekit *s, struct saved *saved)
{
    snprintf(s->notes, sizeof(s->notes), "%.*s", STR_ARG(buf_str(&saved->notes)));
    buf_free(&saved->notes);
    s->saved = *saved;
}

struct hash128 savekit_content(const char *text)
{
    return hash128(text, strlen(text));
}

int savekit_save(struct savekit *s, const char *text)
{
    struct zp_options options = {
        .origin = s->k.zones[0].origin, .default_ttl = 30, .include = includes_read};
    struct save save = {.zone = 0, .actor = STR("lab.example.zone"), .accept = s->accept};
    const struct hash128 content = savekit_content(text);
    struct includes *includes;
    struct zp_zone *records;
    struct saved saved;

    save.content = &content;
    assert_int_equal(includes_new(s->k.file[0], &includes), 0);
    options.include_arg = includes;

    assert_int_equal(zp_zone_load(str_c(text), &options, &records), 0);
    save.records = records;
    save.marked = zp_find_marker(str_c(text), &save.seq, &save.hash) == 0;
    int r = save_by(s->k.r, &save, clock_deadline(s->patience_ns ? s->patience_ns : 60 * NS_PER_S),
                    s->rule ? s->rule : base_choose, &saved, &s->k.problem);
    take(s, &saved);
    zp_zone_free(records);
    includes_free(includes);
    return r;
}

void savekit_expect(struct savekit *s, char *text, enum save_verdict verdict)
{
    assert_int_equal(savekit_save(s, text), 0);
    assert_int_equal(s->saved.verdict, verdict);
    free(text);
}

void *savekit_main(void *job)
{
    struct savejob *j = job;

    j->result = savekit_save(j->s, j->file);
    return NULL;
}
