// SPDX-License-Identifier: MIT
/* Purpose: the cost of a message that one of several channels has, received by a select. */
#include "select/config.h"

#include "harness/rove_main.h"

static rove_chan *chans[CHANNELS];
static long each;

static int sender(void *arg, void **result)
{
    (void)result;
    for (long i = 1; i <= each; i++) {
        rove_chan_send(arg, &i);
    }
    return 0;
}

static int64_t pass(long transfers)
{
    rove_task *tasks[CHANNELS];
    rove_select_case cases[CHANNELS];
    long n = 0, sum = 0;
    each = transfers / CHANNELS;
    int64_t begin = bench_now_ns();
    for (int i = 0; i < CHANNELS; i++) {
        tasks[i] = rove_create_task(sender, chans[i]);
        cases[i] = (rove_select_case){.op = ROVE_RECV, .chan = chans[i], .element = &n};
    }
    for (long k = 0; k < each * CHANNELS; k++) {
        bench_check(rove_select(CHANNELS, cases, ROVE_FOREVER) >= 0, "a message");
        sum += n;
    }
    int64_t end = bench_now_ns();
    for (int i = 0; i < CHANNELS; i++) {
        rove_join(tasks[i], NULL);
    }
    bench_check(sum == CHANNELS * (each * (each + 1) / 2), "sum of the messages");
    return end - begin;
}

static int measure(void *arg, void **result)
{
    (void)arg, (void)result;
    long transfers = bench_param("TRANSFERS", TRANSFERS);
    bench_check(bench_param("CHANNELS", CHANNELS) == CHANNELS, "another number of channels");
    for (int i = 0; i < CHANNELS; i++) {
        chans[i] = rove_chan_create(sizeof(long), 0);
    }
    pass(transfers / 10 + CHANNELS);
    int64_t ns = pass(transfers); /* sets each */
    bench_report_each("plain", "ns/message", ns, each * CHANNELS);
    for (int i = 0; i < CHANNELS; i++) {
        rove_chan_release(chans[i]);
    }
    return 0;
}

int main(int argc, char **argv)
{
    return bench_rove_main(argc, argv, measure);
}
