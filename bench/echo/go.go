// SPDX-License-Identifier: MIT
// Go's echo server: a goroutine a connection, buffer of the same size as the others'.
package main

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
)

func echo(c net.Conn) {
	buffer := make([]byte, 16*1024)
	for {
		n, err := c.Read(buffer)
		if err == nil {
			_, err = c.Write(buffer[:n])
		}
		if err != nil {
			c.Close()
			return
		}
	}
}

func main() {
	workers, err := strconv.Atoi(os.Args[1])
	if err != nil {
		panic(err)
	}
	runtime.GOMAXPROCS(workers)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Printf("listening on 127.0.0.1:%d\n", listener.Addr().(*net.TCPAddr).Port)
	for {
		if c, err := listener.Accept(); err == nil {
			go echo(c)
		}
	}
}
