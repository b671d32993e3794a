/* The folders data and live, and the files with secrets. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include <betterdns/file.h>
#include <betterdns/secret.h>

#include "doctor.h"

#define ROOM_LEAST (UINT64_C(64) << 20) /* octets */
#define FILES_LEAST 1000                /* inodes */
#define OTHERS_WRITE (S_IWGRP | S_IWOTH)

static void look_at_parent(struct doctor *d, const char *folder)
{
    char *above = doctor_nearest(folder), user[64];

    if (above && access(above, W_OK | X_OK) < 0) {
        doctor_found(d, FINDING_ERROR, "%s is not there, and %s cannot make it in %s", folder,
                     doctor_user(user), above);
        doctor_mend(d, "install -d -m 750 -o %s %s  # as root", user, doctor_path(d, folder));
    }
    free(above);
}

static void look_at_folder(struct doctor *d, const char *folder)
{
    struct stat st;
    char user[64];

    if (stat(folder, &st) < 0) {
        look_at_parent(d, folder);
        return;
    }
    if (!S_ISDIR(st.st_mode)) {
        doctor_found(d, FINDING_ERROR, "%s is not a folder", folder);
        doctor_mend(d, "mv %s %s.old", doctor_path(d, folder), doctor_path(d, folder));
        return;
    }
    if (access(folder, R_OK | W_OK | X_OK) < 0) {
        doctor_found(d, FINDING_ERROR, "%s cannot write into %s", doctor_user(user), folder);
        doctor_mend(d, "chown -R %s %s  # as root", user, doctor_path(d, folder));
    }
    if (st.st_mode & OTHERS_WRITE) {
        doctor_found(d, FINDING_WARNING, "others can write into %s (mode %03o)", folder,
                     (unsigned)st.st_mode & 0777U);
        doctor_mend(d, "chmod go-w %s", doctor_path(d, folder));
    }
}

void doctor_data(struct doctor *d)
{
    char *db = file_path(d->config->data, "state.db"), user[64];
    struct stat st;

    look_at_folder(d, d->config->data);
    if (db && stat(db, &st) == 0) {
        if (st.st_mode & OTHERS_WRITE) {
            doctor_found(d, FINDING_WARNING, "others can write to %s (mode %03o)", db,
                         (unsigned)st.st_mode & 0777U);
            doctor_mend(d, "chmod go-w %s", doctor_path(d, db));
        }
        if (access(db, R_OK | W_OK) < 0) {
            doctor_found(d, FINDING_ERROR, "%s cannot write to %s", doctor_user(user), db);
            doctor_mend(d, "chown -R %s %s  # as root", user, doctor_path(d, d->config->data));
        }
    }
    free(db);
}

void doctor_live(struct doctor *d)
{
    look_at_folder(d, d->config->live);
}

void doctor_tmpfs(struct doctor *d)
{
    char *at = doctor_nearest(d->config->live);
    struct statfs fs;

    if (at && statfs(at, &fs) == 0 && fs.f_type != TMPFS_MAGIC && fs.f_type != RAMFS_MAGIC) {
        doctor_found(d, FINDING_NOTE, "%s is on a disk: copies for the DNS server need none",
                     d->config->live);
        doctor_other(d, "live: /run/betterdns in the configuration, or another folder on tmpfs");
    }
    free(at);
}

/* ---- room ---- */

static void look_for_room(struct doctor *d, const char *folder)
{
    char *at = doctor_nearest(folder);
    struct statvfs fs;

    if (at && statvfs(at, &fs) == 0) {
        const uint64_t room = (uint64_t)fs.f_bavail * fs.f_frsize;
        if (fs.f_blocks > 0 && room < ROOM_LEAST) {
            doctor_found(d, FINDING_WARNING, "%llu KiB are left for %s",
                         (unsigned long long)(room / 1024), folder);
            doctor_mend(d, "du -xh %s | sort -h | tail  # what can go?", doctor_path(d, at));
        }
        if (fs.f_files > 0 && fs.f_favail < FILES_LEAST) {
            doctor_found(d, FINDING_WARNING, "%llu files (inodes) are left for %s",
                         (unsigned long long)fs.f_favail, folder);
            doctor_mend(d, "du -x --inodes %s | sort -n | tail  # what can go?",
                        doctor_path(d, at));
        }
    }
    free(at);
}

void doctor_room(struct doctor *d)
{
    look_for_room(d, d->config->data);
    look_for_room(d, d->config->live);
}

/* ---- secrets ---- */

static void look_at_secret(struct doctor *d, const char *path, const struct secret *secret)
{
    struct buf text = {0};
    struct problem p = {0};
    char user[64];

    int r = secret_read(path, secret, &text, &p);
    if (text.n > 0)
        explicit_bzero(text.p, text.n);
    buf_free(&text);
    if (r == -EACCES && access(path, R_OK) < 0)
        problem_hint(&p, "chown %s %s  # as root", doctor_user(user), doctor_path(d, path));
    if (r < 0)
        doctor_problem(d, FINDING_ERROR, &p);
}

void doctor_secrets(struct doctor *d)
{
    static const struct secret token = {"token_file", "token file", "a token"};
    static const struct secret webhook = {"secret_file", "secret file", "a secret"};

    look_at_secret(d, d->config->http.token_file, &token);
    look_at_secret(d, d->config->terminate.secret_file, &webhook);
}
