// SPDX-License-Identifier: MIT
/*
 * Purpose: addresses as strings: "127.0.0.1:80", "[::1]:80", "localhost:http", ":0",
 * "unix:/path", "unix:@abstract".
 *
 * Idea: whatever is numeric becomes a socket address at once; names are cut into host and service
 * for a resolver, which may suspend.
 */
#ifndef RV_IO_ADDRESS_H
#define RV_IO_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

struct rv_address {
    struct sockaddr_storage storage;
    socklen_t len;
};

struct rv_address_name {
    char host[256];   /* "": any (to listen), this machine (to dial) */
    char service[64]; /* a number or a name */
};

enum rv_address_form {
    RV_ADDRESS_READY, /* `address` is complete */
    RV_ADDRESS_NAME   /* `name` has to be resolved */
};

/* An enum rv_address_form, or -EINVAL: not an address; -ENAMETOOLONG. ":80" is a name. */
int rv_address_parse(const char *text, struct rv_address *address, struct rv_address_name *name);

/* A port in digits, 0..65535, or -EINVAL. */
int rv_address_port(const char *service);

/* What an EAI_ code, or an errno in its place, is as an errno. */
int rv_address_error(int eai);

/* Any address of this machine, IPv6 (which takes IPv4 too) or IPv4. */
void rv_address_any(struct rv_address *address, bool is_ipv6, unsigned port);

#endif
