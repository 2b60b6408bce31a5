package com.algorithmia.algorithm;

import com.algorithmia.development.*;
import com.algorithmia.*;

import java.util.HashMap;

// This class defines your algorithm.
class Algorithm extends AbstractAlgorithm<Algorithm.Person, HashMap<String, Object>>{

    private String greeting;

    // This class defines the input to your algorithm
    class Person {
        @Required String first_name;
        String last_name;
        Person(String first_name, String last_name){
            this.first_name = first_name;
            this.last_name = last_name;
        }
    }

    public HashMap<String, Object> apply(Person input){
        HashMap<String, Object> answer = new HashMap<>();
        answer.put("greeting", greeting + " " + input.first_name);
        answer.put("person", input);
        return answer;
    }

    @Override
    public void load() {
        greeting = "hello";
    }

    public static void main(String[] args) {
        Algorithm algorithm = new Algorithm();
        Handler algo = new Handler<>(algorithm);
        algo.serve();
    }
}
