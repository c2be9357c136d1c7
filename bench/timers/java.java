// SPDX-License-Identifier: MIT
// Java's side of timers: virtual threads that sleep until their deadline.
final class Main {
    public static void main(String[] args) throws InterruptedException {
        Bench.init(args);
        int n = Bench.param("TASKS");
        long spread = Bench.param("SPREAD_MS") * 1000000L;
        long first = System.nanoTime() + Bench.param("LEAD_MS") * 1000000L;
        long[] late = new long[n];
        Thread[] all = new Thread[n];
        for (int i = 0; i < n; i++) {
            int at = i;
            all[i] = Bench.start(() -> {
                long due = first + at * spread / n;
                Bench.sleepNs(due - System.nanoTime());
                late[at] = Bench.since(due);
            });
        }
        Bench.check(System.nanoTime() < first, "LEAD_MS is too short to make them all");
        Bench.joinAll(all);
        long cpu = Bench.cpuNs();
        for (long ns : late) {
            Bench.check(ns >= 0, "a timer was early");
        }
        Bench.reportSpread("late", late);
        Bench.reportEach("cpu", "s", cpu, 1e9);
    }
}
