// SPDX-License-Identifier: MIT
/*
 * Purpose: look a name up without blocking a worker.
 * Idea: the C library's resolver blocks, so it runs on a pool thread. Codes are EAI_, as in
 *   getaddrinfo(3). The address here is numeric, which needs no network.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include <rove.h>

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST};
    struct addrinfo *list = NULL;
    int rc = rove_getaddrinfo("127.0.0.1", "80", &hints, &list);
    if (rc < 0)
        return -EINVAL;
    for (const struct addrinfo *a = list; a != NULL; a = a->ai_next) {
        const struct sockaddr_in *name = (const void *)a->ai_addr;
        char text[INET_ADDRSTRLEN];
        inet_ntop(AF_INET, &name->sin_addr, text, sizeof text);
        printf("%s port %d\n", text, ntohs(name->sin_port));
    }
    freeaddrinfo(list);
    rc = rove_getaddrinfo("not a number", "80", &hints, &list);
    printf("%s\n", rc == EAI_NONAME ? "no such name" : "?");
    return 0;
}

int main(void)
{
    return rove_run_with(&(rove_options){.workers = 1}, async_main, NULL, NULL) < 0;
}
