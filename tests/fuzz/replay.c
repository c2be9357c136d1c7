// SPDX-License-Identifier: MIT
/*
 * Purpose: run a fuzz target without libFuzzer: the files of its corpus, then random inputs.
 *
 *     replay_x CORPUS_DIR COUNT [SEED]
 */
#include "fuzz/target.h"

#include "core/rand.h"

#include <dirent.h>
#include <string.h>

enum { INPUT_MAX = 4096, PATH_BYTES = 512 };

static void replay_file(const char *path)
{
    static uint8_t data[INPUT_MAX];
    FILE *file = fopen(path, "re");
    rv_require(file != NULL, path);
    size_t n = fread(data, 1, sizeof data, file);
    fclose(file);
    (void)LLVMFuzzerTestOneInput(data, n);
}

static unsigned replay_corpus(const char *folder)
{
    char path[PATH_BYTES];
    unsigned count = 0;
    DIR *dir = opendir(folder);
    rv_require(dir != NULL, folder);
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] != '.') {
            snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
            replay_file(path);
            count++;
        }
    }
    closedir(dir);
    return count;
}

/* Short inputs of few different bytes reach further than noise does. */
static void replay_random(uint64_t seed)
{
    uint8_t data[256];
    uint8_t letters[6];
    struct rv_rand rand;
    rv_rand_seed(&rand, seed);
    for (size_t i = 0; i < sizeof letters; i++) {
        letters[i] = (uint8_t)rv_rand_below(&rand, 256);
    }
    size_t n = 1 + rv_rand_below(&rand, sizeof data);
    for (size_t i = 0; i < n; i++) {
        data[i] = rv_rand_below(&rand, 3) == 0 ? (uint8_t)rv_rand_below(&rand, 256)
                                               : letters[rv_rand_below(&rand, sizeof letters)];
    }
    (void)LLVMFuzzerTestOneInput(data, n);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: %s CORPUS_DIR COUNT [SEED]\n", argv[0]);
        return EXIT_FAILURE;
    }
    unsigned long count = strtoul(argv[2], NULL, 10);
    unsigned long seed = argc > 3 ? strtoul(argv[3], NULL, 10) : 1;
    unsigned files = replay_corpus(argv[1]);
    for (unsigned long i = 0; i < count; i++) {
        replay_random(seed + i);
    }
    printf("%u files, %lu random inputs from seed %lu\n", files, count, seed);
    return EXIT_SUCCESS;
}
