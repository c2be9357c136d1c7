// SPDX-License-Identifier: MIT
/*
 * Purpose: io/resolve: numeric names, names of /etc/hosts, what there is not, cancellation.
 */
#include "support/fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

static const struct addrinfo numeric = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                                        .ai_family = AF_INET,
                                        .ai_socktype = SOCK_STREAM};

static void test_resolve_outside_a_task_is_refused(void **state)
{
    (void)state;
    struct addrinfo *list = NULL;
    assert_int_equal(rove_getaddrinfo("127.0.0.1", "80", &numeric, &list), -EPERM);
    assert_null(list);
}

RV_TASK_TEST(test_resolve_numbers_are_themselves)
{
    struct addrinfo *list = NULL;
    RV_REQUIRE_EQ(rove_getaddrinfo("192.0.2.7", "8080", &numeric, &list), 0);
    const struct sockaddr_in *at = (const void *)list->ai_addr;
    RV_EXPECT_EQ(at->sin_addr.s_addr, htonl(0xc0000207));
    RV_EXPECT_EQ(ntohs(at->sin_port), 8080);
    RV_EXPECT_PTR(list->ai_next, NULL);
    freeaddrinfo(list);
    return 0;
}

/* Goal: no node is this machine, no service is port 0, no hints are no wishes. */
RV_TASK_TEST(test_resolve_missing_arguments_have_their_meanings)
{
    struct addrinfo *list = NULL;
    RV_REQUIRE_EQ(rove_getaddrinfo(NULL, "80", &numeric, &list), 0);
    RV_EXPECT_EQ(((const struct sockaddr_in *)(const void *)list->ai_addr)->sin_addr.s_addr,
                 htonl(INADDR_LOOPBACK));
    freeaddrinfo(list);
    list = NULL;
    RV_REQUIRE_EQ(rove_getaddrinfo("127.0.0.1", NULL, NULL, &list), 0);
    RV_EXPECT_EQ(((const struct sockaddr_in *)(const void *)list->ai_addr)->sin_port, 0);
    freeaddrinfo(list);
    list = NULL;
    RV_EXPECT_EQ(rove_getaddrinfo(NULL, NULL, NULL, &list), EAI_NONAME);
    RV_EXPECT_EQ(rove_getaddrinfo("127.0.0.1", "80", &numeric, NULL), EAI_NONAME);
    RV_EXPECT_PTR(list, NULL);
    return 0;
}

RV_TASK_TEST(test_resolve_errors_are_the_libc_s)
{
    struct addrinfo *list = NULL;
    struct addrinfo bad = {.ai_family = AF_INET, .ai_socktype = 4711};
    RV_EXPECT_EQ(rove_getaddrinfo("not a number", "80", &numeric, &list), EAI_NONAME);
    RV_EXPECT_EQ(rove_getaddrinfo("127.0.0.1", "80", &bad, &list), EAI_SOCKTYPE);
    RV_EXPECT_PTR(list, NULL);
    return 0;
}

static int look_up(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct addrinfo *list = NULL;
    int rc = rove_getaddrinfo("127.0.0.1", "80", &numeric, &list);
    if (rc == 0) {
        freeaddrinfo(list);
    }
    return rc;
}

/* Goal: a cancelled lookup leaves at once and leaks nothing, at whatever point it is hit. */
RV_TASK_TEST(test_resolve_cancelled_leaks_nothing)
{
    for (int delay = 0; delay < 60; delay++) {
        rove_task *t = rove_create_task(look_up, NULL);
        for (int i = 0; i < delay; i++) {
            RV_REQUIRE_EQ(rove_yield(), 0);
        }
        bool was_cancelled = rove_cancel(t);
        int rc = rove_join(t, NULL);
        RV_EXPECT_EQ(rc, was_cancelled ? -ECANCELED : 0);
    }
    return 0;
}

RV_TASK_TEST(test_resolve_many_at_once)
{
    rove_task *tasks[40];
    for (size_t i = 0; i < RV_ARRAY_LEN(tasks); i++) {
        tasks[i] = rove_create_task(look_up, NULL);
    }
    for (size_t i = 0; i < RV_ARRAY_LEN(tasks); i++) {
        RV_EXPECT_EQ(rove_join(tasks[i], NULL), 0);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resolve_outside_a_task_is_refused),
        cmocka_unit_test(test_resolve_numbers_are_themselves),
        cmocka_unit_test(test_resolve_missing_arguments_have_their_meanings),
        cmocka_unit_test(test_resolve_errors_are_the_libc_s),
        cmocka_unit_test(test_resolve_cancelled_leaks_nothing),
        cmocka_unit_test(test_resolve_many_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
