package com.algorithmia.development;

/** What an author's `main` ended with. The runner finds his class by itself, and does not call `main`. */
public class Handler<I, O> {
    public Handler(AbstractAlgorithm<I, O> algorithm) {}

    public Handler(AlgorithmInterface<I, O> algorithm) {}

    public void serve() {
        throw new UnsupportedOperationException("algo serve answers in its place");
    }
}
