/* Live copies: what the DNS server reads. Written by us alone, read by it alone. */
#include <stdio.h>
#include <stdlib.h>

#include <betterdns/file.h>
#include <betterdns/pause.h>
#include <betterdns/version.h>
#include <betterdns/zonefile.h>

#include "internal.h"

#define CHUNK_BYTES 65536U
/* The first two lines of a copy: three names, eight numbers, words and blanks; the stamp. */
#define HEAD_MAX (3 * DNAME_TEXT_MAX + 512)
#define CHANGE ", change "
#define BOOT_ID "/proc/sys/kernel/random/boot_id"

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

/* What is withdrawn is not the server's to know. */
static void add_set(const struct rrset *set, uint32_t drain_ttl, struct buf *b)
{
    struct dname owner;
    struct rdset served;
    uint8_t *bytes;

    int r = rrset_served(set, &bytes, &served);
    if (r < 0) {
        if (b->error == 0)
            b->error = r;
        return;
    }
    rrset_owner(set, &owner);
    zp_write_served(&owner, rrset_type(set), rrset_served_ttl(set, drain_ttl), &served, b);
    free(bytes);
}

/* The second line says who wrote the copy, and since which start of the machine it stands there:
 * within one, what was renamed is whole; after a power cut it may not be, for nothing waits for the
 * disk. What follows tells one state.db's history from another's (add_change). False: which start
 * that was is not known (/proc may be hidden), and nothing is proven. */
static bool add_stamp(struct buf *b)
{
    struct buf boot = {0};
    struct str rest, id = STR("unknown");

    bool known = file_read(BOOT_ID, 64, &boot) == 0;
    rest = buf_str(&boot);
    known = known && str_cut(&rest, '\n', &id);
    buf_addf(b, "; betterdns %s, boot %.*s" CHANGE, bd_version(), STR_ARG(id));
    buf_free(&boot);
    return known;
}

static void add_change(const struct snap *s, unsigned zone, struct buf *b)
{
    char hex[HASH128_HEX_SIZE];
    struct hash128 hash = registry_marker_hash(s, zone);

    buf_addf(b, "%llu %s\n", (unsigned long long)snap_seq(s), hash128_hex(&hash, hex));
}

static int write_records(const struct snap *s, unsigned zone, uint32_t drain_ttl, int fd,
                         struct buf *b)
{
    const struct rrset *soa, *set;
    struct snap_iter it;
    unsigned at;

    soa = snap_find_name(s, zone, &snap_zone(s, zone)->origin, RRTYPE_SOA);
    if (!soa)
        return -BD_ECORRUPT;
    add_set(soa, drain_ttl,
            b); /* first: the server reads no further when the serial is known to it */
    add_stamp(b);
    add_change(s, zone, b);
    int r = snap_seek(s, (struct snap_key){.zone = zone}, &it);
    while (r == 0 && (set = snap_next(&it, &at)) && at == zone) {
        if (set != soa)
            add_set(set, drain_ttl, b);
        if (b->n >= CHUNK_BYTES || b->error)
            r = flush(b, fd);
    }
    return r < 0 ? r : flush(b, fd);
}

int live_write(const char *path, const struct snap *s, unsigned zone, uint32_t drain_ttl)
{
    struct file_new f;
    struct buf b = {0};

    int r = file_new_open(&f, path, 0640);
    if (r < 0)
        return r;
    r = write_records(s, zone, drain_ttl, f.fd, &b);
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

/* The serial in a copy's first line, and the line after it; 0: there is none. */
static uint32_t read_head(const char *path, const struct dname *origin, struct buf *text,
                          struct str *ret_stamp)
{
    struct zp_options options = {.origin = *origin, .default_ttl = UINT32_MAX, .any_owner = true};
    struct str rest, line;
    uint32_t serial = 0;

    if (file_read_start(path, HEAD_MAX, text) < 0)
        return 0;
    rest = buf_str(text);
    if (!rest.n || !memchr(rest.p, '\n', rest.n))
        return 0;
    str_cut(&rest, '\n', &line);
    zp_parse((struct str){line.p, line.n + 1}, &options, take_serial, &serial);
    *ret_stamp = STR("");
    if (rest.n && memchr(rest.p, '\n', rest.n)) {
        str_cut(&rest, '\n', &line);
        *ret_stamp = (struct str){line.p, line.n + 1};
    }
    return serial;
}

/* "…, change SEQ HASH" at the end of the stamp. */
static bool read_change(struct str stamp, uint64_t *ret_seq, struct hash128 *ret_hash)
{
    struct str number;

    const char *at = stamp.n ? memmem(stamp.p, stamp.n, CHANGE, strlen(CHANGE)) : NULL;
    if (!at)
        return false;
    struct str rest = {at + strlen(CHANGE), 0};
    rest.n = (size_t)(stamp.p + stamp.n - 1 - rest.p); /* without the line's end */
    return str_cut(&rest, ' ', &number) && str_u64(number, UINT64_MAX, ret_seq) == 0 &&
           hash128_from_hex(rest, ret_hash) == 0;
}

struct controller_live controller_live(const char *live, const struct dname *origin)
{
    struct controller_live shown = {0};
    struct buf text = {0};
    struct str stamp;

    char *path = live_path(live, origin);
    if (path)
        shown.serial = read_head(path, origin, &text, &stamp);
    if (shown.serial == 0 || !read_change(stamp, &shown.seq, &shown.hash))
        shown.seq = 0;
    buf_free(&text);
    free(path);
    return shown;
}

bool live_is_whole(const char *path, const struct dname *origin, uint32_t serial)
{
    struct buf text = {0}, mine = {0};
    struct str stamp;

    bool known = add_stamp(&mine);
    bool whole = known && mine.error == 0 && read_head(path, origin, &text, &stamp) == serial &&
                 str_starts(stamp, buf_str(&mine));
    buf_free(&text);
    buf_free(&mine);
    return whole;
}
