package runner

// A worker: loads the algorithm and answers calls until it is told to stop.

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"algo.dev/runner/trace"
)

type worker struct {
	program   Program
	frames    *frames
	hello     header
	module    string // the path that the author's files have in a stack trace
	algorithm *algorithm
	lines     []*lines
	call      atomic.Int64

	lock    sync.Mutex
	waiting []frame
	running map[int64]*running
	begun   int
	wake    chan struct{}
	failed  chan error
}

func newWorker(program Program, f *frames, hello header) (*worker, error) {
	w := &worker{program: program, frames: f, hello: hello, module: trace.Module, running: map[int64]*running{}}
	w.wake, w.failed = make(chan struct{}, 1), make(chan error, 1)
	w.hello.Concurrency = max(hello.Concurrency, 1)
	for stream, number := range map[string]int{"stdout": 1, "stderr": 2} {
		found, err := capture(f, stream, number, &w.call)
		if err != nil {
			return nil, err
		}
		w.lines = append(w.lines, found)
	}
	return w, nil
}

// run takes frames until the pipe is closed or `shutdown` comes, and begins what waits in turn.
func (w *worker) run() error {
	for {
		next, err := w.frames.read()
		if err != nil {
			return err
		}
		switch next.header.Type {
		case "load":
			err = w.load(next.header)
		case "call", "batch":
			if w.algorithm == nil {
				return protocolError{"the first frame of a worker is load"}
			}
			w.lock.Lock()
			w.waiting = append(w.waiting, next)
			w.lock.Unlock()
			w.pump()
		case "withdraw":
			err = w.withdraw(next.header.IDs)
		case "cancel", "pause", "resume":
			w.control(next.header)
		case "describe":
			err = w.frames.write(map[string]any{"type": "described", "id": next.header.ID, "schema": w.schema()}, nil)
		case "reload": // a program is what it was built from: a new one is another process
			err = w.frames.write(map[string]any{"type": "reloaded", "id": next.header.ID, "rung": "worker", "schema": w.schema()}, nil)
		case "commit", "discard":
		case "shutdown":
			return w.finish()
		default:
			return protocolError{fmt.Sprintf("there is no frame of type %q", next.header.Type)}
		}
		if err != nil {
			return err
		}
		select {
		case err := <-w.failed:
			return err
		default:
		}
	}
}

func (w *worker) load(said header) error {
	began := time.Now()
	found, err := apart(w.loaded)
	for _, one := range w.lines {
		one.end()
	}
	if err != nil {
		function := reflect.ValueOf(w.program.Load)
		if wrong, ok := err.(misshapen); ok {
			function = wrong.function
		}
		told := described(err, w.module, w.entry(), function)
		return w.frames.write(struct {
			Type string `json:"type"`
			ID   int64  `json:"id"`
			report
		}{"load_error", said.ID, told}, nil)
	}
	w.algorithm = found
	return w.frames.write(map[string]any{
		"type": "ready", "id": said.ID, "schema": w.schema(),
		"milliseconds": float64(time.Since(began).Microseconds()) / 1000,
		"cancels":      found.cancels, "batch": found.batch,
		"ahead": w.hello.Concurrency == 1 && !found.batch, "flow": true, "share": false,
		"alone": "a Go program cannot fork",
	}, nil)
}

func (w *worker) loaded() (found *algorithm, err error) {
	defer caught(&err)
	if _, missing := os.Stat(filepath.Join(w.hello.App, w.entry())); missing != nil {
		return nil, fmt.Errorf("%s is not there", w.entry())
	}
	return load(w.program, w.hello)
}

func (w *worker) entry() string {
	file, _, _ := strings.Cut(w.hello.Entrypoint, ":")
	return file
}

func (w *worker) schema() map[string]any {
	if w.algorithm == nil {
		return map[string]any{}
	}
	return describe(w.algorithm)
}
