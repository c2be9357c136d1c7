// SPDX-License-Identifier: MIT
// Java's side of yield_many: virtual threads that call Thread.yield.
final class Main {
    private static long pass(int n, int each) throws InterruptedException {
        Thread[] all = new Thread[n];
        long begin = System.nanoTime();
        for (int i = 0; i < n; i++) {
            all[i] = Bench.start(() -> {
                for (int k = 0; k < each; k++) {
                    Thread.yield();
                }
            });
        }
        Bench.joinAll(all);
        return Bench.since(begin);
    }

    public static void main(String[] args) throws InterruptedException {
        Bench.init(args);
        int n = Bench.param("TASKS");
        int each = Bench.param("YIELDS");
        Bench.run(() -> {
            pass(n, each / 10 + 1);
            Bench.reportEach("plain", "ns/yield", pass(n, each), (double) n * each);
        });
    }
}
