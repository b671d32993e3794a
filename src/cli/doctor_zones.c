/* The zone files: valid, and may they be written? */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doctor.h"
#include "zone_text.h"

#define GROUPS_MAX 256
#define FAULTS_MAX 5U /* a zone; the rest comes with `zone check` */

struct looking {
    struct doctor *d;
    const char *file;
    char name[DNAME_TEXT_MAX];
    unsigned nfaults;
};

static void on_fault(void *arg, const struct zp_error *error)
{
    struct looking *l = arg;
    const char *file = error->file ? error->file : l->file;

    if (error->warning || l->nfaults++ >= FAULTS_MAX)
        return;
    doctor_found(l->d, FINDING_ERROR, "%s:%u:%u: %s%s%s%s", file, error->line, error->column,
                 error->message, error->hint ? " (" : "", error->hint ? error->hint : "",
                 error->hint ? ")" : "");
    doctor_mend(l->d, "${EDITOR:-vi} +%u %s; betterdns zone check %s %s", error->line,
                doctor_path(l->d, file), l->name, doctor_path(l->d, l->file));
}

static void look_into(struct looking *l, const struct config_zone *zone)
{
    struct zone_text z;
    struct zp_zone *loaded = NULL;

    int code = zone_text_open(&z, zone->file, &zone->origin);
    if (code == EXIT_OK) {
        z.options.default_ttl = zone->ttl;
        z.options.on_error = on_fault;
        z.options.error_arg = l;
        code = zone_text_load(&z, &loaded);
    }
    if (code != EXIT_OK && l->nfaults == 0)
        doctor_found(l->d, FINDING_ERROR, "%s cannot be read as a zone", zone->file);
    if (l->nfaults > FAULTS_MAX) {
        doctor_found(l->d, FINDING_ERROR, "%s: %u more faults", zone->file,
                     l->nfaults - FAULTS_MAX);
        doctor_mend(l->d, "betterdns zone check %s %s", l->name, doctor_path(l->d, zone->file));
    }
    zp_zone_free(loaded);
    zone_text_free(&z);
}

/* A file is written as a new one that takes its place: its folder counts. */
static void look_at_folder(struct doctor *d, const struct config_zone *zone)
{
    const char *slash = strrchr(zone->file, '/');
    const size_t n = slash && slash != zone->file ? (size_t)(slash - zone->file) : 1;
    char *folder = str_dup((struct str){zone->file, n}), user[64];

    if (!folder || !zone->write || strcmp(folder, d->config->data) == 0) {
        free(folder);
        return;
    }
    if (access(folder, F_OK) < 0 && errno == ENOENT) {
        doctor_found(d, FINDING_WARNING, "%s cannot be made: there is no folder %s", zone->file,
                     folder);
        doctor_mend(d, "install -d -o %s %s", doctor_user(user), doctor_path(d, folder));
    } else if (access(folder, W_OK | X_OK) < 0) {
        doctor_found(d, FINDING_WARNING, "%s will only be read: %s cannot make files in %s",
                     zone->file, doctor_user(user), folder);
        doctor_mend(d, "chown %s %s  # as root", user, doctor_path(d, folder));
        doctor_other(d, "write: false for this zone");
    }
    free(folder);
}

static bool in_group(gid_t group)
{
    gid_t groups[GROUPS_MAX];
    const int n = getgroups(GROUPS_MAX, groups);

    for (int i = 0; i < n; i++)
        if (groups[i] == group)
            return true;
    return getegid() == group;
}

/* Whoever could edit the old file must be able to edit the new one. */
static void look_at_rights(struct doctor *d, const char *file, const struct statx *st)
{
    const bool editable = (st->stx_mode & S_IWGRP) || !(st->stx_mode & S_IWUSR);

    if (geteuid() == 0)
        return;
    if (!in_group(st->stx_gid)) {
        doctor_found(d, FINDING_WARNING, "%s will only be read: its group cannot be kept", file);
        doctor_mend(d, "chgrp %u %s  # as root", (unsigned)getegid(), doctor_path(d, file));
    } else if (st->stx_uid != geteuid() && !editable) {
        doctor_found(d, FINDING_WARNING,
                     "%s will only be read: its owner could not edit it any "
                     "more",
                     file);
        doctor_mend(d, "chmod g+w %s  # as root", doctor_path(d, file));
    }
}

static void look_at_file(struct doctor *d, const struct config_zone *zone)
{
    struct statx st;

    if (statx(AT_FDCWD, zone->file, 0, STATX_MODE | STATX_UID | STATX_GID, &st) < 0)
        return;
    if (st.stx_mode & S_IWOTH) {
        doctor_found(d, FINDING_WARNING, "everybody can write to %s (mode %03o)", zone->file,
                     st.stx_mode & 0777U);
        doctor_mend(d, "chmod o-w %s", doctor_path(d, zone->file));
    }
    if (zone->write && st.stx_attributes & STATX_ATTR_MOUNT_ROOT) {
        doctor_found(d, FINDING_WARNING,
                     "%s will only be read: it is mounted by itself, and no "
                     "new file can take its place",
                     zone->file);
        doctor_other(d, "mount the folder that it is in, or write: false for this zone");
    } else if (zone->write) {
        look_at_rights(d, zone->file, &st);
    }
}

static void look_at_zone(struct doctor *d, const struct config_zone *zone)
{
    struct looking l = {.d = d, .file = zone->file};
    struct stat st;
    char user[64];

    dname_to_text(&zone->origin, l.name);
    look_at_folder(d, zone);
    if (access(zone->file, F_OK) < 0) /* it will be made */
        return;
    look_at_file(d, zone);
    if (access(zone->file, R_OK) < 0) {
        doctor_found(d, FINDING_ERROR, "%s cannot read %s", doctor_user(user), zone->file);
        if (stat(zone->file, &st) == 0 && st.st_uid == geteuid())
            doctor_mend(d, "chmod u+rw %s", doctor_path(d, zone->file));
        else
            doctor_mend(d, "chown %s %s  # as root", user, doctor_path(d, zone->file));
        return;
    }
    look_into(&l, zone);
}

void doctor_zones(struct doctor *d)
{
    for (unsigned i = 0; i < d->config->nzones; i++)
        look_at_zone(d, &d->config->zones[i]);
}
