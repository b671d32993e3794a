/* An option of the configuration is a row of the table in config.c: where it stands, what it is
 * when it is left out, and the function that understands it. */
#ifndef CONFIG_OPTION_H
#define CONFIG_OPTION_H

#include <betterdns/config.h>

#include "config_yaml.h"

struct loader {
    struct pool *pool;
    struct faults faults;
    struct config *config;
    char *dir; /* absolute: what relative paths are relative to */
};

struct option;

/* Reads value into the option's field of base (the configuration, or one of its zones), or says
 * what is wrong. */
typedef void option_set_fn(struct loader *l, const struct option *o, const struct node *value,
                           void *base);

/* How a list's members are read. */
struct element {
    size_t size;
    const char *what; /* "an address and port": for messages */
    bool (*read)(struct loader *l, const struct node *value, const void *base, void *ret_element);
};

/* The i-th choice of a table of another module; NULL: there are no more. */
typedef const char *option_listed_fn(unsigned i);

struct option {
    const char *path; /* "http.listen"; "zones[].name" for each member of a list */
    option_set_fn *set;
    size_t offset, count; /* of the field, and of the number of its elements */
    union {
        const char *const *choices; /* NULL-terminated */
        option_listed_fn *listed;   /* of option_listed */
        const struct element *element;
    };
    const char *fallback; /* YAML; NULL: must be given */
    const char *example;  /* shown by `betterdns config` where there is no fallback */
    const char *help;
    void (*help_rest)(struct buf *out); /* goes on where help ends, by another table; NULL: no */
};

option_set_fn option_path; /* char *, absolute */
option_set_fn option_path_or_none;
option_set_fn option_program; /* char *: a path, or a name without a slash */
option_set_fn option_program_or_none;
option_set_fn option_choice;      /* char *: one of choices */
option_set_fn option_listed;      /* char *: one of those that are listed */
option_set_fn option_second;      /* bool: true for the second of two choices */
option_set_fn option_bool;        /* bool */
option_set_fn option_ttl;         /* uint32_t */
option_set_fn option_dns_address; /* struct sockaddr_storage */
option_set_fn option_maps;        /* a list of maps, each by the options below "PATH[]." */
option_set_fn option_dns_address_or_none;
option_set_fn option_list;          /* an array of elements, and their number */
option_set_fn option_text;          /* struct str */
option_set_fn option_text_or_none;  /* char * */
option_set_fn option_duration;      /* uint32_t: milliseconds */
option_set_fn option_check_default; /* a member of config.checks.defaults, by the key's name */
option_set_fn option_check;         /* struct str: the canonical text of a check */
option_set_fn option_commands;      /* a map of names to argument vectors */
option_set_fn option_origin;        /* struct dname: a zone's name */
option_set_fn option_zone_file;     /* char *: default by the data directory and the zone's name */

extern const struct element element_address, element_network, element_host, element_ns;
extern const struct element element_word, element_witness;

/* The i-th of what may be chosen; NULL: there are no more, or this is no choice. */
const char *option_choice_at(const struct option *o, unsigned i);
/* All that there is to say of it, on one line. */
void option_help(const struct option *o, struct buf *out);

/* Of an array in the pool; says so where there is no memory. */
void *loader_alloc(struct loader *l, size_t count, size_t size);
char *loader_text(struct loader *l, struct str s); /* NUL-terminated copy, likewise */
void *option_field(const struct option *o, void *base);
/* A text that is not empty, or a complaint that it is not what. */
bool value_is_text(struct loader *l, const struct node *value, const char *what);
/* The value at a path of sections below map; NULL where it is not given. */
const struct node *value_at(const struct node *map, struct str path);

/* In the order in which `betterdns config` prints them; one that another needs stands before it. */
extern const struct option config_options[];
extern const size_t config_noptions;

/* What must hold among checks, terminate and the rest. */
void config_check_alive(struct loader *l, const struct node *root);

#endif
