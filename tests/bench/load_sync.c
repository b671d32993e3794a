/* What the disk gives: load_sync FILE SECONDS BYTES appends BYTES and calls fdatasync, again and
 * again, and prints how many times a second. The file stays in size after the first round, as a
 * journal that begins anew does: so the rate is that of the data alone. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <betterdns/clock.h>

#define BYTES_MAX 65536U
#define JOURNAL_BYTES (4U << 20)

static char block[BYTES_MAX];

static void die(const char *what)
{
    perror(what);
    exit(1);
}

int main(int argc, char **argv)
{
    const size_t bytes = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
    uint64_t n = 0;
    off_t at = 0;

    if (bytes == 0 || bytes > BYTES_MAX) {
        fputs("usage: load_sync FILE SECONDS BYTES\n", stderr);
        return 2;
    }
    int fd = open(argv[1], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        die(argv[1]);
    while (lseek(fd, 0, SEEK_END) < (off_t)JOURNAL_BYTES)
        if (write(fd, block, sizeof(block)) != (ssize_t)sizeof(block))
            die("write");
    fsync(fd);
    const uint64_t began = clock_mono_ns();
    const uint64_t end = began + (uint64_t)(strtod(argv[2], NULL) * (double)NS_PER_S);
    for (; clock_mono_ns() < end; n++) {
        if (pwrite(fd, block, bytes, at) != (ssize_t)bytes || fdatasync(fd) < 0)
            die("fdatasync");
        at = at + (off_t)bytes > (off_t)(JOURNAL_BYTES - BYTES_MAX) ? 0 : at + (off_t)bytes;
    }
    printf("%.1f\n", (double)n * (double)NS_PER_S / (double)(clock_mono_ns() - began));
    close(fd);
    return 0;
}
