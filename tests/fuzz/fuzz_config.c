/* Any text as a configuration: no crash, no leak; what is refused has its faults, what is accepted
 * has all that a start relies on. The text starts from the printed defaults where its first byte
 * says so, so that values are reached without guessing keys. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <betterdns/config.h>
#include <betterdns/file.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

static void check_accepted(const struct config *c)
{
    require(c->data && c->live && c->path, "a path is missing");
    require(c->server.kind && c->server.strategy, "a server without a kind");
    require(c->server.listen.ss_family != 0, "a server without an address");
    require(c->http.nlisten > 0 && c->nzones > 0, "nothing to serve");
    for (unsigned i = 0; i < c->nzones; i++) {
        const struct config_zone *z = &c->zones[i];
        require(z->origin.n > 1 && z->file && z->file[0] == '/', "a zone without name or file");
        require(z->ttl <= INT32_MAX, "a TTL beyond RFC 2181");
        for (unsigned j = 0; j < z->nns; j++)
            require(z->ns[j].name.n > 0 && z->ns[j].naddresses <= REGISTRY_ADDRESSES_MAX, "ns");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    char path[64];
    struct buf text = {0}, errors = {0};
    struct config *c = NULL;

    if (fd < 0)
        fd = memfd_create("config", MFD_CLOEXEC);
    if (size > 0 && data[0] == '+') {
        buf_add_str(&text, STR("zones: [{name: a.b, ns: [ns1 192.0.2.1]}]\n"));
        data++;
        size--;
    }
    buf_add(&text, data, size);
    require(fd >= 0 && ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0, "no memory file");
    require(file_write_all(fd, text.p, text.n) == 0, "no memory file");
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    int r = config_load(path, &c, &errors);
    require(r == 0 || r == -BD_EINVALID, "an odd error");
    require((r == 0) == (errors.n == 0), "faults without a refusal, or the other way");
    if (r == 0)
        check_accepted(c);
    config_free(c);
    buf_free(&errors);
    buf_free(&text);
    return 0;
}
