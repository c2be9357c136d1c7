// SPDX-License-Identifier: MIT
/* Purpose: libuv's echo server: callbacks on one loop; one buffer, since an echo is tried at once
 * and only what the socket does not take is copied. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { BUFFER_BYTES = 16 * 1024 };

struct rest {
    uv_write_t request;
    char bytes[];
};

static char buffer[BUFFER_BYTES];

static void give_buffer(uv_handle_t *handle, size_t size, uv_buf_t *out)
{
    (void)handle, (void)size;
    *out = uv_buf_init(buffer, sizeof buffer);
}

static void on_close(uv_handle_t *handle)
{
    free(handle);
}

static void on_written(uv_write_t *request, int status)
{
    if (status < 0 && !uv_is_closing((uv_handle_t *)request->handle)) {
        uv_close((uv_handle_t *)request->handle, on_close);
    }
    free(request->data);
}

static void write_rest(uv_stream_t *stream, const char *bytes, size_t n)
{
    struct rest *rest = malloc(sizeof *rest + n);
    if (!rest) {
        abort();
    }
    memcpy(rest->bytes, bytes, n);
    rest->request.data = rest;
    uv_buf_t part = uv_buf_init(rest->bytes, (unsigned)n);
    uv_write(&rest->request, stream, &part, 1, on_written);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *data)
{
    uv_buf_t part = uv_buf_init(data->base, n > 0 ? (unsigned)n : 0);
    int sent = n > 0 ? uv_try_write(stream, &part, 1) : 0;
    if (n < 0 || (sent < 0 && sent != UV_EAGAIN)) {
        uv_close((uv_handle_t *)stream, on_close);
    } else if (n > 0 && sent < n) {
        sent = sent < 0 ? 0 : sent;
        write_rest(stream, data->base + sent, (size_t)(n - sent));
    }
}

static void on_connection(uv_stream_t *server, int status)
{
    uv_tcp_t *client = malloc(sizeof *client);
    if (status < 0 || !client) {
        free(client);
        return;
    }
    uv_tcp_init(server->loop, client);
    if (uv_accept(server, (uv_stream_t *)client) != 0) {
        uv_close((uv_handle_t *)client, on_close);
        return;
    }
    uv_tcp_nodelay(client, 1);
    uv_read_start((uv_stream_t *)client, give_buffer, on_read);
}

int main(void)
{
    uv_loop_t *loop = uv_default_loop();
    struct sockaddr_in address;
    int bytes = sizeof address;
    uv_tcp_t server;
    uv_ip4_addr("127.0.0.1", 0, &address);
    uv_tcp_init(loop, &server);
    if (uv_tcp_bind(&server, (struct sockaddr *)&address, 0) != 0 ||
        uv_listen((uv_stream_t *)&server, 4096, on_connection) != 0 ||
        uv_tcp_getsockname(&server, (struct sockaddr *)&address, &bytes) != 0) {
        return EXIT_FAILURE;
    }
    printf("listening on 127.0.0.1:%u\n", ntohs(address.sin_port));
    fflush(stdout);
    return uv_run(loop, UV_RUN_DEFAULT);
}
