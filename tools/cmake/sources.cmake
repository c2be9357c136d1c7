# SPDX-License-Identifier: MIT
# Every source of the library, one a line, sorted: a file that is not here is not built.

set(ROVE_CORE_SOURCES
    core/error.c
)

set(ROVE_SCHED_SOURCES
)

set(ROVE_IO_SOURCES
)

set(ROVE_TEST_SUPPORT_SOURCES
    tests/support/fixture.c
)
