// SPDX-License-Identifier: MIT
/*
 * Purpose: values for all: a broadcast says what a slow one missed, a watch keeps the latest.
 */
#include <stdio.h>

#include <rove.h>

static int listen_all(const char *who, rove_subscriber *s)
{
    uint64_t missed = 0;
    int number, rc;
    while ((rc = rove_subscriber_recv(s, &number, &missed)) == 0)
        printf("%s: %d, missed %d\n", who, number, (int)missed);
    rove_subscriber_release(s);
    return rc == -EPIPE ? 0 : rc;
}

static int show_broadcast(void)
{
    rove_broadcast *b = rove_broadcast_create(sizeof(int), 2);
    rove_subscriber *early = rove_broadcast_subscribe(b);
    rove_broadcast_send(b, &(int){1});
    rove_subscriber *late = rove_broadcast_subscribe(b);
    rove_broadcast_send(b, &(int){2});
    rove_broadcast_send(b, &(int){3});
    rove_broadcast_close(b);
    rove_broadcast_release(b);
    int rc = listen_all("early", early);
    return rc < 0 ? rc : listen_all("late", late);
}

static int follow(void *arg, void **result)
{
    (void)result;
    int level, rc;
    uint64_t seen = 0;
    while ((rc = rove_watch_wait(arg, &seen, &level)) == 0)
        printf("version %d: %d\n", (int)seen, level);
    return rc == -EPIPE ? 0 : rc;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    rove_watch *level = rove_watch_create(sizeof(int), &(int){10});
    rove_task *follower = rove_create_task(follow, level);
    rove_yield();
    rove_watch_send(level, &(int){20});
    rove_watch_send(level, &(int){30}); /* 20 is never seen */
    rove_watch_close(level);
    int rc = rove_join(follower, NULL);
    rove_watch_release(level);
    return rc < 0 ? rc : show_broadcast();
}

int main(void)
{
    return rove_run_with(&(rove_options){.workers = 1}, async_main, NULL, NULL) < 0;
}
