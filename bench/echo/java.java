// SPDX-License-Identifier: MIT
// Java's echo server: a virtual thread a connection, buffer of the same size as the others'.
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;

final class Main {
    private static void echo(Socket socket) throws IOException {
        byte[] buffer = new byte[16 * 1024];
        try (socket) {
            int n = socket.getInputStream().read(buffer);
            while (n > 0) {
                socket.getOutputStream().write(buffer, 0, n);
                n = socket.getInputStream().read(buffer);
            }
        } catch (IOException e) {
            return; // the peer is gone
        }
    }

    private static void serve(ServerSocket listener) throws IOException {
        while (true) {
            Socket socket = listener.accept();
            Bench.start(() -> echo(socket));
        }
    }

    public static void main(String[] args) throws Exception {
        Bench.init(args);
        ServerSocket listener = new ServerSocket(0, 1024, InetAddress.getLoopbackAddress());
        System.out.println("listening on 127.0.0.1:" + listener.getLocalPort());
        Bench.run(() -> serve(listener));
    }
}
