// SPDX-License-Identifier: MIT
// Java's side of spawn_many.
final class Main {
    private static long pass(int n) throws InterruptedException {
        Thread[] all = new Thread[n];
        int[] results = new int[n];
        long sum = 0;
        long begin = System.nanoTime();
        for (int i = 0; i < n; i++) {
            int at = i;
            all[i] = Bench.start(() -> results[at] = at);
        }
        Bench.joinAll(all);
        for (int result : results) {
            sum += result;
        }
        long ns = Bench.since(begin);
        Bench.check(sum == (long) n * (n - 1) / 2, "sum of results");
        return ns;
    }

    public static void main(String[] args) throws InterruptedException {
        Bench.init(args);
        int n = Bench.param("TASKS");
        int rounds = Bench.param("ROUNDS");
        Bench.run(() -> {
            pass(n);
            long ns = 0;
            for (int i = 0; i < rounds; i++) {
                ns += pass(n);
            }
            Bench.reportEach("plain", "ns/task", ns, (double) n * rounds);
        });
    }
}
