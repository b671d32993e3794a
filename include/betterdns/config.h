/* The configuration (YAML, interface.md): what this version understands. */
#ifndef BETTERDNS_CONFIG_H
#define BETTERDNS_CONFIG_H

#include <sys/socket.h>

#include <betterdns/error.h>
#include <betterdns/health.h>
#include <betterdns/http.h>
#include <betterdns/registry.h>

struct config_zone {
    struct dname origin;
    char *file; /* default: DATA/ORIGIN.zone */
    bool write; /* default true */
    uint32_t ttl;
    struct registry_ns *ns;
    unsigned nns;
};

struct config_checks {
    struct network *allow;
    unsigned nallow;
    struct check_defaults defaults;
    bool keep_last;
    struct health_witness *witnesses;
    unsigned nwitnesses;
    struct health_rule *rules;
    unsigned nrules;
    struct health_command *commands;
    unsigned ncommands;
};

struct config {
    char *path; /* of the file it came from; NULL: the defaults */
    char *data, *live;
    struct {
        struct sockaddr_storage *listen;
        unsigned nlisten;
        char *token_file;
        bool auth_none; /* auth: none */
        struct network *allow;
        unsigned nallow;
        struct str *hosts;
        unsigned nhosts;
        struct network *trusted_proxies;
        unsigned ntrusted_proxies;
    } http;
    struct config_zone *zones;
    unsigned nzones;
    struct {
        char *kind, *strategy, *binary;
        char *corefile; /* NULL: one is written */
        struct sockaddr_storage listen;
        struct sockaddr_storage probe; /* AF_UNSPEC: none */
        struct str *start, *reload, *stop;
        unsigned nstart, nreload, nstop;
        bool keep_on_stop; /* on_stop: keep */
    } server;
    struct config_checks checks;
    struct health_terminate terminate;
    struct {
        uint32_t ttl;
    } maintenance;
};

/* Relative paths are relative to the file's own directory. NULL path: the defaults. All faults of
 * the file are in *ret_errors, a line each, as "file:line:column: message (did you mean 'x'?)".
 * -BD_EINVALID then; -ENOENT, -EACCES. No zone: an error that shows the lines to write. */
int config_load(const char *path, struct config **ret_config, struct buf *ret_errors);
void config_free(struct config *c);
/* The complete defaults, as commented YAML. */
void config_print_defaults(struct buf *out);

#endif
