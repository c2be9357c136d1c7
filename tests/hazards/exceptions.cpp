// SPDX-License-Identifier: MIT
/*
 * Purpose: hazard 10: C++ exceptions and coroutines. `exceptions inside` catches what it throws, in
 *          many tasks that suspend between; `exceptions out` lets one leave a coroutine.
 */
#include <rove.h>

#include <cstdio>
#include <cstring>
#include <stdexcept>

static int throw_and_catch(void *arg, void **)
{
    long caught = 0;
    for (int i = 0; i < 100; i++) {
        bool has_caught = false;
        try {
            rove_yield(); /* may go on on another thread, inside of the try */
            throw i;
        } catch (int thrown) {
            has_caught = thrown == i;
        }
        caught += has_caught; /* and suspends only outside of the catch */
        rove_yield();
    }
    *static_cast<long *>(arg) = caught;
    return 0;
}

static int inside(void *, void **)
{
    long caught[8] = {};
    rove_call calls[8];
    for (int i = 0; i < 8; i++) {
        calls[i] = rove_call{throw_and_catch, &caught[i]};
    }
    int rc = rove_gather_calls(8, calls, nullptr);
    for (long n : caught) {
        rc = n == 100 ? rc : -1;
    }
    return rc;
}

static int out(void *, void **)
{
    throw std::runtime_error("left a coroutine");
}

int main(int argc, char **argv)
{
    bool is_out = argc > 1 && std::strcmp(argv[1], "out") == 0;
    int rc = rove_run(is_out ? out : inside, nullptr, nullptr);
    std::printf("%d\n", rc);
    return rc == 0 ? 0 : 1;
}
