package runner

// A worker: loads the algorithm and answers calls until it is told to stop.

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
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

// running is a call that has begun.
type running struct {
	cancel context.CancelFunc
	gate   chan struct{} // closed when the reader of a stream wants more; nil when it does
}

func newWorker(program Program, f *frames, hello header) (*worker, error) {
	w := &worker{program: program, frames: f, hello: hello, module: Module, running: map[int64]*running{}}
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

// Module is the author's module, set when the program is linked.
var Module = ""

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

// pump begins calls while there are places. A place that has answered one takes the next itself.
func (w *worker) pump() {
	w.lock.Lock()
	defer w.lock.Unlock()
	for len(w.waiting) > 0 && w.begun < w.hello.Concurrency {
		w.begun++
		ctx, next := w.begin()
		go w.place(ctx, next)
	}
}

// begin takes the call that has waited longest; the lock is held.
func (w *worker) begin() (context.Context, frame) {
	next := w.waiting[0]
	w.waiting = w.waiting[1:]
	ctx, cancel := context.WithCancel(context.Background())
	w.running[next.header.ID] = &running{cancel: cancel}
	w.note()
	return ctx, next
}

// place answers one call after the other while some wait.
func (w *worker) place(ctx context.Context, next frame) {
	over := false
	defer func() {
		if !over { // by runtime.Goexit: deferred calls are all that is left of this goroutine
			err := w.fail(next.header, panicked{left{}, string(debug.Stack())})
			go w.follow(next, err)
		}
	}()
	for more := true; more; {
		ctx, next, more = w.ended(next, w.answer(ctx, next))
	}
	over = true
	w.woken()
}

// follow goes on where a goroutine has left its place.
func (w *worker) follow(last frame, err error) {
	if ctx, next, more := w.ended(last, err); more {
		w.place(ctx, next)
	} else {
		w.woken()
	}
}

// ended notes that a call is over; it returns the next one, false where none waits.
func (w *worker) ended(last frame, err error) (ctx context.Context, next frame, more bool) {
	if err != nil {
		select {
		case w.failed <- err:
		default:
		}
		os.Exit(0) // the gateway is gone
	}
	w.lock.Lock()
	defer w.lock.Unlock()
	w.running[last.header.ID].cancel()
	delete(w.running, last.header.ID)
	if more = len(w.waiting) > 0; more {
		ctx, next = w.begin()
	} else {
		w.begun--
		w.note()
	}
	return ctx, next, more
}

// woken tells who waits for the end that a place is free.
func (w *worker) woken() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// note keeps which call prints, where that can be told.
func (w *worker) note() {
	var only int64
	if len(w.running) == 1 {
		for id := range w.running {
			only = id
		}
	}
	w.call.Store(only)
}

func (w *worker) finish() error {
	for {
		w.lock.Lock()
		left := len(w.waiting) + w.begun
		w.lock.Unlock()
		if left == 0 {
			return nil
		}
		<-w.wake
	}
}

// withdraw gives back the calls of these ids that have not begun.
func (w *worker) withdraw(ids []int64) error {
	w.lock.Lock()
	var taken []int64
	w.waiting = slices.DeleteFunc(w.waiting, func(one frame) bool {
		found := slices.Contains(ids, one.header.ID)
		if found {
			taken = append(taken, one.header.ID)
		}
		return found
	})
	w.lock.Unlock()
	for _, id := range taken {
		if err := w.frames.write(map[string]any{"type": "withdrawn", "id": id}, nil); err != nil {
			return err
		}
	}
	return nil
}

func (w *worker) control(said header) {
	w.lock.Lock()
	defer w.lock.Unlock()
	one := w.running[said.ID]
	if one == nil {
		return
	}
	if said.Type == "pause" {
		if one.gate == nil {
			one.gate = make(chan struct{})
		}
		return
	}
	if said.Type == "cancel" {
		one.cancel()
	}
	if one.gate != nil {
		close(one.gate)
		one.gate = nil
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

func (w *worker) answer(ctx context.Context, next frame) error {
	if w.algorithm.batch {
		return w.batch(ctx, next)
	}
	return w.one(ctx, next)
}

func (w *worker) one(ctx context.Context, next frame) error {
	input, err := w.read(next.body, next.header.ContentType)
	if err != nil {
		return w.fail(next.header, err)
	}
	result, err := w.applied(ctx, input)
	if err != nil {
		return w.fail(next.header, err)
	}
	if pieces, ok := stream(result); ok {
		return w.stream(ctx, next.header, pieces)
	}
	return w.result(next.header, result)
}

// read decodes an input, by the author's UnmarshalJSON where he has one.
func (w *worker) read(body []byte, contentType string) (input reflect.Value, err error) {
	defer caught(&err)
	return decode(body, contentType, w.algorithm.input)
}

func (w *worker) applied(ctx context.Context, input reflect.Value) (result any, err error) {
	defer caught(&err)
	return w.algorithm.call(ctx, input)
}

func (w *worker) stream(ctx context.Context, said header, pieces func(func(any, error) bool)) (err error) {
	var broken, failed error
	func() {
		defer caught(&failed)
		for piece, wrong := range pieces {
			if wrong != nil {
				failed = wrong
				return
			}
			var kind string
			var body []byte
			if kind, body, failed = encode(piece); failed != nil {
				return
			}
			broken = w.frames.answer("chunk", said.ID, kind, body)
			w.wait(said.ID)
			if broken != nil || ctx.Err() != nil {
				return
			}
		}
	}()
	if broken != nil {
		return broken
	}
	if failed != nil {
		return w.fail(said, failed)
	}
	w.printed()
	return w.frames.write(map[string]any{"type": "end", "id": said.ID}, nil)
}

// wait waits while the reader of a stream is slow.
func (w *worker) wait(id int64) {
	w.lock.Lock()
	gate := w.running[id].gate
	w.lock.Unlock()
	if gate != nil {
		<-gate
	}
}

func (w *worker) result(said header, value any) error {
	if failed, ok := value.(error); ok {
		return w.fail(said, failed)
	}
	kind, body, err := written(value)
	if err != nil {
		return w.fail(said, err)
	}
	w.printed()
	return w.frames.answer("result", said.ID, kind, body)
}

// written encodes a result, by the author's MarshalJSON where he has one.
func written(value any) (kind string, body []byte, err error) {
	defer caught(&err)
	return encode(value)
}

func (w *worker) fail(said header, failed error) error {
	w.printed()
	if wrong, ok := failed.(problem); ok {
		told := map[string]any{"type": "error", "id": said.ID, "fault": wrong.fault, "code": wrong.code, "message": wrong.message}
		if wrong.problems != nil {
			told["problems"] = wrong.problems
		}
		return w.frames.write(told, nil)
	}
	fault, code := "algorithm", "exception"
	if found, ok := callersFault(failed); ok {
		fault, code = "caller", found
	}
	return w.frames.write(struct {
		Type  string `json:"type"`
		ID    int64  `json:"id"`
		Fault string `json:"fault"`
		Code  string `json:"code"`
		report
	}{"error", said.ID, fault, code, described(failed, w.module, w.entry(), w.algorithm.apply)}, nil)
}

// printed sends what the call printed, where it is the only one.
func (w *worker) printed() {
	for _, one := range w.lines {
		one.end()
	}
}

func caught(err *error) {
	if value := recover(); value != nil {
		*err = panicked{value, string(debug.Stack())}
	}
}

// apart calls user code on a goroutine of its own, which is all that runtime.Goexit in it ends.
func apart[T any](call func() (T, error)) (result T, err error) {
	done := make(chan struct{})
	go func() {
		over := false
		defer func() {
			if !over {
				err = panicked{left{}, string(debug.Stack())}
			}
			close(done)
		}()
		result, err = call()
		over = true
	}()
	<-done
	return result, err
}
