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
        int tickers = Bench.param("TICKERS");
        int ticks = Bench.param("TICKS");
        long[] late = new long[tickers * ticks];
        Bench.start(() -> hog(stepNs));
        Bench.run(() -> {
            Thread[] all = new Thread[tickers];
            for (int t = 0; t < tickers; t++) {
                int first = t * ticks;
                all[t] = Bench.start(() -> {
                    for (int i = first; i < first + ticks; i++) {
                        long due = System.nanoTime() + tickNs;
                        Bench.sleepNs(tickNs);
                        late[i] = Bench.since(due);
                    }
                });
            }
            Bench.joinAll(all);
        });
        Bench.reportSpread("late", late);
        System.exit(0); /* the hog has no end */
    }
}
