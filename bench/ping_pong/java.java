// SPDX-License-Identifier: MIT
// Java's side of ping_pong: a SynchronousQueue is an unbuffered channel.
import java.util.concurrent.SynchronousQueue;

final class Main {
    private static long pass(SynchronousQueue<Integer> there, SynchronousQueue<Integer> back,
                             int trips) throws InterruptedException {
        long begin = System.nanoTime();
        for (int i = 0; i < trips; i++) {
            there.put(i);
            Bench.check(back.take() == i, "an answer");
        }
        return Bench.since(begin);
    }

    public static void main(String[] args) throws InterruptedException {
        Bench.init(args);
        int trips = Bench.param("TRIPS");
        SynchronousQueue<Integer> there = new SynchronousQueue<>();
        SynchronousQueue<Integer> back = new SynchronousQueue<>();
        Bench.run(() -> {
            Thread partner = Bench.start(() -> {
                for (int n = there.take(); n >= 0; n = there.take()) {
                    back.put(n);
                }
            });
            pass(there, back, trips / 10 + 1);
            Bench.reportEach("plain", "ns/round_trip", pass(there, back, trips), trips);
            there.put(-1);
            partner.join();
        });
    }
}
