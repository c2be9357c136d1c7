// SPDX-License-Identifier: MIT
/*
 * Purpose: the names of functions from their addresses. symbol.h has the idea.
 * Threads: see the header. Every offset read from a file is checked against its length: the file
 *          may not be the one that was loaded any more.
 */
#include "core/symbol.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/os_file.h"

struct table {
    const ElfW(Sym) *symbols;
    size_t count;
    const char *names;
    size_t names_bytes;
};

static const void *at(const struct rv_symbols *s, uint64_t offset, uint64_t bytes)
{
    if (offset > s->file_bytes || bytes > s->file_bytes - offset || offset % 8 != 0)
        return NULL;
    return (const char *)s->file + offset;
}

static const ElfW(Shdr) *section(const struct rv_symbols *s, const ElfW(Ehdr) *head, size_t idx)
{
    if (idx >= head->e_shnum)
        return NULL;
    return at(s, head->e_shoff + idx * sizeof(ElfW(Shdr)), sizeof(ElfW(Shdr)));
}

static bool read_table(const struct rv_symbols *s, const ElfW(Ehdr) *head, const ElfW(Shdr) *symtab,
                       struct table *table)
{
    const ElfW(Shdr) *strings = section(s, head, symtab->sh_link);

    if (strings == NULL || strings->sh_size == 0 || strings->sh_offset > s->file_bytes ||
        strings->sh_size > s->file_bytes - strings->sh_offset)
        return false;
    table->symbols = at(s, symtab->sh_offset, symtab->sh_size);
    table->count = symtab->sh_size / sizeof(ElfW(Sym));
    table->names = (const char *)s->file + strings->sh_offset;
    table->names_bytes = strings->sh_size;
    return table->symbols != NULL && table->names[table->names_bytes - 1] == '\0';
}

static bool find_table(const struct rv_symbols *s, struct table *table)
{
    const ElfW(Ehdr) *head = s->file == NULL ? NULL : at(s, 0, sizeof(*head));

    if (head == NULL || memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 ||
        head->e_ident[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32))
        return false;
    for (size_t i = 0; i < head->e_shnum; i++) {
        const ElfW(Shdr) *sh = section(s, head, i);

        if (sh != NULL && sh->sh_type == SHT_SYMTAB)
            return read_table(s, head, sh, table);
    }
    return false;
}

/* The function that an address of the file lies in; NULL: none, or without a name. */
static const ElfW(Sym) *find_function(const struct table *table, uintptr_t address)
{
    for (size_t i = 0; i < table->count; i++) {
        const ElfW(Sym) *sym = &table->symbols[i];

        if ((sym->st_info & 0xf) == STT_FUNC && sym->st_shndx != SHN_UNDEF &&
            address >= sym->st_value && address - sym->st_value < sym->st_size &&
            sym->st_name < table->names_bytes)
            return sym;
    }
    return NULL;
}

static void open_module(struct rv_symbols *s, const void *base, const struct link_map *map)
{
    rv_symbol_fini(s);
    s->base = base;
    /* The program itself has no name in the loader's list, and argv may say anything. */
    s->file = rv_os_map_file(map->l_name[0] == '\0' ? "/proc/self/exe" : map->l_name,
                             &s->file_bytes);
}

void rv_symbol_fini(struct rv_symbols *s)
{
    if (s->file != NULL)
        rv_os_unmap_file(s->file, s->file_bytes);
    memset(s, 0, sizeof(*s));
}

static const char *last_part(const char *path)
{
    const char *slash = path == NULL ? NULL : strrchr(path, '/');

    return slash != NULL ? slash + 1 : path != NULL ? path : "";
}

static void set_name(struct rv_symbol *found, const char *name, uintptr_t offset)
{
    size_t n = strcspn(name, "."); /* compilers' clones: name.constprop.0, name.isra.0 */

    n = n == 0 || n >= sizeof(found->name) ? strnlen(name, sizeof(found->name) - 1) : n;
    memcpy(found->name, name, n);
    found->name[n] = '\0';
    found->offset = offset;
}

void rv_symbol_find(struct rv_symbols *symbols, const void *pc, struct rv_symbol *found)
{
    uintptr_t address = (uintptr_t)pc - 1; /* the call: what comes after may be another function */
    Dl_info info;
    void *extra = NULL;
    struct table table;
    const ElfW(Sym) *sym = NULL;

    *found = (struct rv_symbol){.module = "", .offset = (uintptr_t)pc};
    if (dladdr1((void *)address, &info, &extra, RTLD_DL_LINKMAP) == 0 || extra == NULL)
        return;
    const struct link_map *map = extra;
    found->module = last_part(info.dli_fname);
    found->offset = (uintptr_t)pc - (uintptr_t)info.dli_fbase;
    if (symbols->base != info.dli_fbase)
        open_module(symbols, info.dli_fbase, map);
    if (find_table(symbols, &table))
        sym = find_function(&table, address - map->l_addr);
    if (sym != NULL)
        set_name(found, table.names + sym->st_name, (uintptr_t)pc - map->l_addr - sym->st_value);
    else if (info.dli_sname != NULL)
        set_name(found, info.dli_sname, (uintptr_t)pc - (uintptr_t)info.dli_saddr);
}

void rv_symbol_print(struct rv_symbols *symbols, const void *pc, char *line, size_t bytes)
{
    struct rv_symbol found;

    rv_symbol_find(symbols, pc, &found);
    if (found.name[0] != '\0')
        (void)snprintf(line, bytes, "%s+0x%zx (%.40s)", found.name, (size_t)found.offset,
                       found.module);
    else if (found.module[0] != '\0')
        (void)snprintf(line, bytes, "%.40s+0x%zx", found.module, (size_t)found.offset);
    else
        (void)snprintf(line, bytes, "0x%zx", (size_t)found.offset);
}
