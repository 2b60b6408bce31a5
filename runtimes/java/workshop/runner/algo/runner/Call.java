package algo.runner;

import algo.runner.Frames.Frame;
import java.util.concurrent.CompletableFuture;

/** A call that waits or runs: how it is cancelled, and how the reader of its stream holds it. */
final class Call {
    final long id;
    final String type;
    final byte[] body;
    private boolean over;
    private boolean held;
    private CompletableFuture<?> future;

    Call(long id, String type, byte[] body) {
        this.id = id;
        this.type = type;
        this.body = body;
    }

    static Call of(Frame frame) {
        Object type = frame.header().get("content_type");
        return new Call(frame.id(), type == null ? "" : type.toString(), frame.body());
    }

    synchronized void awaits(CompletableFuture<?> found) {
        future = found;
        if (over) {
            found.cancel(true);
        }
    }

    synchronized boolean cancelled() {
        return over;
    }

    synchronized void cancel() {
        over = true;
        notifyAll();
        if (future != null) {
            future.cancel(true);
        }
    }

    synchronized void hold(boolean on) {
        held = on;
        notifyAll();
    }

    /** Wait while the reader of the stream is slow; tell whether it wants more. */
    synchronized boolean goesOn() throws InterruptedException {
        while (held && !over) {
            wait();
        }
        return !over;
    }
}
