/* The last good configuration: a line with its hash, and the text. */
#include "kept.h"

#include <betterdns/error.h>
#include <betterdns/file.h>
#include <betterdns/hash.h>

#include "corefile.h"

#define NAME "corefile.good"
#define HEAD "# %s %s of the last good Corefile and what it imports, kept by betterdns\n"
#define HEAD_MAX 256U
#define HEX (HASH128_HEX_SIZE - 1U)

char *kept_path(const char *data)
{
    return file_path(data, NAME);
}

void kept_print(const char *of, struct str text, struct buf *out)
{
    const struct hash128 file = hash128(of, strlen(of)), good = hash128(text.p, text.n);
    char of_file[HASH128_HEX_SIZE], of_text[HASH128_HEX_SIZE];

    buf_addf(out, HEAD, hash128_hex(&good, of_text), hash128_hex(&file, of_file));
    buf_add_str(out, text);
}

/* "# HASH HASH …" */
static int check(struct str head, const char *of, struct str text)
{
    const struct hash128 file = hash128(of, strlen(of)), good = hash128(text.p, text.n);
    struct hash128 of_text, of_file;

    if (head.n < 2 * HEX + 3 || hash128_from_hex((struct str){head.p + 2, HEX}, &of_text) < 0 ||
        hash128_from_hex((struct str){head.p + HEX + 3, HEX}, &of_file) < 0 ||
        !hash128_eq(&of_text, &good))
        return -BD_ECORRUPT;
    return hash128_eq(&of_file, &file) ? 0 : -BD_ENOTFOUND;
}

int kept_read(const char *path, const char *of, struct buf *text)
{
    struct buf all = {0};
    struct str rest, head;

    int r = file_read(path, COREFILE_MAX + HEAD_MAX, &all);
    rest = buf_str(&all);
    if (r == 0)
        r = str_cut(&rest, '\n', &head) ? check(head, of, rest) : -BD_ECORRUPT;
    if (r == 0)
        buf_add_str(text, rest);
    buf_free(&all);
    return r;
}
