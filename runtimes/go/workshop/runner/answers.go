package runner

// The answers to calls: a result, a stream of pieces, or what went wrong.

import (
	"context"
	"reflect"
	"runtime/debug"
)

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
