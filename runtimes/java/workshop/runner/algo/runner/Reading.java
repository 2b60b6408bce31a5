package algo.runner;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** An input that is being read as its kind: where the reader is, and what was wrong so far. */
public final class Reading {
    private static final int MOST = 20; // who sends ten thousand wrong numbers does not read as many lines
    private static final int SHOWN = 40;

    final boolean form; // texts of a form may be meant as numbers
    private final List<Problem.Place> places = new ArrayList<>();
    private Object[] path = new Object[8];
    private int depth;

    private Reading(boolean form) {
        this.form = form;
    }

    /**
     * Return a natural value of JSON as its kind wants it.
     *
     * @throws Problem It is not what the kind says; every wrong place is told.
     */
    static Object read(Object natural, Kind kind, boolean form) {
        var reading = new Reading(form);
        Object found = kind.read(natural, reading);
        if (reading.places.isEmpty()) {
            return found;
        }
        var lines = new ArrayList<String>();
        reading.places.forEach(one -> lines.add(one.path() + ": " + one.message()));
        if (lines.size() == MOST) {
            lines.add("these are the first; there may be more");
        }
        throw Problem.places(String.join("\n", lines), List.copyOf(reading.places));
    }

    /** Read a value that lies at a name or an index of the one that is being read. */
    public Object at(Object key, Kind kind, Object value) {
        if (depth == path.length) {
            path = Arrays.copyOf(path, depth * 2);
        }
        path[depth++] = key;
        Object found = kind.read(value, this);
        depth--;
        return found;
    }

    /** Note that something else was expected here; returns null. */
    public Object expected(String what, Object value) {
        return bad("expected " + what + ", got " + shown(value));
    }

    /** Note what is wrong here; returns null. */
    public Object bad(String message) {
        if (!full()) {
            places.add(new Problem.Place(place(), message));
        }
        return null;
    }

    /** Note what is wrong at a name of the value that is being read. */
    public void badAt(String name, String message) {
        at(name, new Kind((value, reading) -> reading.bad(message), Map.of()), null);
    }

    /** How much is wrong so far. */
    public int wrong() {
        return places.size();
    }

    /** Forget what was found wrong since there were `count`: it may be read as something else. */
    void forget(int count) {
        places.subList(count, places.size()).clear();
    }

    /** Tell whether so much is wrong that nobody reads on. */
    public boolean full() {
        return places.size() >= MOST;
    }

    private String place() {
        var found = new StringBuilder("input");
        for (int at = 0; at < depth; at++) {
            if (path[at] instanceof Integer index) {
                found.append('[').append(index).append(']');
            } else if (path[at].toString().matches("[\\p{L}_][\\p{L}\\p{N}_]*")) {
                found.append('.').append(path[at]);
            } else {
                found.append('[').append(cut(JsonWriter.write(path[at].toString(), null))).append(']');
            }
        }
        return found.toString();
    }

    /** Return a value by the name of its type in JSON: `string "x"`, `null`, `an object`. */
    static String shown(Object value) {
        if (value == null) {
            return "null";
        }
        if (value instanceof Map<?, ?>) {
            return "an object";
        }
        if (value instanceof List<?>) {
            return "an array";
        }
        if (value instanceof byte[] bytes) {
            return bytes.length + " bytes";
        }
        String kind = value instanceof String ? "string" : value instanceof Boolean ? "boolean"
                : value instanceof Double ? "number" : "integer";
        return kind + " " + cut(JsonWriter.write(value, null));
    }

    private static String cut(String text) {
        return text.length() <= SHOWN ? text : text.substring(0, SHOWN) + "…";
    }
}
