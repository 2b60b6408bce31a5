package algo.runner;

import java.util.Map;

/**
 * The author's functions, loaded.
 *
 * @param input What an input is, of one call also of a batch.
 * @param apply Answers one input, or a list of them.
 * @param batch Whether it takes a list.
 * @param cancels Whether a call that runs can be cancelled.
 * @param schema What the types say (../README.md, Types).
 */
public record Algorithm(Kind input, Apply apply, boolean batch, boolean cancels, Map<String, Object> schema) {
    /** Calls the author's function. */
    public interface Apply {
        Object call(Object input) throws Throwable;
    }
}
