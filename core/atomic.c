// SPDX-License-Identifier: MIT
/*
 * Purpose: the rare side of the asymmetric fences, and the choice between them and full fences.
 * Idea:    membarrier(PRIVATE_EXPEDITED) makes every CPU that runs a thread of this process pass a
 *          full barrier between the caller's earlier and later accesses. With one CPU or one thread
 *          the kernel returns at once, which is right: context switches order everything then.
 * Threads: see the header.
 */
#include "core/atomic.h"

#include "core/check.h"
#include "core/os.h"

bool rv_fence_asymmetric = false;

#if RV_TSAN
RV_ATOMIC(uint32_t) rv_fence_dummy;
#endif

/* order: heavy F1. The caller's stores before its loads, on every CPU; with rv_fence_light. */
void rv_fence_heavy(void)
{
    int rc;

    if (!rv_fence_asymmetric) {
        /* order: full F1. Without membarrier each side orders itself; with rv_fence_light. */
        rv_fence_full();
        return;
    }
    rc = rv_os_membarrier();
    RV_CHECK(rc == 0, "a registered membarrier does not fail (%d)", rc);
}

void rv_fence_init(void)
{
#if !RV_TSAN
    /* Registering twice is harmless; the flag is written only once, so that a second caller does
     * not race with light fences that read it. TSan cannot see a membarrier: symmetric there. */
    if (!rv_fence_asymmetric && rv_os_membarrier_register() == 0 && rv_os_membarrier() == 0)
        rv_fence_asymmetric = true;
#endif
}
