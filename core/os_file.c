// SPDX-License-Identifier: MIT
/*
 * Purpose: core/os_file.h, in a simulation, too: files of symbols are real there.
 * Threads: any.
 */
#include "core/os_file.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

const void *rv_os_map_file(const char *path, size_t *bytes)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *data = MAP_FAILED;

    if (fd < 0)
        return NULL;
    if (fstat(fd, &st) == 0 && st.st_size > 0)
        data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    (void)close(fd);
    if (data == MAP_FAILED)
        return NULL;
    *bytes = (size_t)st.st_size;
    return data;
}

void rv_os_unmap_file(const void *data, size_t bytes)
{
    (void)munmap((void *)(uintptr_t)data, bytes);
}
