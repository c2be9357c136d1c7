// SPDX-License-Identifier: MIT
/*
 * Purpose: fuzz the framing of streams against a model of three lines.
 *
 * Idea: the input is a list of reads, the size of the pieces in which the bytes arrive, and the
 * bytes. Whatever the pieces, and whether a read is cancelled in the middle or not, the reads must
 * give what the model finds in the whole text; a cancelled one takes nothing.
 *
 *     [n] [n reads: kind, cancel?, length] [piece] [bytes ..]
 */
#include "fuzz/target.h"

#include <errno.h>
#include <string.h>

enum { READS_MAX = 32, TEXT_MAX = 4096 };
enum { KIND_SOME = 0, KIND_EXACT, KIND_UNTIL, KIND_LINE, READ_SOME = KIND_SOME | 31 << 3 };

struct sender {
    int fd;
    const uint8_t *text;
    size_t size, piece;
};

static int send_pieces(void *arg, void **result)
{
    const struct sender *s = arg;
    (void)result;
    for (size_t at = 0; at < s->size; at += s->piece) {
        size_t n = s->size - at < s->piece ? s->size - at : s->piece;
        rv_require(rove_write_all(s->fd, s->text + at, n) == (ssize_t)n, "the pieces are sent");
        (void)rove_yield();
    }
    return rove_close(s->fd);
}

/* What a read of the rest text[0..size) must give; for KIND_SOME the most it may. */
static ssize_t expected(unsigned kind, size_t length, const uint8_t *text, size_t size)
{
    const char *sep = kind == KIND_LINE ? "\n" : "\r\n";
    const uint8_t *found = memmem(text, size, sep, strlen(sep));
    switch (kind) {
    case KIND_SOME:
        return (ssize_t)(length < size ? length : size);
    case KIND_EXACT:
        return length <= size ? (ssize_t)length : -ENODATA;
    case KIND_UNTIL:
        return found != NULL ? found - text + 2 : size == 0 ? 0 : -ENODATA;
    default:
        return found != NULL ? found - text + 1 : (ssize_t)size;
    }
}

static ssize_t do_read(rove_stream *s, unsigned kind, size_t length, char *buf, const char **data)
{
    *data = buf;
    switch (kind) {
    case KIND_SOME:
        return rove_stream_read(s, buf, length);
    case KIND_EXACT:
        return rove_stream_read_exactly(s, buf, length);
    case KIND_UNTIL:
        return rove_stream_read_until(s, "\r\n", 2, data);
    default:
        return rove_stream_read_line(s, data);
    }
}

/* One read: how many bytes it took. */
static size_t check_read(rove_stream *s, uint8_t order, const uint8_t *text, size_t size)
{
    char buf[64];
    const char *data;
    unsigned kind = order & 3;
    size_t length = 1U + (order >> 3);
    bool is_cancelled = (order & 4) != 0;
    if (is_cancelled) {
        (void)rove_cancel(rove_current_task());
    }
    ssize_t got = do_read(s, kind, length, buf, &data);
    if (is_cancelled && got != -ECANCELED) {
        rv_require(rove_yield() == -ECANCELED, "a cancellation that was not needed is still there");
    }
    if (is_cancelled && got == -ECANCELED) {
        return 0;
    }
    ssize_t wanted = expected(kind, length, text, size);
    if (kind == KIND_SOME && wanted > 0) {
        rv_require(got > 0 && got <= wanted, "some bytes, not too many");
    } else {
        rv_require(got == wanted, "as many as the model");
    }
    if (got > 0) {
        rv_require(memcmp(data, text, (size_t)got) == 0, "the bytes of the text, in order");
    }
    return got > 0 ? (size_t)got : 0;
}

static int run(void *arg, void **result)
{
    struct rv_input *in = arg;
    uint8_t orders[READS_MAX];
    int fds[2];
    (void)result;
    unsigned n = rv_input_take(in) % (READS_MAX + 1);
    for (unsigned i = 0; i < n; i++) {
        orders[i] = rv_input_take(in);
    }
    size_t piece = 1U + rv_input_take(in);
    rv_require(rv_target_pair(fds) == 0, "a pair of sockets");
    struct sender sender = {fds[1], in->data + in->at, in->size - in->at, piece};
    rove_stream *s = rove_stream_open(fds[0]);
    rove_task *task = rove_create_task(send_pieces, &sender);
    rv_require(s != NULL && task != NULL, "memory");
    size_t at = 0;
    for (unsigned i = 0; i < n; i++) {
        at += check_read(s, orders[i], sender.text + at, sender.size - at);
    }
    while (at < sender.size) { /* the rest, or the sender might wait for room for ever */
        at += check_read(s, READ_SOME, sender.text + at, sender.size - at);
    }
    rv_require(rove_join(task, NULL) == 0, "the sender ends");
    rv_require(rove_stream_close(s) == 0, "the stream closes");
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rv_input in = {data, size < TEXT_MAX ? size : TEXT_MAX, 0};
    rv_target_run(run, &in);
    return 0;
}
