// SPDX-License-Identifier: MIT
// Java's side of channel: an ArrayBlockingQueue, or a SynchronousQueue where there is no buffer,
// closed by a -1 for each receiver.
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.SynchronousQueue;

final class Main {
    private static long sumUntilClosed(BlockingQueue<Integer> c) throws InterruptedException {
        long sum = 0;
        for (int n = c.take(); n >= 0; n = c.take()) {
            sum += n;
        }
        return sum;
    }

    private static long pass(int senders, int receivers, int each) throws InterruptedException {
        int buffer = Bench.param("BUFFER");
        BlockingQueue<Integer> c =
            buffer > 0 ? new ArrayBlockingQueue<>(buffer) : new SynchronousQueue<>();
        Thread[] receiving = new Thread[receivers];
        Thread[] sending = new Thread[senders];
        long[] sums = new long[receivers];
        long begin = System.nanoTime();
        for (int r = 0; r < receivers; r++) {
            int at = r;
            receiving[r] = Bench.start(() -> sums[at] = sumUntilClosed(c));
        }
        for (int s = 0; s < senders; s++) {
            sending[s] = Bench.start(() -> {
                for (int i = 1; i <= each; i++) {
                    c.put(i);
                }
            });
        }
        Bench.joinAll(sending);
        for (int r = 0; r < receivers; r++) {
            c.put(-1);
        }
        Bench.joinAll(receiving);
        long ns = Bench.since(begin);
        long sum = 0;
        for (long part : sums) {
            sum += part;
        }
        Bench.check(sum == senders * ((long) each * (each + 1) / 2), "sum of the messages");
        return ns;
    }

    public static void main(String[] args) throws InterruptedException {
        Bench.init(args);
        int senders = Bench.param("SENDERS");
        int receivers = Bench.param("RECEIVERS");
        int each = Bench.param("TRANSFERS") / senders;
        Bench.run(() -> {
            pass(senders, receivers, each / 10 + 1);
            Bench.reportEach("plain", "ns/message", pass(senders, receivers, each),
                             (double) each * senders);
        });
    }
}
