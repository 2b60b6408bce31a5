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
	over    chan error // why the worker ends
	deputy  deputy
}

func newWorker(program Program, f *frames, hello header) (*worker, error) {
	w := &worker{program: program, frames: f, hello: hello, module: trace.Module, running: map[int64]*running{}}
	w.wake, w.over = make(chan struct{}, 1), make(chan error, 1)
	w.deputy.roused = make(chan struct{}, 1)
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

// run answers until the pipe is closed or `shutdown` comes. The author's code may end a goroutine, so
// none of those that may call it is the one that waits here.
func (w *worker) run() error {
	go w.take()
	go w.stand()
	return <-w.over
}

// take takes frames, and begins what waits in turn, for as long as reading is its own task.
func (w *worker) take() {
	for {
		next, err := w.frames.read()
		if err != nil {
			w.over <- err
			return
		}
		if kind := next.header.Type; kind == "call" || kind == "batch" {
			if !w.begin(next) {
				return
			}
			continue
		}
		if ends, err := w.heed(next.header); ends || err != nil {
			w.over <- err
			return
		}
	}
}

// begin begins a call, or has it wait; it returns false where another goroutine reads on.
func (w *worker) begin(next frame) bool {
	if w.algorithm == nil {
		w.over <- protocolError{"the first frame of a worker is load"}
		return false
	}
	w.lock.Lock()
	w.waiting = append(w.waiting, next)
	if w.hello.Concurrency > 1 || w.begun > 0 {
		w.pump()
		w.lock.Unlock()
		return true
	}
	w.begun++
	ctx, next := w.first()
	w.lock.Unlock()
	return w.here(ctx, next)
}

// heed does what a frame says that is no call; it returns true where that is to end.
func (w *worker) heed(said header) (ends bool, err error) {
	switch said.Type {
	case "load":
		return false, w.load(said)
	case "withdraw":
		return false, w.withdraw(said.IDs)
	case "cancel", "pause", "resume":
		w.control(said)
	case "describe":
		return false, w.frames.write(map[string]any{"type": "described", "id": said.ID, "schema": w.schema()}, nil)
	case "reload": // a program is what it was built from: a new one is another process
		return false, w.frames.write(map[string]any{"type": "reloaded", "id": said.ID, "rung": "worker", "schema": w.schema()}, nil)
	case "commit", "discard":
	case "shutdown":
		w.finish()
		return true, nil
	default:
		return true, protocolError{fmt.Sprintf("there is no frame of type %q", said.Type)}
	}
	return false, nil
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
