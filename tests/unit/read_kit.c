/* The kit of the tests that read saves. */
#include "read_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include <betterdns/clock.h>
#include <betterdns/error.h>

char readkit_dir[64], readkit_path[128];

int readkit_set_up(void **state)
{
    (void)state;
    strcpy(readkit_dir, "/dev/shm/betterdns-save.XXXXXX"); /* leases work in containers there too */
    if (!mkdtemp(readkit_dir)) {
        strcpy(readkit_dir, "/tmp/betterdns-save.XXXXXX");
        if (!mkdtemp(readkit_dir))
            return -1;
    }
    snprintf(readkit_path, sizeof(readkit_path), "%s/zone", readkit_dir);
    return 0;
}

int readkit_tear_down(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", readkit_dir);
    return system(command);
}

void readkit_run(const char *commands)
{
    char command[512];

    snprintf(command, sizeof(command), "cd %s && %s", readkit_dir, commands);
    if (system(command) != 0)
        fail_msg("%s", command);
}

int readkit_look(struct readkit_look *l, const char *file)
{
    l->result = save_read(&l->reader, file, &l->text, &l->again_ns, &l->fault);
    return l->result;
}

void readkit_wait(uint64_t at_ns)
{
    uint64_t now = clock_mono_ns();

    if (at_ns > now)
        poll(NULL, 0, (int)((at_ns - now) / NS_PER_MS) + 1);
}

int readkit_read(struct readkit_look *l, const char *file)
{
    uint64_t end = clock_deadline(READKIT_PATIENCE_NS);

    while (readkit_look(l, file) == -EAGAIN) {
        assert_true(clock_mono_ns() < end);
        readkit_wait(l->again_ns);
    }
    return l->result;
}

void readkit_refuses(const char *file, int error, const char *says)
{
    struct readkit_look l = {.text.text.n = 7};

    if (readkit_read(&l, file) != error || !strstr(l.fault.message, says))
        fail_msg("%s: %d %s", file, l.result, l.fault.message);
    assert_int_equal(l.text.text.n, 7); /* untouched */
}
