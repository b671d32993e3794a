/* https checks, against `openssl s_server` and certificates made here. */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <curl/curl.h>

#include "prober_kit.h"

static char folder[] = "/tmp/test_prober_tls.XXXXXX";
static char authority[64]; /* the file that libcurl is to trust; empty: what it does by itself */
static pid_t server;
static unsigned port;
static struct prober_server silent, plain;

/* ---- whom libcurl trusts ---- */

CURLMcode __real_curl_multi_add_handle(CURLM *multi, CURL *easy);
CURLMcode __wrap_curl_multi_add_handle(CURLM *multi, CURL *easy);

CURLMcode __wrap_curl_multi_add_handle(CURLM *multi, CURL *easy)
{
    if (authority[0])
        curl_easy_setopt(easy, CURLOPT_CAINFO, authority);
    return __real_curl_multi_add_handle(multi, easy);
}

static void trust(const char *name)
{
    snprintf(authority, sizeof(authority), "%s/%s", folder, name);
}

/* ---- the server ---- */

static void make_certificate(const char *file, const char *name, const char *names)
{
    char command[600];

    snprintf(command, sizeof(command),
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
             "-keyout %s/%s.key -out %s/%s -subj /CN=%s -addext subjectAltName=%s 2>%s/said",
             folder, file, folder, file, name, names, folder);
    assert_int_equal(system(command), 0);
}

static void be_server(int out)
{
    char cert[2][64], key[2][64];

    for (int i = 0; i < 2; i++) {
        snprintf(cert[i], sizeof(cert[i]), "%s/%s", folder, i ? "web" : "other");
        snprintf(key[i], sizeof(key[i]), "%s/%s.key", folder, i ? "web" : "other");
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(out, STDOUT_FILENO);
    execlp("openssl", "openssl", "s_server", "-accept", "127.0.0.1:0", "-www", "-cert", cert[0],
           "-key", key[0], "-servername", "web.lab.example", "-cert2", cert[1], "-key2", key[1],
           (char *)NULL);
    _exit(127);
}

/* It says where it listens: "ACCEPT 127.0.0.1:PORT". */
static void start_server(void)
{
    char line[200];
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    server = fork();
    assert_true(server >= 0);
    if (server == 0)
        be_server(ends[1]);
    close(ends[1]);
    FILE *said = fdopen(ends[0], "r");
    assert_non_null(said);
    while (port == 0 && fgets(line, sizeof(line), said))
        if (sscanf(line, "ACCEPT 127.0.0.1:%u", &port) != 1)
            port = 0;
    fclose(said);
    assert_true(port > 0);
}

/* ---- tests ---- */

static void test_without_a_name(void **state)
{
    (void)state;
    prober_probe(true, "url https://:PORT/\n", port);
    prober_says(true, "HTTP 200 in ");
    prober_probe(true, "url https://:PORT/\nbody s_server\n", port);
    prober_says(true, "the body matches");
}

static void test_nobody_vouches(void **state)
{
    (void)state;
    authority[0] = '\0';
    prober_probe(true, "url https://web.lab.example:PORT/\n", port);
    prober_says(false, "certificate"); /* "self-signed certificate", as OpenSSL says it */
    assert_false(prober_last.unasked);
    trust("other");
    prober_probe(true, "url https://web.lab.example:PORT/\n", port);
    prober_says(false, "certificate");
}

/* The name of the URL is the server's name indication too: without it the server shows the other
 * certificate. */
static void test_names(void **state)
{
    (void)state;
    trust("web");
    prober_probe(true, "url https://web.lab.example:PORT/\n", port);
    prober_says(true, "HTTP 200 in ");
    prober_probe(true, "url https://WEB.lab.example.:PORT/\n", port);
    prober_says(true, "HTTP 200 in ");
    trust("other");
    prober_probe(true, "url https://other.lab.example:PORT/\n", port);
    prober_says(true, "HTTP 200 in ");
    prober_probe(true, "url https://127.0.0.1:PORT/\n", port);
    prober_says(true, "HTTP 200 in ");
    /* Its certificate's own name, which the host chose, is not repeated. */
    prober_probe(true, "url https://third.lab.example:PORT/\n", port);
    prober_says(false, "the certificate is for another name");
    prober_probe(true, "url https://127.0.0.2:PORT/\n", port);
    prober_says(false, "the certificate is for another name");
}

static void test_no_tls(void **state)
{
    (void)state;
    authority[0] = '\0';
    prober_probe(true, "url https://:PORT/\n", plain.port);
    assert_false(prober_last.ok);
    assert_false(prober_last.unasked);
    prober_probe(true, "url http://:PORT/\n", port);
    assert_false(prober_last.ok);
    prober_probe(true, "url https://:PORT/\ntimeout 300ms\n", silent.port);
    prober_says(false, "no answer within 300 ms");
}

/* That is our own lack. */
static void test_no_authorities(void **state)
{
    (void)state;
    trust("nothing");
    prober_probe(true, "url https://web.lab.example:PORT/\n", port);
    prober_says(false, "not asked: the certificates of authorities cannot be read");
    assert_true(prober_last.unasked);
    prober_probe(true, "url https://:PORT/\n", port);
    prober_says(true, "HTTP 200 in ");
}

static void speak_plainly(int fd)
{
    prober_say(fd, "220 mail.lab.example ESMTP\r\n");
}

static int set_up(void **state)
{
    if (!mkdtemp(folder))
        return -1;
    make_certificate("web", "web.lab.example", "DNS:web.lab.example");
    make_certificate("other", "secret.example", "DNS:other.lab.example,IP:127.0.0.1");
    start_server();
    prober_bind(&silent, SOCK_STREAM);
    prober_serve(&plain, speak_plainly);
    return prober_set_up(state);
}

static int tear_down(void **state)
{
    char command[100];

    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    prober_stop(&plain);
    close(silent.fd);
    snprintf(command, sizeof(command), "rm -r %s", folder);
    if (system(command) != 0)
        return -1;
    return prober_tear_down(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_a_name), cmocka_unit_test(test_nobody_vouches),
        cmocka_unit_test(test_names),          cmocka_unit_test(test_no_tls),
        cmocka_unit_test(test_no_authorities),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
