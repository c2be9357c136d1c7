# SPDX-License-Identifier: MIT
# Every test program, one a line: rove_add_test(core/list) is tests/core/test_list.c.

rove_add_test(core/error)
rove_add_test(io/address)
rove_add_test(io/ring)
rove_add_test(io/socket)
