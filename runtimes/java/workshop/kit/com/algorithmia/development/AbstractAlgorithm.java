package com.algorithmia.development;

/** An algorithm of Algorithmia's kit: `load` is called once, `apply` for every input. */
public abstract class AbstractAlgorithm<I, O> {
    public abstract O apply(I input) throws Exception;

    public void load() throws Exception {}
}
