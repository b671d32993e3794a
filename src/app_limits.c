/* What the process may have, and what it gives back. */
#include "app_limits.h"

#include <malloc.h>
#include <sys/resource.h>

/* A descriptor a connection, a thread a connection: the soft limit of 1024 is too small. */
void limits_raise(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= 65536)
        return;
    limit.rlim_cur = limit.rlim_max < 65536 ? limit.rlim_max : 65536;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* Memory goes back when it is let go: large buffers are mapped each by themselves (glibc would
 * raise that limit at the first that is freed), and a thousand threads share few arenas. */
void limits_tame_malloc(void)
{
    mallopt(M_MMAP_THRESHOLD, 256 * 1024);
    mallopt(M_TRIM_THRESHOLD, 1024 * 1024);
    mallopt(M_ARENA_MAX, 4);
}
