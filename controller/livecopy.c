/* Live copies: what the DNS server reads. Written by us alone, read by it alone. */
#include <stdio.h>
#include <stdlib.h>

#include <betterdns/file.h>
#include <betterdns/log.h>
#include <betterdns/pause.h>
#include <betterdns/zonefile.h>

#include "internal.h"

#define CHUNK_BYTES 65536U
/* The first line of a copy: three names, eight numbers, words and blanks. */
#define SOA_LINE_MAX (3 * DNAME_TEXT_MAX + 256)

static bool is_plain(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
}

char *live_path(const char *live, const struct dname *origin)
{
    char text[DNAME_TEXT_MAX];
    struct buf b = {0};

    size_t n = dname_to_text(origin, text);
    buf_addf(&b, "%s/", live);
    /* A name may be "." (the root) or have a slash (RFC 2317): neither may act in a path. */
    for (size_t i = 0; i + 1 < n; i++) {
        if (is_plain((unsigned char)text[i]))
            buf_add_c(&b, text[i]);
        else
            buf_addf(&b, "%%%02X", (unsigned char)text[i]);
    }
    if (n == 1)
        buf_add_str(&b, STR("%2E"));
    buf_add(&b, ".zone", sizeof(".zone"));
    if (b.error == 0)
        return b.p;
    buf_free(&b);
    return NULL;
}

static int flush(struct buf *b, int fd)
{
    int r = b->error ? b->error : file_write_all(fd, b->p, b->n);
    buf_reset(b);
    return r;
}

static void add_set(const struct rrset *set, struct buf *b)
{
    struct dname owner;
    struct rdset rdatas = rrset_rdatas(set);

    rrset_owner(set, &owner);
    zp_write_rrset(&owner, rrset_type(set), rrset_ttl(set), &rdatas, b);
}

static int write_records(const struct snap *s, unsigned zone, int fd, struct buf *b)
{
    const struct rrset *soa, *set;
    struct snap_iter it;
    unsigned at;

    soa = snap_find_name(s, zone, &snap_zone(s, zone)->origin, RRTYPE_SOA);
    if (!soa)
        return -BD_ECORRUPT;
    add_set(soa, b); /* first: the server reads no further when the serial is known to it */
    int r = snap_seek(s, (struct snap_key){.zone = zone}, &it);
    while (r == 0 && (set = snap_next(&it, &at)) && at == zone) {
        if (set != soa)
            add_set(set, b);
        if (b->n >= CHUNK_BYTES || b->error)
            r = flush(b, fd);
    }
    return r < 0 ? r : flush(b, fd);
}

int live_write(const char *path, const struct snap *s, unsigned zone)
{
    struct file_new f;
    struct buf b = {0};

    int r = file_new_open(&f, path, 0640);
    if (r < 0)
        return r;
    r = write_records(s, zone, f.fd, &b);
    PAUSE_POINT("live copy: about to take its place");
    if (r < 0)
        file_new_abort(&f);
    else
        r = file_new_commit(&f, false);
    buf_free(&b);
    return r;
}

static int take_serial(void *arg, const struct zp_record *record)
{
    uint32_t *serial = arg;

    if (record->type == RRTYPE_SOA)
        *serial = soa_serial(record->rdata, record->nrdata);
    return 1; /* the first record is all: the SOA stands there */
}

uint32_t controller_live_serial(const char *live, const struct dname *origin)
{
    struct zp_options options = {.origin = *origin, .default_ttl = UINT32_MAX, .any_owner = true};
    struct buf text = {0};
    uint32_t serial = 0;

    char *path = live_path(live, origin);
    if (path && file_read_start(path, SOA_LINE_MAX, &text) == 0) {
        const char *end = text.n ? memchr(text.p, '\n', text.n) : NULL;
        if (end)
            zp_parse((struct str){text.p, (size_t)(end - text.p) + 1}, &options, take_serial,
                     &serial);
    }
    buf_free(&text);
    free(path);
    return serial;
}
