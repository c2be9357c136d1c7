// SPDX-License-Identifier: MIT
/* Purpose: core/os_file.c: files are mapped whole. */
#include "core/os_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Goal: a file is there to its last byte; one that is not, or has none, is NULL. */
static void test_os_file_is_there_to_its_last_byte(void **state)
{
    char path[] = "/tmp/rove-map-XXXXXX";
    char text[5000];
    size_t bytes = 1;
    int fd = mkstemp(path);
    (void)state;
    assert_true(fd >= 0);
    assert_null(rv_os_map_file(path, &bytes)); /* empty */
    assert_int_equal(bytes, 1);
    memset(text, 'y', sizeof text);
    assert_int_equal(write(fd, text, sizeof text), sizeof text);
    const char *data = rv_os_map_file(path, &bytes);
    assert_non_null(data);
    assert_int_equal(bytes, sizeof text);
    assert_memory_equal(data, text, sizeof text);
    rv_os_unmap_file(data, bytes);
    close(fd);
    assert_int_equal(unlink(path), 0);
    assert_null(rv_os_map_file(path, &bytes));
    assert_null(rv_os_map_file("/tmp", &bytes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_os_file_is_there_to_its_last_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
