package algorithmia.JavaSum;

import com.algorithmia.*;
import com.algorithmia.algo.*;
import com.algorithmia.data.*;
import com.google.gson.*;
import java.util.*;

public class JavaSum {
    static class Totals {
        double sum;
        List<String> words = new ArrayList<>();
    }

    static class Wanted {
        double[] numbers;
        String unit = "m";
    }

    public String apply(String word) throws Exception {
        return "Hello " + word;
    }

    public double apply(double one, double other) throws Exception {
        String start = Algorithmia.file("data://acme/sums/start.txt").getString();
        return Double.parseDouble(start) + one + other;
    }

    public Totals apply(Wanted wanted) {
        Totals totals = new Totals();
        for (double one : wanted.numbers) {
            totals.sum += one;
        }
        totals.words.add(wanted.unit);
        return totals;
    }

    public byte[] apply(byte[] bytes) {
        return Arrays.copyOf(bytes, 1);
    }
}
