package runner

// The places for calls: which one waits, which one runs, and which one is the next.

import (
	"context"
	"runtime/debug"
	"slices"
)

// running is a call that has begun.
type running struct {
	cancel context.CancelFunc
	gate   chan struct{} // closed when the reader of a stream wants more; nil when it does
}

// pump begins calls while there are places; the lock is held. A place that has answered one takes the
// next itself.
func (w *worker) pump() {
	for len(w.waiting) > 0 && w.begun < w.hello.Concurrency {
		w.begun++
		ctx, next := w.first()
		go w.place(ctx, next)
	}
}

// first takes the call that has waited longest; the lock is held.
func (w *worker) first() (context.Context, frame) {
	next := w.waiting[0]
	w.waiting = w.waiting[1:]
	ctx, cancel := context.WithCancel(context.Background())
	w.running[next.header.ID] = &running{cancel: cancel}
	w.note()
	return ctx, next
}

// place answers one call after the other while some wait.
func (w *worker) place(ctx context.Context, next frame) {
	for more := true; more; {
		w.attend(ctx, next, func() { w.follow(next) })
		ctx, next, more = w.ended(next)
	}
	w.woken()
}

// follow goes on where a goroutine has left its place.
func (w *worker) follow(last frame) {
	if ctx, next, more := w.ended(last); more {
		w.place(ctx, next)
	} else {
		w.woken()
	}
}

// attend answers a call. Where the author's code ends the goroutine, by runtime.Goexit, deferred calls are all
// that is left of it: `after` goes on in another.
func (w *worker) attend(ctx context.Context, next frame, after func()) {
	over := false
	defer func() {
		if !over {
			w.sent(w.fail(next.header, panicked{left{}, string(debug.Stack())}))
			go after()
		}
	}()
	w.sent(w.answer(ctx, next))
	over = true
}

// sent ends the worker where an answer cannot be sent: the gateway is gone.
func (w *worker) sent(err error) {
	if err != nil {
		w.over <- err
		select {}
	}
}

// ended notes that a call is over; it returns the next one, false where none waits.
func (w *worker) ended(last frame) (ctx context.Context, next frame, more bool) {
	w.lock.Lock()
	defer w.lock.Unlock()
	w.running[last.header.ID].cancel()
	delete(w.running, last.header.ID)
	if more = len(w.waiting) > 0; more {
		ctx, next = w.first()
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

// finish waits until every call is answered.
func (w *worker) finish() {
	for {
		w.lock.Lock()
		left := len(w.waiting) + w.begun
		w.lock.Unlock()
		if left == 0 {
			return
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
