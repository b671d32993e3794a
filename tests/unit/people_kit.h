/* What the tests of the people's file do to it, and see of it. */
#ifndef PEOPLE_KIT_H
#define PEOPLE_KIT_H

#include "controller_kit.h"

/* The whole file; fails the test where it is not there. The caller's to free. */
struct buf people_kit_read(const char *path);
bool people_kit_has(const char *path, const char *text);
/* In place, as an editor or `>>` does it. */
void people_kit_write(const char *path, const char *text);
void people_kit_append(const char *path, const char *text);
/* By a rename, as `sed -i` does it. */
void people_kit_put(const char *path, struct str text);
/* The first thing that stands in the file becomes the second. */
void people_kit_sed(const char *path, const char *from, const char *to);
/* FOLDER/.lab.zone.SUFFIX; static. */
const char *people_kit_beside(const struct controller_kit *f, const char *suffix);
bool people_kit_is_there(const char *path);

/* What the zone holds now: does host NAME have 192.0.2.LAST? last 0: is there none? */
bool people_kit_zone_has(struct controller_kit *f, const char *name, unsigned last);
/* Each waits for a minute at most, then fails the test. */
void people_kit_wait_zone(struct controller_kit *f, const char *name, unsigned last);
void people_kit_wait_text(const char *path, const char *text);
void people_kit_wait_gone(const char *path);
void people_kit_wait_said(struct controller_kit *f, const char *says); /* in /status */
/* Clean, and at the newest seq, which is returned. */
uint64_t people_kit_rest(struct controller_kit *f);
uint64_t people_kit_seq(struct controller_kit *f);
/* Some fault has this in its sentence. */
bool people_kit_says(struct controller_kit *f, const char *text, struct controller_fault *ret);

#endif
