// SPDX-License-Identifier: MIT
/*
 * Purpose: note 1, 2.3, third example: an await ends before what follows it begins, so two of them
 * take twice the time.
 */
#include "seed.h"

static int others(void *arg, void **result)
{
    (void)arg;
    printf("start\n");
    AWAIT(rove_sleep(second(5)));
    printf("end\n");
    *result = "返回值";
    return 0;
}

static int func(void *arg, void **result)
{
    (void)arg, (void)result;
    printf("执行协程内部代码\n");
    void *response1 = NULL;
    AWAIT(others(NULL, &response1));
    printf("IO请求结束，结果为 %s\n", (char *)response1);
    void *response2 = NULL;
    AWAIT(others(NULL, &response2));
    printf("IO请求结束，结果为 %s\n", (char *)response2);
    return 0;
}

int main(int argc, char **argv)
{
    return seed_run(argc, argv, func);
}
