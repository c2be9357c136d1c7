// SPDX-License-Identifier: MIT
/*
 * Purpose: the frame of `rove doctor`, and its verdict.
 *
 * Idea: the verdict is no second opinion. A runtime is started with the defaults, and what it chose
 * and said is printed: the same code decides here and in a program.
 */
#include "doctor.h"

#include "sched/runtime.h"

#include <rove.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <syslog.h>

enum { VALUE_BYTES = 256 };

void rv_doctor_part(const char *title)
{
    printf("\n%s\n", title);
}

void rv_doctor_line(enum rv_doctor_mark mark, const char *what, const char *format, ...)
{
    static const char *const marks[] = {
        [RV_DOCTOR_OK] = "ok", [RV_DOCTOR_MISSING] = "missing", [RV_DOCTOR_NOTE] = "note"};
    va_list values;
    printf("  %-8s %-26s ", marks[mark], what);
    va_start(values, format);
    vprintf(format, values);
    va_end(values);
    putchar('\n');
}

bool rv_doctor_tried(int rc, const char *what, const char *gain, const char *cost)
{
    if (rc >= 0) {
        rv_doctor_line(RV_DOCTOR_OK, what, "%s", gain);
    } else {
        rv_doctor_line(RV_DOCTOR_MISSING, what, "%s; %s", strerror(-rc), cost);
    }
    return rc >= 0;
}

bool rv_doctor_file(const char *path, char *value, size_t n)
{
    FILE *file = fopen(path, "re");
    bool is_read = file != NULL && fgets(value, (int)n, file) != NULL;
    if (file != NULL) {
        fclose(file);
    }
    if (is_read) {
        value[strcspn(value, "\n")] = '\0';
    }
    return is_read;
}

bool rv_doctor_status(const char *name, char *value, size_t n)
{
    char line[VALUE_BYTES];
    size_t name_len = strlen(name);
    bool is_found = false;
    FILE *file = fopen("/proc/self/status", "re");
    while (file != NULL && !is_found && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, name, name_len) == 0 && line[name_len] == ':') {
            line[strcspn(line, "\n")] = '\0';
            snprintf(value, n, "%s", line + name_len + 1 + strspn(line + name_len + 1, " \t"));
            is_found = true;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return is_found;
}

static int do_nothing(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    return 0;
}

/* What it has chosen, and why, comes here while the runtime starts. */
static void print_log(RV_UNUSED void *ctx, int level, const char *message)
{
    static const char choice[] = "rove: back-end ";
    if (level > LOG_NOTICE && strncmp(message, choice, sizeof choice - 1) == 0) {
        rv_doctor_line(RV_DOCTOR_OK, "back-end", "%s", message + sizeof choice - 1);
    } else {
        rv_doctor_line(RV_DOCTOR_NOTE, "it says", "%s", message);
    }
}

static int verdict(void)
{
    rove_options options = {.log = print_log, .debug = true};
    rove_runtime *runtime;
    rv_doctor_part("a runtime with the defaults");
    int rc = rove_runtime_start(&options, &runtime);
    if (rc < 0) {
        rv_doctor_line(RV_DOCTOR_MISSING, "does not start", "%s", rove_strerror(rc));
        return EXIT_FAILURE;
    }
    rv_doctor_line(RV_DOCTOR_OK, "workers", "%u", runtime->worker_count);
    rove_task *task = rove_submit(runtime, do_nothing, NULL);
    rc = task == NULL ? -ENOMEM : rove_wait_blocking(task, ROVE_FOREVER, NULL);
    rove_release(task);
    rv_doctor_tried(rc, "a task", "created, run and waited for", "rove does not work here");
    int stopped = rove_runtime_stop(runtime, ROVE_FOREVER);
    return rc == 0 && stopped == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int rv_doctor_main(void)
{
    struct utsname name;
    if (uname(&name) == 0) {
        printf("rove %s on %s %s, %s\n", RV_TOOL_VERSION, name.sysname, name.release, name.machine);
    }
    rv_doctor_processors();
    rv_doctor_memory();
    rv_doctor_kernel();
    rv_doctor_limits();
    rv_doctor_uring();
    return verdict();
}
