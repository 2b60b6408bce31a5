package algo.runner;

import java.util.List;

/** Why a call has no result where the author's code threw nothing. */
public final class Problem extends RuntimeException {
    /** A place of the input that is not what its type says. */
    public record Place(String path, String message) {}

    final String fault;
    final String code;
    final List<Place> places;

    private Problem(String fault, String code, String message, List<Place> places) {
        super(message, null, false, false);
        this.fault = fault;
        this.code = code;
        this.places = places;
    }

    /** The body of the request is not what its content type says. */
    static Problem input(String code, String message) {
        return new Problem("input", code, message, List.of());
    }

    /** The input is not what the types say; `message` has a line for each of the places. */
    static Problem places(String message, List<Place> places) {
        return new Problem("input", "invalid_input", message, places);
    }

    /** The result cannot be sent. */
    public static Problem result(String code, String message) {
        return new Problem("result", code, message, List.of());
    }
}
