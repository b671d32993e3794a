#include "app_say.h"

#include <stdio.h>

#include <betterdns/clock.h>
#include <betterdns/log.h>
#include <betterdns/sockaddr.h>
#include <betterdns/version.h>

#include "app.h"

int app_exit_code(int error)
{
    switch (-error) {
    case 0: return EXIT_OK;
    case ENOENT:
    case BD_ENOTFOUND: return EXIT_NOT_FOUND;
    case BD_EINUSE:
    case BD_ECONFLICT: return EXIT_CONFLICT;
    case EACCES:
    case EPERM:
    case EROFS: return EXIT_NOT_ALLOWED;
    case BD_EINVALID:
    case BD_ESYNTAX:
    case BD_ENOZONE: return EXIT_INVALID;
    case BD_ETIMEDOUT: return EXIT_TIMEOUT;
    default: return EXIT_ERROR;
    }
}

int say_refused(const struct notify *notify, const struct problem *p)
{
    const char *what = p->detail[0] ? p->detail : bd_strerror(p->error);
    char status[sizeof(p->detail) + 16];

    snprintf(status, sizeof(status), "STATUS=%s", what);
    notify_clean(status);
    (void)notify_send(notify, status); /* stderr has it */
    fprintf(stderr, "betterdns: %s\n", what);
    if (p->hint[0])
        fprintf(stderr, "hint: %s\n", p->hint);
    return app_exit_code(p->error);
}

void say_hello(const struct config *config, unsigned http_port)
{
    const struct sockaddr_storage *dns = &config->server.listen;
    char http[SOCKADDR_TEXT_SIZE], dns_text[SOCKADDR_TEXT_SIZE], dns_host[SOCKADDR_HOST_SIZE];
    char zone[DNAME_TEXT_MAX];

    dname_to_text(&config->zones[0].origin, zone);
    zone[strlen(zone) - 1] = '\0'; /* people type names without the final dot */
    sockaddr_text(&config->http.listen[0], http_port, http);
    sockaddr_text(dns, sockaddr_port(dns), dns_text);
    fprintf(stderr,
            "betterdns %s answers: HTTP on %s, DNS on %s. Try, in another terminal:\n"
            "  curl -d name=web -d value=192.0.2.7 'http://%s/a?wait=served'\n"
            "  dig +short web.%s @%s -p %u\n",
            bd_version(), http, dns_text, http, zone, sockaddr_host(dns, dns_host),
            sockaddr_port(dns));
}

void say_reloaded(const struct config *c, bool another, uint64_t since_ns)
{
    log_info(another ? "the configuration before is in force again"
                     : "the configuration is in force",
             LOG_C("file", c->path), LOG_UINT("ms", (clock_mono_ns() - since_ns) / NS_PER_MS));
}
