// SPDX-License-Identifier: MIT
// Java's side of spawn_join.
final class Main {
    private static long pass(int n) throws InterruptedException {
        long sum = 0;
        long begin = System.nanoTime();
        for (int i = 0; i < n; i++) {
            int value = i;
            int[] result = new int[1];
            Bench.start(() -> result[0] = value).join();
            sum += result[0];
        }
        long ns = Bench.since(begin);
        Bench.check(sum == (long) n * (n - 1) / 2, "sum of results");
        return ns;
    }

    public static void main(String[] args) throws InterruptedException {
        Bench.init(args);
        int n = Bench.param("TASKS");
        Bench.run(() -> {
            pass(n / 10 + 1);
            Bench.reportEach("plain", "ns/task", pass(n), n);
        });
    }
}
