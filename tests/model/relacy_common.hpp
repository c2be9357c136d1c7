// SPDX-License-Identifier: MIT
/*
 * Purpose: what the second opinions share: relacy's header, a run that must pass, one that must not.
 */
#ifndef RV_RELACY_COMMON_HPP
#define RV_RELACY_COMMON_HPP

#include <cstdio>
#include <ostream>

#include <relacy/relacy.hpp>


#define RV_RELACY_FENCE(order) rl::atomic_thread_fence(order, $)

/* Drawn executions. Nothing is printed: relacy's allocator and the library's do not agree on who
 * frees the text of a long history. */
template <typename test> bool rv_relacy_run(unsigned executions)
{
    std::ostream nowhere(nullptr);
    rl::test_params params;
    params.iteration_count = executions;
    params.output_stream = &nowhere;
    params.progress_stream = &nowhere;
    return rl::simulate<test>(params);
}

template <typename test> bool rv_relacy_passes(const char *name, unsigned executions)
{
    bool has_passed = rv_relacy_run<test>(executions);
    std::printf("%-24s %s\n", name, has_passed ? "passes" : "FAILS");
    return has_passed;
}

template <typename test> bool rv_relacy_fails(const char *name, unsigned executions)
{
    bool has_passed = rv_relacy_run<test>(executions);
    std::printf("%-24s %s\n", name, has_passed ? "IS NOT NOTICED" : "is noticed");
    return !has_passed;
}

#endif
