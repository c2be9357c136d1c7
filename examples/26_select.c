// SPDX-License-Identifier: MIT
/*
 * Purpose: wait for whichever of several things can go through first.
 * Idea: cases send, receive or await; exactly one of them takes effect. A timeout of 0 is the
 *   default case. The index says which, its error how (a closed channel receives -EPIPE).
 */
#include <stdio.h>

#include <rove.h>

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    rove_chan *numbers = rove_chan_create(sizeof(int), 1);
    rove_chan *words = rove_chan_create(sizeof(char *), 1);
    rove_future *quit = rove_create_future();
    int number = 0;
    char *word = NULL;
    rove_select_case cases[] = {
        {.op = ROVE_RECV, .chan = numbers, .element = &number},
        {.op = ROVE_RECV, .chan = words, .element = &word},
        {.op = ROVE_AWAIT, .future = quit},
    };
    int which = rove_select(3, cases, 0);
    printf("nothing ready: %s\n", which == -EAGAIN ? "would block" : "?");
    which = rove_select(3, cases, ROVE_MS(1));
    printf("a little later: %s\n", which == -ETIMEDOUT ? "timed out" : "?");

    rove_select_case offer[] = {{.op = ROVE_SEND, .chan = words, .element = &(char *){"tea"}}};
    which = rove_select(1, offer, ROVE_FOREVER);
    printf("sent by case %d\n", which);
    which = rove_select(3, cases, ROVE_FOREVER);
    printf("case %d: %s\n", which, word);

    rove_chan_close(numbers);
    which = rove_select(3, cases, ROVE_FOREVER);
    printf("case %d: %s\n", which, which == 0 && cases[0].error == -EPIPE ? "closed" : "?");

    rove_set_result(quit, NULL);
    which = rove_select(2, &cases[1], ROVE_FOREVER);
    printf("case %d of the last two: quit\n", which);
    rove_release(quit);
    rove_chan_release(words);
    rove_chan_release(numbers);
    return which == 1 ? 0 : -EINVAL;
}

int main(void)
{
    return rove_run_with(&(rove_options){.workers = 1}, async_main, NULL, NULL) < 0;
}
