// SPDX-License-Identifier: MIT
// Java's side of skynet.
final class Main {
    private static long sky(long first, long leaves, int fanout) throws InterruptedException {
        if (leaves == 1) {
            return first;
        }
        Thread[] children = new Thread[fanout];
        long[] parts = new long[fanout];
        for (int i = 0; i < fanout; i++) {
            int at = i;
            long part = leaves / fanout;
            children[i] = Bench.start(() -> parts[at] = sky(first + at * part, part, fanout));
        }
        Bench.joinAll(children);
        long sum = 0;
        for (long part : parts) {
            sum += part;
        }
        return sum;
    }

    private static long pass(long leaves, int fanout) throws InterruptedException {
        long[] sum = new long[1];
        long begin = System.nanoTime();
        Bench.run(() -> sum[0] = sky(0, leaves, fanout));
        long ns = Bench.since(begin);
        Bench.check(sum[0] == leaves * (leaves - 1) / 2, "sum of the leaves");
        return ns;
    }

    public static void main(String[] args) throws InterruptedException {
        Bench.init(args);
        int fanout = Bench.param("FANOUT");
        long leaves = Math.round(Math.pow(fanout, Bench.param("DEPTH")));
        pass(leaves, fanout);
        Bench.reportEach("plain", "ms", pass(leaves, fanout), 1000000);
    }
}
