// SPDX-License-Identifier: MIT
/*
 * Purpose: note 1, 2.3, second example: await a coroutine and use what it returns. Python's
 * `await others()` is a plain call.
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
    void *response = NULL;
    AWAIT(others(NULL, &response));
    printf("IO请求结束，结果为 %s\n", (char *)response);
    return 0;
}

int main(int argc, char **argv)
{
    return seed_run(argc, argv, func);
}
