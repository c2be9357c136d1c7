// SPDX-License-Identifier: MIT
/*
 * Purpose: addresses as strings, io/address.h.
 */
#include "io/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/un.h>

int rv_address_port(const char *service)
{
    unsigned port = 0;
    if (*service == '\0') {
        return -EINVAL;
    }
    for (const char *c = service; *c != '\0'; c++) {
        if (*c < '0' || *c > '9') {
            return -EINVAL;
        }
        port = port * 10 + (unsigned)(*c - '0');
        if (port > UINT16_MAX) {
            return -EINVAL;
        }
    }
    return (int)port;
}

static int parse_unix(const char *path, struct rv_address *address)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&address->storage;
    size_t len = strlen(path);
    if (len == 0 || (path[0] == '@' && len == 1)) {
        return -EINVAL;
    }
    if (len > sizeof(un->sun_path) || (len == sizeof(un->sun_path) && path[0] != '@')) {
        return -ENAMETOOLONG;
    }
    *address = (struct rv_address){0};
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path, len);
    if (path[0] == '@') { /* abstract: a zero byte first, no zero byte last */
        un->sun_path[0] = '\0';
        address->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    } else {
        address->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
    }
    return RV_ADDRESS_READY;
}

static bool set_ipv4(struct rv_address *address, const char *host, unsigned port)
{
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET, host, &sin.sin_addr) != 1) {
        return false;
    }
    *address = (struct rv_address){.len = sizeof(sin)};
    memcpy(&address->storage, &sin, sizeof(sin));
    return true;
}

static bool set_ipv6(struct rv_address *address, const char *host, unsigned port)
{
    struct sockaddr_in6 sin6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET6, host, &sin6.sin6_addr) != 1) {
        return false;
    }
    *address = (struct rv_address){.len = sizeof(sin6)};
    memcpy(&address->storage, &sin6, sizeof(sin6));
    return true;
}

void rv_address_any(struct rv_address *address, bool is_ipv6, unsigned port)
{
    if (is_ipv6) {
        set_ipv6(address, "::", port);
    } else {
        set_ipv4(address, "0.0.0.0", port);
    }
}

/* Cuts at the last colon; an IPv6 address is in brackets. */
static int split(const char *text, struct rv_address_name *name, bool *has_brackets)
{
    const char *colon = strrchr(text, ':');
    const char *host = text;
    size_t host_len = colon == NULL ? 0 : (size_t)(colon - text);
    *has_brackets = text[0] == '[';
    if (*has_brackets) {
        if (host_len < 3 || text[host_len - 1] != ']') {
            return -EINVAL;
        }
        host++;
        host_len -= 2;
    }
    if (colon == NULL || colon[1] == '\0') {
        return -EINVAL;
    }
    if (!*has_brackets && memchr(host, ':', host_len) != NULL) {
        return -EINVAL;
    }
    if (host_len >= sizeof(name->host) || strlen(colon + 1) >= sizeof(name->service)) {
        return -ENAMETOOLONG;
    }
    memcpy(name->host, host, host_len);
    name->host[host_len] = '\0';
    strcpy(name->service, colon + 1);
    return 0;
}

int rv_address_parse(const char *text, struct rv_address *address, struct rv_address_name *name)
{
    if (strncmp(text, "unix:", 5) == 0) {
        return parse_unix(text + 5, address);
    }
    bool has_brackets;
    int rc = split(text, name, &has_brackets);
    if (rc < 0) {
        return rc;
    }
    int port = rv_address_port(name->service);
    bool is_number = name->service[0] >= '0' && name->service[0] <= '9';
    if (port < 0 && is_number) {
        return -EINVAL;
    }
    if (port >= 0 && (has_brackets ? set_ipv6(address, name->host, (unsigned)port)
                                   : set_ipv4(address, name->host, (unsigned)port))) {
        return RV_ADDRESS_READY;
    }
    return RV_ADDRESS_NAME;
}

/* EAI_ codes are no errno, but small negative numbers too: those that mean something here first. */
int rv_address_error(int eai)
{
    switch (eai) {
    case EAI_NONAME:
#ifdef EAI_NODATA
    case EAI_NODATA:
    case EAI_ADDRFAMILY:
#endif
        return -ENOENT;
    case EAI_AGAIN:
        return -EAGAIN;
    case EAI_MEMORY:
        return -ENOMEM;
    case EAI_FAIL:
    case EAI_SYSTEM:
        return -EIO;
    case -ECANCELED:
        return eai;
    default:
        return -EINVAL;
    }
}
