package runner

// What user code prints becomes `log` frames, line by line, with the call that printed it.

import (
	"bytes"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	longestLine = 1 << 16
	// As Go ends a process it prints the stacks of all goroutines, and no goroutine runs that could
	// read them: they must find room, or it never ends.
	pipeBytes = 1 << 20
	// For so long what is printed may gather. Of a trace that ends the process nothing is read: what
	// is left in the pipe is told as a whole.
	gather = time.Millisecond
)

// lines takes what is written to one of the process's streams, by C code, too.
type lines struct {
	frames *frames
	stream string
	source int // the reading end of the pipe that stands in for the stream; it never blocks
	lock   sync.Mutex
	piece  []byte // what is read into: taken once, as every call ends with a read
	rest   []byte
	call   *atomic.Int64 // the only call that runs, 0 for none or several
}

// capture puts a pipe in the place of a stream.
func capture(f *frames, stream string, number int, call *atomic.Int64) (*lines, error) {
	var ends [2]int
	if err := syscall.Pipe2(ends[:], syscall.O_CLOEXEC); err != nil {
		return nil, err
	}
	if err := syscall.Dup3(ends[1], number, 0); err != nil {
		return nil, err
	}
	syscall.Close(ends[1])
	syscall.Syscall(syscall.SYS_FCNTL, uintptr(ends[0]), syscall.F_SETPIPE_SZ, pipeBytes) // as far as it may
	found := &lines{frames: f, stream: stream, source: ends[0], piece: make([]byte, longestLine), call: call}
	reader, err := syscall.Dup(ends[0])
	if err != nil {
		return nil, err
	}
	if err := syscall.SetNonblock(ends[0], true); err != nil {
		return nil, err
	}
	go found.follow(os.NewFile(uintptr(reader), stream))
	return found, nil
}

// follow sends what comes while no call ends; reading through os.File waits without a thread.
func (l *lines) follow(reader *os.File) {
	raw, err := reader.SyscallConn()
	if err != nil {
		return
	}
	for {
		err := raw.Read(func(uintptr) bool {
			time.Sleep(gather)
			return l.drain(false)
		})
		if err != nil {
			return
		}
	}
}

// end sends all that was printed so far: the call that printed it is over.
func (l *lines) end() { l.drain(true) }

// drain takes what the pipe holds; it tells whether there was something.
func (l *lines) drain(all bool) bool {
	l.lock.Lock()
	defer l.lock.Unlock()
	some := false
	for {
		count, err := syscall.Read(l.source, l.piece)
		if count <= 0 || err != nil {
			break
		}
		some = true
		l.rest = append(l.rest, l.piece[:count]...)
	}
	at := bytes.LastIndexByte(l.rest, '\n')
	if at >= 0 {
		l.send(l.rest[:at])
		l.rest = append([]byte(nil), l.rest[at+1:]...)
	}
	if len(l.rest) > 0 && (all || len(l.rest) > longestLine) {
		l.send(l.rest)
		l.rest = nil
	}
	return some
}

func (l *lines) send(text []byte) {
	said := map[string]any{"type": "log", "stream": l.stream, "call": nil}
	if id := l.call.Load(); id != 0 {
		said["call"] = id
	}
	for len(text) > longestLine {
		at := bytes.LastIndexByte(text[:longestLine], '\n')
		if at < 0 {
			at = longestLine
		}
		l.frames.write(said, text[:at])
		text = bytes.TrimPrefix(text[at:], []byte("\n"))
	}
	l.frames.write(said, text)
}
