// SPDX-License-Identifier: MIT
/*
 * Purpose: a second opinion on core/deque.h by another checker: Debian's relacy-dev.
 *
 * Idea: the algorithm once more, in relacy's atomics, order for order and in the same sequence;
 * both sides fence in full, as without membarrier. tests/model checks the library's own source;
 * what is looked for here is an error of that checker. So it counts, too, that each of the orders
 * that matter, taken away, is noticed, and the count of thieves.
 *
 * Threads: 0 owns, the others steal.
 */
#include "relacy_common.hpp"

#define ITEMS 3

enum { NOTHING_WEAK, PUSH_RELAXED, POP_WITHOUT_FENCE, STEAL_WITHOUT_FENCE, STEAL_UNCOUNTED };

template <int weak> struct deque_test : rl::test_suite<deque_test<weak>, 3> {
    rl::atomic<int> bottom, top, thieves, slots[4];
    rl::var<int> payload[ITEMS + 1];
    int taken[ITEMS + 1];

    void before()
    {
        bottom($).store(0, rl::mo_relaxed);
        top($).store(0, rl::mo_relaxed);
        thieves($).store(0, rl::mo_relaxed);
        for (int i = 0; i < 4; i++)
            slots[i]($).store(0, rl::mo_relaxed);
        for (int i = 0; i <= ITEMS; i++) {
            payload[i]($) = 0;
            taken[i] = 0;
        }
    }

    void take(int item)
    {
        if (item == 0)
            return;
        RL_ASSERT(payload[item]($) == item);
        taken[item]++;
        RL_ASSERT(taken[item] == 1);
    }

    void push(int item)
    {
        int b = bottom($).load(rl::mo_relaxed);
        payload[item]($) = item;
        slots[b & 3]($).store(item, rl::mo_relaxed);
        bottom($).store(b + 1, weak == PUSH_RELAXED ? rl::mo_relaxed : rl::mo_release);
    }

    int pop()
    {
        int b = bottom($).load(rl::mo_relaxed) - 1;
        if (top($).load(rl::mo_relaxed) > b)
            return 0;
        bottom($).store(b, rl::mo_release);
        if (weak != POP_WITHOUT_FENCE)
            RV_RELACY_FENCE(rl::mo_seq_cst);
        int t = top($).load(rl::mo_relaxed);
        if (t < b)
            return slots[b & 3]($).load(rl::mo_relaxed);
        bool is_alone = thieves($).load(rl::mo_acquire) == 0;
        t = top($).load(rl::mo_relaxed);
        if (t == b && is_alone)
            return slots[b & 3]($).load(rl::mo_relaxed);
        int item = 0;
        if (t == b && top($).compare_exchange_strong(t, t + 1, rl::mo_seq_cst))
            item = slots[b & 3]($).load(rl::mo_relaxed);
        bottom($).store(b + 1, rl::mo_release);
        return item;
    }

    int take_top(int t)
    {
        if (weak != STEAL_WITHOUT_FENCE)
            RV_RELACY_FENCE(rl::mo_seq_cst);
        int b = bottom($).load(rl::mo_acquire);
        if (t >= b)
            return 0;
        int item = slots[t & 3]($).load(rl::mo_relaxed);
        return top($).compare_exchange_strong(t, t + 1, rl::mo_seq_cst) ? item : 0;
    }

    int steal()
    {
        int t = top($).load(rl::mo_acquire);
        if (t >= bottom($).load(rl::mo_relaxed))
            return 0;
        if (weak != STEAL_UNCOUNTED)
            thieves($).fetch_add(1, rl::mo_relaxed);
        int item = take_top(t);
        if (weak != STEAL_UNCOUNTED)
            thieves($).fetch_sub(1, rl::mo_release);
        return item;
    }

    void thread(unsigned self)
    {
        if (self != 0) {
            take(steal());
            take(steal());
            return;
        }
        push(1);
        push(2);
        take(pop());
        push(3);
        take(pop());
        take(pop());
    }

    void after()
    {
        int left = bottom($).load(rl::mo_relaxed) - top($).load(rl::mo_relaxed);
        for (int i = 1; i <= ITEMS; i++)
            left += taken[i];
        RL_ASSERT(left == ITEMS);
    }
};

int main()
{
    setvbuf(stdout, nullptr, _IONBF, 0);
    bool is_right = rv_relacy_passes<deque_test<NOTHING_WEAK>>("deque", 60000);
    bool is_sharp = rv_relacy_fails<deque_test<PUSH_RELAXED>>("push relaxed", 60000) &&
                    rv_relacy_fails<deque_test<POP_WITHOUT_FENCE>>("pop without fence", 60000) &&
                    rv_relacy_fails<deque_test<STEAL_WITHOUT_FENCE>>("steal without fence", 60000) &&
                    rv_relacy_fails<deque_test<STEAL_UNCOUNTED>>("steal uncounted", 60000);
    return is_right && is_sharp ? 0 : 1;
}
