/* Calls that fail on demand, told through a file that the process and the test have both mapped.
 * Only 64-bit words, so that a test in any language can write them. */
#ifndef BETTERDNS_TESTS_FAIL_H
#define BETTERDNS_TESTS_FAIL_H

#include <stdatomic.h>
#include <stdint.h>

enum fail_kind {
    FAIL_MALLOC, /* malloc, calloc, realloc, the aligned ones, and what calls them */
    FAIL_WRITE,  /* write, pwrite, writev, pwritev, ftruncate, fallocate: on files */
    FAIL_SYNC,   /* fsync, fdatasync */
    FAIL_OPEN,   /* open, openat: those that may write */
    FAIL_NAME,   /* rename, link, unlink, mkdir */
    FAIL_MAP,    /* mmap of a file */
    FAIL_READ,   /* read, pread: of files */
    FAIL_NKINDS
};

struct fail_plan {
    _Atomic uint64_t calls;  /* counted: those that the filters below let through */
    _Atomic uint64_t first;  /* the first call that fails, from 1; 0: none */
    _Atomic uint64_t last;   /* the last one; UINT64_MAX: it never stops */
    _Atomic uint64_t error;  /* the errno; FAIL_SHORT: half is written (FAIL_WRITE) */
    _Atomic uint64_t failed; /* how many did */
};
#define FAIL_SHORT 4096

struct fail_control {
    struct fail_plan plans[FAIL_NKINDS];
    _Atomic uint64_t process; /* only in this process; 0: in all that have the file mapped */
    char below[256];          /* only files whose path begins with this; empty: all */
    char thread[16];          /* only in threads of this name; empty: in all */
};

/* The file named by BETTERDNS_FAIL in the environment; without one, memory that only this process
 * and its forks share. */
struct fail_control *fail_control(void);

#endif
