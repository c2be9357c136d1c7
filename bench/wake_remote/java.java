// SPDX-License-Identifier: MIT
// Java's side of wake_remote: a thread of the operating system wakes a virtual one.
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.locks.LockSupport;

final class Main {
    private static volatile long begin;

    public static void main(String[] args) throws InterruptedException {
        Bench.init(args);
        int wakes = Bench.param("WAKES");
        int gapUs = Bench.param("GAP_US");
        SynchronousQueue<Boolean> wake = new SynchronousQueue<>();
        SynchronousQueue<Boolean> answer = new SynchronousQueue<>();
        long[] late = new long[wakes];
        Thread waker = Bench.startThread(() -> {
            for (int i = 0; i < wakes; i++) {
                LockSupport.parkNanos(gapUs * 1000L);
                begin = System.nanoTime();
                wake.put(true);
                answer.take();
            }
        });
        Bench.run(() -> {
            for (int i = 0; i < wakes; i++) {
                wake.take();
                late[i] = Bench.since(begin);
                answer.put(true);
            }
        });
        waker.join();
        Bench.reportSpread("wake", late);
    }
}
