// SPDX-License-Identifier: MIT
/*
 * Purpose: files to look into. The door to the kernel for those, beside core/os.h.
 * Threads: any.
 */
#ifndef RV_CORE_OS_FILE_H
#define RV_CORE_OS_FILE_H

#include <stddef.h>

/* A whole file, read-only; NULL: not to be had, or empty, and *bytes as it was. */
const void *rv_os_map_file(const char *path, size_t *bytes);
void rv_os_unmap_file(const void *data, size_t bytes);

#endif
