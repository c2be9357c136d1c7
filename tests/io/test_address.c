// SPDX-License-Identifier: MIT
/*
 * Purpose: io/address: strings to socket addresses.
 */
#include "io/address.h"

#include "support/fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/un.h>

static void test_address_ipv4_is_ready(void **state)
{
    (void)state;
    struct rv_address a;
    struct rv_address_name name;
    assert_int_equal(rv_address_parse("127.0.0.1:8080", &a, &name), RV_ADDRESS_READY);
    const struct sockaddr_in *sin = (const struct sockaddr_in *)&a.storage;
    assert_int_equal(a.len, sizeof(*sin));
    assert_int_equal(sin->sin_family, AF_INET);
    assert_int_equal(ntohs(sin->sin_port), 8080);
    assert_int_equal(ntohl(sin->sin_addr.s_addr), INADDR_LOOPBACK);
}

static void test_address_ipv6_is_ready(void **state)
{
    (void)state;
    struct rv_address a;
    struct rv_address_name name;
    assert_int_equal(rv_address_parse("[::1]:65535", &a, &name), RV_ADDRESS_READY);
    const struct sockaddr_in6 *sin6 = (const struct sockaddr_in6 *)&a.storage;
    assert_int_equal(a.len, sizeof(*sin6));
    assert_int_equal(sin6->sin6_family, AF_INET6);
    assert_int_equal(ntohs(sin6->sin6_port), 65535);
    assert_memory_equal(&sin6->sin6_addr, &in6addr_loopback, sizeof(in6addr_loopback));
}

static void test_address_unix_path_and_abstract(void **state)
{
    (void)state;
    struct rv_address a;
    struct rv_address_name name;
    const struct sockaddr_un *un = (const struct sockaddr_un *)&a.storage;
    const size_t head = offsetof(struct sockaddr_un, sun_path);
    assert_int_equal(rv_address_parse("unix:/tmp/x:1", &a, &name), RV_ADDRESS_READY);
    assert_int_equal(un->sun_family, AF_UNIX);
    assert_string_equal(un->sun_path, "/tmp/x:1");
    assert_int_equal(a.len, head + strlen("/tmp/x:1") + 1);
    assert_int_equal(rv_address_parse("unix:@name", &a, &name), RV_ADDRESS_READY);
    assert_int_equal(a.len, head + strlen("@name"));
    assert_memory_equal(un->sun_path, "\0name", 5);
}

static void test_address_names_are_cut(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host, *service;
    } cases[] = {
        {"localhost:http", "localhost", "http"}, {"example.org:443", "example.org", "443"},
        {":0", "", "0"},                         {":http", "", "http"},
        {"127.0.0.1:http", "127.0.0.1", "http"}, {"[fe80::1%lo]:80", "fe80::1%lo", "80"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rv_address a;
        struct rv_address_name name;
        assert_int_equal(rv_address_parse(cases[i].text, &a, &name), RV_ADDRESS_NAME);
        assert_string_equal(name.host, cases[i].host);
        assert_string_equal(name.service, cases[i].service);
    }
}

static void test_address_nonsense_is_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "", ":", "host", "host:", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "::1:80",
        "[::1]", "[::1]80", "[]:80", "unix:", "unix:@", "1.2.3.4:80x", "1.2.3.4:99999999999",
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rv_address a;
        struct rv_address_name name;
        if (rv_address_parse(cases[i], &a, &name) != -EINVAL) {
            fail_msg("\"%s\" was taken for an address", cases[i]);
        }
    }
}

static void test_address_too_long_is_refused(void **state)
{
    (void)state;
    char text[512];
    struct rv_address a;
    struct rv_address_name name;
    memset(text, 'a', sizeof(text));
    memcpy(text + 400, ":80", 4);
    assert_int_equal(rv_address_parse(text, &a, &name), -ENAMETOOLONG);
    memcpy(text, "unix:", 5);
    assert_int_equal(rv_address_parse(text, &a, &name), -ENAMETOOLONG);
    /* The longest path that fits with its zero byte. */
    text[5 + sizeof(((struct sockaddr_un *)0)->sun_path) - 1] = '\0';
    assert_int_equal(rv_address_parse(text, &a, &name), RV_ADDRESS_READY);
    /* The longest abstract name: it has no zero byte at its end. */
    text[5 + sizeof(((struct sockaddr_un *)0)->sun_path) - 1] = 'a';
    text[5 + sizeof(((struct sockaddr_un *)0)->sun_path)] = '\0';
    assert_int_equal(rv_address_parse(text, &a, &name), -ENAMETOOLONG);
    text[5] = '@';
    assert_int_equal(rv_address_parse(text, &a, &name), RV_ADDRESS_READY);
    assert_int_equal(a.len, sizeof(struct sockaddr_un));
    text[5 + sizeof(((struct sockaddr_un *)0)->sun_path)] = 'a';
    text[5 + sizeof(((struct sockaddr_un *)0)->sun_path) + 1] = '\0';
    assert_int_equal(rv_address_parse(text, &a, &name), -ENAMETOOLONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_address_ipv4_is_ready),
        cmocka_unit_test(test_address_ipv6_is_ready),
        cmocka_unit_test(test_address_unix_path_and_abstract),
        cmocka_unit_test(test_address_names_are_cut),
        cmocka_unit_test(test_address_nonsense_is_refused),
        cmocka_unit_test(test_address_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
