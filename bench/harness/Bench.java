// SPDX-License-Identifier: MIT
// What every benchmark program in Java shares; harness/bench.h says what the arguments mean.
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

final class Bench {
    interface Body {
        void run() throws Exception;
    }

    private static final Map<String, Integer> config = new HashMap<>();

    private Bench() {
    }

    /** Reads the arguments; the scheduler of virtual threads reads the properties when it starts. */
    static void init(String[] args) {
        System.setProperty("jdk.virtualThreadScheduler.parallelism", args[0]);
        System.setProperty("jdk.virtualThreadScheduler.maxPoolSize", args[0]);
        for (int i = 1; i < args.length; i++) {
            String[] words = args[i].split("=", 2);
            config.put(words[0], Integer.valueOf(words[1]));
        }
    }

    static int param(String name) {
        check(config.containsKey(name), "no " + name);
        return config.get(name);
    }

    static void check(boolean isRight, String what) {
        if (!isRight) {
            System.err.println("wrong: " + what);
            Runtime.getRuntime().halt(1);
        }
    }

    private static void guarded(Body body) {
        try {
            body.run();
        } catch (Exception e) {
            check(false, e.toString());
        }
    }

    static Thread start(Body body) {
        return Thread.ofVirtual().start(() -> guarded(body));
    }

    /** A thread of the operating system. */
    static Thread startThread(Body body) {
        Thread thread = new Thread(() -> guarded(body));
        thread.start();
        return thread;
    }

    /** Runs body in a virtual thread. */
    static void run(Body body) throws InterruptedException {
        start(body).join();
    }

    static void joinAll(Thread[] threads) throws InterruptedException {
        for (Thread thread : threads) {
            thread.join();
        }
    }

    static void sleepNs(long ns) throws InterruptedException {
        if (ns > 0) {
            Thread.sleep(ns / 1000000, (int) (ns % 1000000));
        }
    }

    static long since(long begin) {
        return System.nanoTime() - begin;
    }

    static void reportEach(String metric, String unit, double total, double n) {
        System.out.printf(Locale.ROOT, "%s %s %.6g%n", metric, unit, total / n);
    }

    static void reportSpread(String name, long[] ns) {
        Arrays.sort(ns);
        reportEach(name + "_p50", "us", ns[ns.length / 2], 1000);
        reportEach(name + "_p99", "us", ns[ns.length - 1 - ns.length / 100], 1000);
        reportEach(name + "_max", "us", ns[ns.length - 1], 1000);
    }

    static long cpuNs() {
        return ((com.sun.management.OperatingSystemMXBean)
            ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
    }

    static long memoryBytes() throws IOException {
        long kib = 0;
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmRSS:") || line.startsWith("VmPTE:")) {
                kib += Long.parseLong(line.split("\\s+")[1]);
            }
        }
        return kib * 1024;
    }
}
