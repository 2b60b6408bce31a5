package runner

// Who reads while a call runs. Where one runs at a time, the goroutine that read it answers it: to wake
// another one, and a thread for it, takes longer than most calls. The deputy reads on when one lasts, as
// it may be cancelled, and those behind it taken back.

import (
	"context"
	"sync/atomic"
	"time"
)

// A call that takes longer than this lasts.
const lasting = time.Millisecond

type deputy struct {
	turn   atomic.Int64 // goes up as a reader begins a call, then odd, and as somebody reads on
	sleeps atomic.Bool
	roused chan struct{}
}

// here answers a call in the goroutine that has read it; it returns false where the deputy reads on.
func (w *worker) here(ctx context.Context, next frame) bool {
	turn := w.deputy.turn.Add(1)
	if w.deputy.sleeps.Load() {
		select {
		case w.deputy.roused <- struct{}{}:
		default:
		}
	}
	w.attend(ctx, next, func() {
		if w.back(turn, next) {
			w.take()
		}
	})
	return w.back(turn, next)
}

// back tells whether the reader that has answered a call reads on; else it answers what the deputy has
// read meanwhile.
func (w *worker) back(turn int64, last frame) bool {
	mine := w.deputy.turn.CompareAndSwap(turn, turn+1)
	w.follow(last)
	return mine
}

// stand takes over from a reader whose call lasts. It sleeps while there are no calls.
func (w *worker) stand() {
	d := &w.deputy
	for {
		turn := d.turn.Load()
		time.Sleep(lasting)
		if d.turn.Load() != turn {
			continue
		}
		if turn%2 == 1 && d.turn.CompareAndSwap(turn, turn+1) {
			go w.stand()
			w.take()
			return
		}
		d.sleeps.Store(true)
		if d.turn.Load() == turn {
			<-d.roused
		}
		d.sleeps.Store(false)
	}
}
