/* Every fsync succeeds and does nothing: for SQLite this is synchronous=OFF, for all other files a
 * program that forgot it. The control of the power cuts: what they find must be lost under it. */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

int fsync(int fd)
{
    (void)fd;
    return 0;
}

int fdatasync(int fd)
{
    (void)fd;
    return 0;
}

int msync(void *addr, size_t length, int flags)
{
    (void)addr;
    (void)length;
    (void)flags;
    return 0;
}

int sync_file_range(int fd, off_t offset, off_t count, unsigned flags)
{
    (void)fd;
    (void)offset;
    (void)count;
    (void)flags;
    return 0;
}
