package com.algorithmia.development;

/** What an author's `main` ended with. The runner finds his class by itself, and does not call `main`. */
public class ADK<I, O> {
    public ADK(AbstractAlgorithm<I, O> algorithm) {}

    public ADK(AlgorithmInterface<I, O> algorithm) {}

    public void init() {
        throw new UnsupportedOperationException("algo serve answers in its place");
    }
}
