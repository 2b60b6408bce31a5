package algo.runner;

/** What the `main` of code that was written for Algorithmia's handler gave it: an algorithm over JSON. */
public final class Handled {
    /** The author's algorithm, with what the compiler knew of its types. */
    public interface Served {
        void load() throws Throwable;

        /** Answer an input, which is JSON, by JSON. */
        String apply(String json) throws Throwable;
    }

    private static Served served;

    private Handled() {}

    /** Take an algorithm; what is called instead of a loop over standard input. */
    public static void serve(Served found) {
        served = found;
    }

    /** Return the one that was given, null where there was none. */
    static Served served() {
        return served;
    }

    /** Return what calls it. */
    static Algorithm algorithm(Served found) {
        var schema = new java.util.LinkedHashMap<String, Object>();
        return new Algorithm(Kind.ANY, input -> Json.parse(found.apply(JsonWriter.write(input, null))),
                false, false, schema);
    }

    /** Return why an input cannot be taken, as the caller's fault. */
    public static RuntimeException refused(String message) {
        return Problem.input("invalid_input", message);
    }
}
