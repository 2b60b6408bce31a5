package algo.runner;

import algo.runner.Frames.Frame;
import algo.runner.Frames.ProtocolError;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** Loads the algorithm and answers calls until it is told to stop. */
final class Worker {
    private static final long STACK = 16 << 20; // of a call's thread; what is not used costs nothing

    private final Language language;
    private final Frames frames;
    private final Hello hello;
    private final Faults faults;
    private final Capture capture;
    private final ExecutorService threads = Executors.newCachedThreadPool(
            task -> new Thread(null, task, "call", STACK));
    private final Map<Long, Call> calls = new ConcurrentHashMap<>(); // that wait or run
    private final ArrayDeque<Waiting> waiting = new ArrayDeque<>(); // guarded by itself, as the next three
    private int begun;
    private boolean loading;
    private boolean stopping;
    private volatile Algorithm algorithm;
    private volatile Answers answers;

    /** What has not begun, and the call where it is one. */
    private record Waiting(Frame frame, Call call) {}

    Worker(Language language, Frames frames, Hello hello) {
        this.language = language;
        this.frames = frames;
        this.hello = hello;
        faults = new Faults(hello);
        capture = new Capture(frames);
        // Of a thread of the author's, as Java itself says it, with his frames alone.
        Thread.setDefaultUncaughtExceptionHandler((thread, error) -> System.err.println(
                "Exception in thread \"" + thread.getName() + "\" " + faults.report(error).get("stacktrace")));
    }

    /** Take a frame: what cannot wait is done at once, the others come in turn. */
    void handle(Frame frame) {
        switch (frame.type()) {
            case "load", "call", "batch" -> wait(frame);
            case "withdraw" -> withdraw((Collection<?>) frame.header().getOrDefault("ids", List.of()));
            case "cancel" -> call(frame).ifPresent(Call::cancel);
            case "pause" -> call(frame).ifPresent(call -> call.hold(true));
            case "resume" -> call(frame).ifPresent(call -> call.hold(false));
            case "describe" -> say(frame, "described", Map.of("schema", schema()));
            // What has been compiled is another program: a new worker has it.
            case "reload" -> say(frame, "reloaded", Map.of("rung", "worker", "schema", schema()));
            case "commit", "discard" -> { }
            case "shutdown" -> stop();
            default -> throw new ProtocolError("there is no frame of type \"" + frame.type() + "\"");
        }
    }

    private Optional<Call> call(Frame frame) {
        return Optional.ofNullable(calls.get(frame.id()));
    }

    private Map<String, Object> schema() {
        return algorithm == null ? Map.of() : algorithm.schema();
    }

    private void say(Frame frame, String type, Map<String, ?> more) {
        var header = new HashMap<String, Object>(more);
        header.put("type", type);
        header.put("id", frame.id());
        frames.write(header);
    }

    private void wait(Frame frame) {
        synchronized (waiting) {
            if (frame.type().equals("load")) {
                loading = true;
            } else if (!loading) {
                throw new ProtocolError("the first frame of a worker is load");
            }
            Call call = frame.type().equals("call") ? Call.of(frame) : null;
            if (call != null) {
                calls.put(call.id, call);
            }
            waiting.add(new Waiting(frame, call));
        }
        pump();
    }

    /** Give back the calls of these ids that have not begun. */
    private void withdraw(Collection<?> ids) {
        synchronized (waiting) {
            waiting.removeIf(one -> {
                boolean taken = one.call() != null && ids.contains(one.call().id);
                if (taken) {
                    calls.remove(one.call().id, one.call());
                    say(one.frame(), "withdrawn", Map.of());
                }
                return taken;
            });
        }
    }

    private void stop() {
        synchronized (waiting) {
            stopping = true;
        }
        pump();
    }

    /** Begin what waits while there are places; end when told to and nothing is left. */
    private void pump() {
        synchronized (waiting) {
            for (var next = next(); next != null; next = next()) {
                var first = next;
                threads.execute(() -> Main.guarded(() -> follow(first)));
            }
            if (stopping && waiting.isEmpty() && begun == 0) {
                Runtime.getRuntime().exit(0);
            }
        }
    }

    /** Return what is to begin now, null for nothing. */
    private Waiting next() {
        synchronized (waiting) {
            if (waiting.isEmpty() || begun >= (answers == null ? 1 : hello.concurrency())) {
                return null;
            }
            begun++;
            return waiting.poll();
        }
    }

    /** Answer one after the other: to wake another thread for the next would take longer than most calls. */
    private void follow(Waiting first) {
        for (var next = first; next != null; next = next()) {
            Thread.interrupted(); // a call that was interrupted leaves nothing of it to the next
            begin(next);
        }
        pump();
    }

    private void begin(Waiting next) {
        switch (next.frame().type()) {
            case "load" -> load(next.frame());
            case "batch" -> batch(next.frame());
            default -> answers.call(next.call());
        }
    }

    private void batch(Frame frame) {
        answers.batch(frame);
        ended(null, false);
    }

    /**
     * A call is over, null for what was none.
     *
     * @param elsewhere Whether another thread than that of its place says so, which has gone on.
     */
    private void ended(Call call, boolean elsewhere) {
        if (call != null) {
            calls.remove(call.id, call);
        }
        synchronized (waiting) {
            begun--;
        }
        if (elsewhere) {
            pump();
        }
    }

    private void load(Frame frame) {
        long began = System.nanoTime();
        Map<String, Object> said = new LinkedHashMap<>();
        try {
            algorithm = language.load(hello);
            answers = new Answers(algorithm, language, frames, faults, capture, this::ended);
            said.put("schema", algorithm.schema());
            said.put("milliseconds", (System.nanoTime() - began) / 100_000 / 10.0);
            said.put("cancels", algorithm.cancels());
            said.put("batch", algorithm.batch());
            said.put("ahead", hello.concurrency() == 1 && !algorithm.batch());
            said.put("flow", true);
            said.put("share", false);
            said.put("alone", "the Java virtual machine cannot fork");
        } catch (Throwable error) {
            said = faults.report(error);
        }
        capture.end(null);
        say(frame, said.containsKey("schema") ? "ready" : "load_error", said);
        ended(null, true); // there may be more places than this one now
    }
}
