package com.algorithmia.algorithm;

import junit.framework.Assert;
import junit.framework.TestCase;

public class AlgorithmTest extends TestCase {

    public void testApply() {
        Algorithm algo = new Algorithm();
        algo.load();
        Algorithm.Person input = algo.new Person("John", "Doe");
        Assert.assertEquals(algo.apply(input).get("greeting"), "hello John");
    }
}
