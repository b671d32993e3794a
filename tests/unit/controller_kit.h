/* A registry and a controller with a real coredns, in a directory of their own: for the tests of
 * the controller. */
#ifndef CONTROLLER_KIT_H
#define CONTROLLER_KIT_H

#include <pthread.h>

#include <betterdns/clock.h>
#include <betterdns/controller.h>

#define CONTROLLER_KIT_PATIENCE (60 * NS_PER_S)

struct controller_kit {
    char dir[64], data[80], live[80], file[100];
    const char *binary;
    bool keep, source_only; /* source_only: write: false */
    struct dname origin;
    struct sockaddr_storage listen;
    struct registry *registry;
    struct loop *loop;
    struct controller *controller;
    pthread_t thread;
    bool running;
    uint64_t number; /* of the last registration */

    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool started;           /* guarded by lock */
    int result;             /* guarded by lock */
    struct problem problem; /* guarded by lock */
};

/* $COREDNS, else the one that `make coredns` has built; false: there is none. */
bool controller_kit_find_coredns(void);
/* A port that is free now, UDP and TCP alike, outside what the kernel gives out itself. */
unsigned controller_kit_free_port(void);

int controller_kit_set_up(void **state);
int controller_kit_tear_down(void **state);
/* Opens everything and waits for the answer to the start, which it returns. */
int controller_kit_start(struct controller_kit *f);
void controller_kit_stop(struct controller_kit *f); /* also where nothing was started */

/* Registers host-HOST with 192.0.2.HOST; the serial that has it. */
uint32_t controller_kit_put_address(struct controller_kit *f, unsigned host);
/* The last one that was registered is withdrawn; likewise. */
uint32_t controller_kit_withdraw_address(struct controller_kit *f, unsigned host);
void controller_kit_wait_served(struct controller_kit *f, uint32_t serial); /* fails the test */
/* Waits until the people's file is in this state, and shows the change seq or a later one. */
void controller_kit_wait_file(struct controller_kit *f, enum file_state state, uint64_t seq);
/* The serial that the public address shows; 0: no answer. */
uint32_t controller_kit_ask_public(struct controller_kit *f);
/* zone may be NULL. */
struct controller_status controller_kit_status(struct controller_kit *f,
                                               struct controller_zone_status *zone);

#endif
