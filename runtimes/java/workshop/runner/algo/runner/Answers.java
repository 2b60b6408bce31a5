package algo.runner;

import algo.runner.Frames.Frame;
import algo.runner.Frames.ProtocolError;
import java.lang.reflect.Array;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Future;
import java.util.function.BiConsumer;

/** Answers the calls of an algorithm that has loaded, each with a result, a stream or an error. */
final class Answers {
    private final Algorithm algorithm;
    private final Language language;
    private final Frames frames;
    private final Faults faults;
    private final Capture capture;
    private final BiConsumer<Call, Boolean> ended; // and whether another thread than its own tells it

    Answers(Algorithm algorithm, Language language, Frames frames, Faults faults, Capture capture,
            BiConsumer<Call, Boolean> ended) {
        this.algorithm = algorithm;
        this.language = language;
        this.frames = frames;
        this.faults = faults;
        this.capture = capture;
        this.ended = ended;
    }

    /** Answer a call, on this thread unless its result is a future; `ended` is told in the end. */
    void call(Call call) {
        if (algorithm.batch()) {
            together(List.of(call));
            ended.accept(call, false);
            return;
        }
        capture.of(call.id);
        boolean later = false;
        try {
            if (call.cancelled()) {
                throw new CancellationException("the call was cancelled");
            }
            Object result = algorithm.apply().call(input(call));
            later = result instanceof CompletionStage<?>;
            if (later) {
                await(call, (CompletionStage<?>) result);
            } else {
                answer(call, result instanceof Future<?> future ? future.get() : result);
            }
        } catch (Throwable error) {
            failed(call, error);
        } finally {
            capture.of(null);
            if (!later) {
                ended.accept(call, false);
            }
        }
    }

    private void await(Call call, CompletionStage<?> stage) {
        var future = stage.toCompletableFuture();
        call.awaits(future);
        future.whenComplete((result, error) -> {
            capture.of(call.id);
            try {
                if (error == null) {
                    answer(call, result);
                } else {
                    failed(call, error);
                }
            } catch (Throwable wrong) {
                failed(call, wrong);
            } finally {
                capture.of(null);
                ended.accept(call, true);
            }
        });
    }

    private Object input(Call call) {
        if (call.body == null) {
            throw Problem.input("body_too_large", "the body has more than 2 GB, which no array of Java's can hold");
        }
        return Values.read(call.body, call.type, algorithm.input(), language);
    }

    private void answer(Call call, Object result) throws Throwable {
        Iterator<?> pieces = language.pieces(result);
        if (pieces == null) {
            say(call, "result", Values.write(result, language));
            return;
        }
        try {
            while (call.goesOn() && pieces.hasNext()) {
                var piece = Values.write(pieces.next(), language);
                frames.write(Map.of("type", "chunk", "id", call.id, "content_type", piece.type()), piece.content());
            }
        } finally {
            if (result instanceof AutoCloseable stream) {
                stream.close();
            }
        }
        capture.end(call.id);
        frames.write(Map.of("type", "end", "id", call.id));
    }

    private void say(Call call, String type, Values.Body body) {
        capture.end(call.id);
        frames.write(Map.of("type", type, "id", call.id, "content_type", body.type()), body.content());
    }

    private void failed(Call call, Throwable error) {
        capture.end(call.id);
        var told = new LinkedHashMap<String, Object>();
        told.put("type", "error");
        told.put("id", call.id);
        if (error instanceof Problem problem) {
            told.put("fault", problem.fault);
            told.put("code", problem.code);
            told.put("message", problem.getMessage());
            if (!problem.places.isEmpty()) {
                told.put("problems", problem.places);
            }
        } else {
            String code = Faults.callersFault(error);
            told.put("fault", code == null ? "algorithm" : "caller");
            told.put("code", code == null ? "exception" : code);
            told.putAll(faults.report(error));
        }
        frames.write(told);
    }

    /** Answer the calls of a batch, each by itself. */
    void batch(Frame frame) {
        var calls = new ArrayList<Call>();
        int at = 0;
        for (Object one : (List<?>) frame.header().get("calls")) {
            var told = (Map<?, ?>) one;
            int end = at + ((Long) told.get("length")).intValue();
            if (end > frame.body().length) {
                throw new ProtocolError("the lengths of a batch do not add up to its body");
            }
            Object type = told.get("content_type");
            calls.add(new Call((Long) told.get("id"), type == null ? "" : type.toString(),
                    Arrays.copyOfRange(frame.body(), at, end)));
            at = end;
        }
        together(calls);
    }

    private void together(List<Call> calls) {
        var read = new ArrayList<Call>();
        var inputs = new ArrayList<>();
        for (var call : calls) {
            try {
                inputs.add(input(call));
                read.add(call);
            } catch (Throwable error) {
                failed(call, error);
            }
        }
        if (!read.isEmpty()) {
            apply(read, inputs);
        }
    }

    /** Answer several calls together; where that fails as a whole, each by itself. */
    private void apply(List<Call> calls, List<Object> inputs) {
        Long printed = calls.size() == 1 ? calls.get(0).id : null;
        List<?> results;
        capture.of(printed);
        try {
            results = results(algorithm.apply().call(inputs), inputs.size());
        } catch (Throwable error) {
            if (calls.size() == 1) {
                failed(calls.get(0), error);
                return;
            }
            for (int at = 0; at < calls.size(); at++) {
                apply(calls.subList(at, at + 1), inputs.subList(at, at + 1));
            }
            return;
        } finally {
            capture.of(null);
            capture.end(printed);
        }
        for (int at = 0; at < calls.size(); at++) {
            try {
                if (results.get(at) instanceof Throwable error) {
                    throw error;
                }
                say(calls.get(at), "result", Values.write(results.get(at), language));
            } catch (Throwable error) {
                failed(calls.get(at), error);
            }
        }
    }

    private List<?> results(Object result, int wanted) throws Exception {
        Object found = result instanceof Future<?> future ? future.get() : result;
        found = found instanceof Iterable<?> || language.plain(found) == null ? found : language.plain(found);
        List<Object> results = new ArrayList<>();
        if (found instanceof Iterable<?> items) {
            items.forEach(results::add);
        } else if (found != null && found.getClass().isArray()) {
            for (int at = 0; at < Array.getLength(found); at++) {
                results.add(Array.get(found, at));
            }
        } else {
            throw Problem.result("batch_mismatch", "the batch returned "
                    + (found == null ? "null" : found.getClass().getName()) + ", not a List");
        }
        if (results.size() != wanted) {
            throw Problem.result("batch_mismatch",
                    "the batch returned " + results.size() + " results for " + wanted + " inputs");
        }
        return results;
    }
}
