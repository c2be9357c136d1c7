// SPDX-License-Identifier: MIT
/*
 * Purpose: a second opinion on the sleep protocol of sched/idle.c by another checker: Debian's
 *          relacy-dev. relacy_deque.cpp has the idea.
 *
 * Threads: 0 brings work, three workers search and go to sleep. To sleep is to end: at the end work
 *          may be left only if a worker is awake, or was woken.
 */
#include "relacy_common.hpp"

#define WORKERS 3

enum { NOTHING_WEAK, NOTIFY_WITHOUT_FENCE, SLEEP_WITHOUT_FENCE, NO_SECOND_LOOK };

template <int weak> struct idle_test : rl::test_suite<idle_test<weak>, WORKERS + 1> {
    rl::atomic<int> jobs, searching, sleeping;
    rl::mutex lock;
    rl::var<int> is_listed[WORKERS];
    int is_asleep[WORKERS], is_woken[WORKERS];

    void before()
    {
        jobs($).store(0, rl::mo_relaxed);
        searching($).store(0, rl::mo_relaxed);
        sleeping($).store(0, rl::mo_relaxed);
        for (int i = 0; i < WORKERS; i++) {
            is_listed[i]($) = 0;
            is_asleep[i] = 0;
            is_woken[i] = 0;
        }
    }

    void wake_one()
    {
        lock.lock($);
        int count = sleeping($).load(rl::mo_relaxed);
        for (int i = 0; i < WORKERS && count > 0 && searching($).load(rl::mo_relaxed) == 0; i++) {
            if (is_listed[i]($) == 0)
                continue;
            is_listed[i]($) = 0;
            sleeping($).store(--count, rl::mo_relaxed);
            searching($).fetch_add(1, rl::mo_relaxed);
            is_woken[i] = 1;
        }
        lock.unlock($);
    }

    void notify()
    {
        if (weak != NOTIFY_WITHOUT_FENCE)
            RV_RELACY_FENCE(rl::mo_seq_cst);
        if (searching($).load(rl::mo_relaxed) == 0 && sleeping($).load(rl::mo_relaxed) > 0)
            wake_one();
    }

    bool take()
    {
        int n = jobs($).load(rl::mo_relaxed);
        while (n > 0) {
            if (jobs($).compare_exchange_strong(n, n - 1, rl::mo_acq_rel, rl::mo_acquire))
                return true;
        }
        return false;
    }

    /* A searcher found work: the last one sees to what others have left to it. */
    void found()
    {
        bool was_last = searching($).fetch_sub(1, rl::mo_seq_cst) == 1;
        if (was_last && jobs($).load(rl::mo_relaxed) > 0)
            notify();
    }

    void announce(unsigned self)
    {
        lock.lock($);
        is_listed[self]($) = 1;
        sleeping($).store(sleeping($).load(rl::mo_relaxed) + 1, rl::mo_relaxed);
        lock.unlock($);
        if (weak != SLEEP_WITHOUT_FENCE)
            RV_RELACY_FENCE(rl::mo_seq_cst);
    }

    /* True: whoever took it out of the list has counted it as searching. */
    bool retract(unsigned self)
    {
        lock.lock($);
        bool was_listed = is_listed[self]($) != 0;
        if (was_listed) {
            is_listed[self]($) = 0;
            sleeping($).store(sleeping($).load(rl::mo_relaxed) - 1, rl::mo_relaxed);
        }
        lock.unlock($);
        return !was_listed;
    }

    void work(unsigned self)
    {
        int awake = WORKERS - sleeping($).load(rl::mo_relaxed);
        if (searching($).load(rl::mo_relaxed) * 2 < awake) {
            searching($).fetch_add(1, rl::mo_seq_cst);
            if (take()) {
                found();
                return; /* awake: it will look again */
            }
            searching($).fetch_sub(1, rl::mo_seq_cst);
        }
        announce(self);
        if (weak == NO_SECOND_LOOK || jobs($).load(rl::mo_relaxed) == 0) {
            is_asleep[self] = 1;
            return;
        }
        if (retract(self) && take())
            found();
    }

    void thread(unsigned self)
    {
        if (self != 0) {
            work(self - 1);
            return;
        }
        for (int i = 0; i < 2; i++) {
            jobs($).fetch_add(1, rl::mo_release);
            notify();
        }
    }

    void after()
    {
        bool is_anyone_awake = false;
        for (int i = 0; i < WORKERS; i++)
            is_anyone_awake |= is_asleep[i] == 0 || is_woken[i] != 0;
        RL_ASSERT(jobs($).load(rl::mo_relaxed) == 0 || is_anyone_awake);
    }
};

int main()
{
    bool is_right = rv_relacy_passes<idle_test<NOTHING_WEAK>>("idle", 60000);
    bool is_sharp =
        rv_relacy_fails<idle_test<NOTIFY_WITHOUT_FENCE>>("notify without fence", 60000) &&
        rv_relacy_fails<idle_test<SLEEP_WITHOUT_FENCE>>("sleep without fence", 60000) &&
        rv_relacy_fails<idle_test<NO_SECOND_LOOK>>("no second look", 60000);
    return is_right && is_sharp ? 0 : 1;
}
