// What the conformance suite calls; every language has the same (tests/languages/README.md).
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;

public class suite {
    static class AlgorithmError extends RuntimeException {
        final String code;

        AlgorithmError(String message, String code) {
            super(message);
            this.code = code;
        }
    }

    record State(int loads, Map<String, String> models) {}

    record Piece(int number) {}

    public static State load(Map<String, Path> models) throws IOException {
        var found = new HashMap<String, String>();
        for (var model : models.entrySet()) {
            found.put(model.getKey(), Files.readString(model.getValue()));
        }
        return new State(1, found);
    }

    public static Object apply(Object input, State state) throws InterruptedException {
        if (input instanceof byte[] bytes) {
            var found = new byte[bytes.length];
            for (int at = 0; at < bytes.length; at++) {
                found[at] = bytes[bytes.length - 1 - at];
            }
            return found;
        }
        if (input instanceof String text) {
            return "text: " + text;
        }
        if (input instanceof Map<?, ?> value && value.get("do") instanceof String act) {
            return act(act, value, state);
        }
        var got = new HashMap<String, Object>();
        got.put("got", input);
        return got;
    }

    static Object act(String act, Map<?, ?> value, State state) throws InterruptedException {
        switch (act) {
            case "echo":
                return value.get("value");
            case "state":
                return state;
            case "bytes":
                var found = new byte[256 * number(value.get("times"))];
                for (int at = 0; at < found.length; at++) {
                    found[at] = (byte) at;
                }
                return found;
            case "raise":
                throw new IllegalStateException((String) value.get("message"));
            case "refuse":
                throw new AlgorithmError((String) value.get("message"), (String) value.get("code"));
            case "nan":
                return Map.of("value", Double.NaN);
            case "print":
                ("stderr".equals(value.get("to")) ? System.err : System.out).println(value.get("text"));
                return null;
            case "sleep":
                Thread.sleep((long) (((Number) value.get("seconds")).doubleValue() * 1000));
                return value.get("seconds");
            case "exit":
                System.out.println("last words " + value.get("code"));
                System.exit(number(value.get("code")));
                return null;
            case "stream":
                Stream<Object> pieces = IntStream.range(0, number(value.get("count"))).mapToObj(Piece::new);
                return Boolean.TRUE.equals(value.get("fails")) ? Stream.concat(pieces, failing()) : pieces;
            default:
                throw new IllegalArgumentException("there is no " + act);
        }
    }

    static Stream<Object> failing() {
        return Stream.generate(() -> {
            throw new IllegalStateException("after the last piece");
        });
    }

    static int number(Object value) {
        return ((Number) value).intValue();
    }
}
