// SPDX-License-Identifier: MIT
/*
 * Purpose: the names of functions, static ones too, from their addresses; for reports.
 * Idea:    the file a module was loaded from has a symbol table, unless stripped, that names what
 *          the loader's own table does not. It is mapped for one report and read in place.
 * Threads: a struct rv_symbols belongs to one report. Calls no allocator; opens files.
 */
#ifndef RV_CORE_SYMBOL_H
#define RV_CORE_SYMBOL_H

#include <stddef.h>
#include <stdint.h>

#define RV_SYMBOL_LINE 128

/* The module looked into last. All-zero before the first look. */
struct rv_symbols {
    const void *base;    /* where it is loaded */
    const void *file;    /* the mapped file; NULL: not to be had */
    size_t file_bytes;
};

struct rv_symbol {
    char name[64];       /* empty: not known */
    uintptr_t offset;    /* of the address in the function; in the module, if the name is empty */
    const char *module;  /* the last part of its path; "" when not known */
};

/* A return address is looked up as the call before it. */
void rv_symbol_find(struct rv_symbols *symbols, const void *pc, struct rv_symbol *found);
/* "name+0x12 (module)", or "module+0x1234", or "0x1234": at most RV_SYMBOL_LINE bytes. */
void rv_symbol_print(struct rv_symbols *symbols, const void *pc, char *line, size_t bytes);
void rv_symbol_fini(struct rv_symbols *symbols);

#endif
