package com.algorithmia.development;

/** An algorithm of Algorithmia's kit, by a class that need not extend another. */
public interface AlgorithmInterface<I, O> {
    O apply(I input) throws Exception;

    default void load() throws Exception {}
}
