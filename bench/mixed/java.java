// SPDX-License-Identifier: MIT
// Java's side of mixed.
final class Main {
    private static void hog(long stepNs) {
        while (true) {
            for (long end = System.nanoTime() + stepNs; System.nanoTime() < end;) {
                Thread.onSpinWait();
            }
            Thread.yield();
        }
    }

    public static void main(String[] args) throws InterruptedException {
        Bench.init(args);
        long stepNs = Bench.param("HOG_MS") * 1000000L;
        long tickNs = Bench.param("TICK_US") * 1000L;
        long[] late = new long[Bench.param("TICKS")];
        Bench.start(() -> hog(stepNs));
        Bench.run(() -> {
            for (int i = 0; i < late.length; i++) {
                long due = System.nanoTime() + tickNs;
                Bench.sleepNs(tickNs);
                late[i] = Bench.since(due);
            }
        });
        Bench.reportSpread("late", late);
        System.exit(0); /* the hog has no end */
    }
}
