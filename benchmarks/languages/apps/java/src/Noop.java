/** The algorithm that costs nothing. */
public final class Noop {
    private Noop() {}

    /** What callers send. */
    public record Input(long x) {}

    /** Return x + 1. */
    public static long apply(Input input) {
        return input.x() + 1;
    }
}
