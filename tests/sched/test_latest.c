// SPDX-License-Identifier: MIT
/*
 * Purpose: the watch: the latest value, versions that only grow, the last one always seen.
 */
#include "support/crowd.h"
#include "support/fixture.h"

/* Goal: a wait returns the present value at once when it has not been seen. */
RV_TASK_TEST(test_watch_latest_value_is_read)
{
    int n = 5;
    uint64_t seen = 0;
    rove_watch *w = rove_watch_create(sizeof n, &n);
    RV_EXPECT_EQ(rove_watch_wait(w, &seen, &n), 0);
    RV_EXPECT(seen == 1 && n == 5);
    for (n = 6; n < 9; n++) {
        RV_EXPECT_EQ(rove_watch_send(w, &n), 0);
    }
    RV_EXPECT_EQ(rove_watch_wait(w, &seen, &n), 0);
    RV_EXPECT(seen == 4 && n == 8);
    RV_EXPECT_EQ(rove_watch_read(w, NULL), 4);
    RV_EXPECT_EQ(rove_watch_close(w), 0);
    RV_EXPECT_EQ(rove_watch_close(w), -EPIPE);
    RV_EXPECT_EQ(rove_watch_send(w, &n), -EPIPE);
    RV_EXPECT_EQ(rove_watch_wait(w, &seen, &n), -EPIPE);
    seen = 0;
    RV_EXPECT_EQ(rove_watch_wait(w, &seen, &n), 0); /* the last value stays readable */
    RV_EXPECT_EQ(rove_watch_wait(w, NULL, &n), -EINVAL);
    RV_EXPECT_EQ(rove_watch_wait_blocking(w, &seen, &n, 0), -EPERM);
    RV_EXPECT_PTR(rove_watch_retain(w), w);
    rove_watch_release(w);
    rove_watch_release(w);
    w = rove_watch_create(sizeof n, NULL);
    RV_EXPECT_EQ(rove_watch_read(w, &n), 1);
    RV_EXPECT_EQ(n, 0);
    rove_watch_release(w);
    return 0;
}

static bool follow_step(struct rv_member *m)
{
    rove_watch *w = m->ctx;
    uint64_t seen = 0;
    uint64_t value = 0;
    int rc;
    do {
        uint64_t before = seen;
        rc = m->is_task ? rove_watch_wait(w, &seen, &value)
                        : rove_watch_wait_blocking(w, &seen, &value, ROVE_US(50));
        RV_EXPECT(rc == -EPIPE || rc == 0 || rc == (m->is_task ? -ECANCELED : -ETIMEDOUT));
        RV_EXPECT(rc == 0 ? seen > before && value == seen : seen == before);
    } while (rc != -EPIPE);
    m->done = (unsigned)value;
    return false;
}

/* Goal: versions only grow, values belong to them, and everybody sees the last. */
static int stress_body(void *arg, RV_UNUSED void **result)
{
    uint64_t total = *(unsigned *)arg * rv_crowd_factor();
    uint64_t value = 1;
    rove_watch *w = rove_watch_create(sizeof value, &value);
    struct rv_crowd crowd;
    struct rv_rand rand;
    rv_rand_seed(&rand, rv_crowd_seed());
    rv_crowd_start(&crowd, 6, 1, follow_step, w);
    while (value < total) {
        value++;
        RV_EXPECT_EQ(rove_watch_send(w, &value), 0);
        if (rv_rand_below(&rand, 4) == 0) {
            rv_crowd_harass(&crowd, &rand);
        }
    }
    RV_EXPECT_EQ(rove_watch_close(w), 0);
    RV_EXPECT_EQ(rv_crowd_finish(&crowd, &rand), 7 * total);
    rove_watch_release(w);
    return 0;
}

static void test_watch_stress_everybody_sees_the_last(void **state)
{
    (void)state;
    unsigned total = 10000;
    rv_test_run(stress_body, &total);
    rv_test_run_on(64, stress_body, &total);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_watch_latest_value_is_read),
        cmocka_unit_test(test_watch_stress_everybody_sees_the_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
