// Package runner connects an author's functions with the gateway (../../README.md).
package runner

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
)

const (
	protocol     = 1
	exitProtocol = 76 // EX_PROTOCOL of sysexits.h
	requests     = 3
	replies      = 4
	// Of the stack of a goroutine. Go's own is four times as much: a recursion without an end would
	// take more memory than most containers have, and seconds until it is told.
	longestStack = 256 << 20
	usualStack   = 1_000_000_000
)

// Serve says hello, then answers until the gateway closes its end. The generated main calls it.
func Serve(program Program) {
	signal.Ignore(syscall.SIGINT) // Ctrl-C reaches us too; the gateway decides
	if chosen := debug.SetMaxStack(longestStack); chosen != usualStack {
		debug.SetMaxStack(chosen) // by the author
	}
	for _, pipe := range []int{requests, replies} {
		syscall.CloseOnExec(pipe)
	}
	said, err := syscall.Dup(2)
	if err == nil {
		syscall.CloseOnExec(said)
	}
	// Read and written without the poller, as the pipes block: who has read a call answers it
	// (deputy.go), and nothing need be woken for it.
	err = serve(program, newFrames(os.NewFile(requests, "requests"), os.NewFile(replies, "replies")))
	var wrong protocolError
	switch {
	case err == nil, errors.Is(err, io.EOF), errors.Is(err, syscall.EPIPE):
		os.Exit(0)
	case errors.As(err, &wrong):
		fmt.Fprintf(os.NewFile(uintptr(said), "stderr"), "runner: %v\n", err)
		os.Exit(exitProtocol)
	}
	fmt.Fprintf(os.NewFile(uintptr(said), "stderr"), "runner: %v\n", err)
	os.Exit(1)
}

func serve(program Program, f *frames) error {
	first, err := f.read()
	if err != nil {
		return err
	}
	if first.header.Type != "hello" || first.header.Protocol != protocol {
		return protocolError{fmt.Sprintf("the first frame is hello of protocol %d", protocol)}
	}
	language := "go " + strings.TrimPrefix(runtime.Version(), "go")
	found, err := newWorker(program, f, first.header)
	if err != nil {
		return err
	}
	unread := map[string]int{}
	for _, one := range found.lines {
		unread[one.stream] = one.source
	}
	err = f.write(map[string]any{"type": "hello", "protocol": protocol, "language": language,
		"capabilities": []string{"describe", "trace"}, "unread": unread}, nil)
	if err != nil {
		return err
	}
	return found.run()
}
