package algo.runner;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads JSON (RFC 8259, strictly) as Java's natural values: Map, List, String, Boolean, null, Long, BigInteger
 * for an integer that is no long, and Double.
 */
final class Json {
    private static final int DEEPEST = 2000;
    private static final int LONGEST_LONG = 18; // digits that a long holds in any case

    private final String text;
    private int at;
    private int depth;

    private Json(String text) {
        this.text = text;
    }

    /**
     * Return the value of a whole text.
     *
     * @throws Problem It is no JSON; the position is told.
     */
    static Object parse(String text) {
        var json = new Json(text);
        json.space();
        Object value = json.value();
        json.space();
        if (json.at < text.length()) {
            throw json.wrong("something follows the value");
        }
        return value;
    }

    private Object value() {
        switch (peek()) {
            case '{':
                return object();
            case '[':
                return array();
            case '"':
                return string();
            case 't':
                return word("true", true);
            case 'f':
                return word("false", false);
            case 'n':
                return word("null", null);
            default:
                return number();
        }
    }

    private Map<String, Object> object() {
        var found = new LinkedHashMap<String, Object>();
        enter();
        if (peek() == '}') {
            return leave(found);
        }
        while (true) {
            if (peek() != '"') {
                throw wrong("expected a name in double quotes");
            }
            String name = string();
            space();
            if (peek() != ':') {
                throw wrong("expected a colon");
            }
            at++;
            space();
            found.put(name, value());
            if (!goesOn('}')) {
                return leave(found);
            }
        }
    }

    private List<Object> array() {
        var found = new ArrayList<>();
        enter();
        if (peek() == ']') {
            return leave(found);
        }
        while (true) {
            found.add(value());
            if (!goesOn(']')) {
                return leave(found);
            }
        }
    }

    private void enter() {
        if (++depth > DEEPEST) {
            throw wrong("it is nested more than " + DEEPEST + " deep");
        }
        at++;
        space();
    }

    private <T> T leave(T found) {
        depth--;
        at++;
        return found;
    }

    /** Tell whether a comma comes, and pass it; else there must be the end. */
    private boolean goesOn(char end) {
        space();
        char next = peek();
        if (next == end) {
            return false;
        }
        if (next != ',') {
            throw wrong("expected a comma or " + end);
        }
        at++;
        space();
        return true;
    }

    private String string() {
        int start = ++at;
        while (true) {
            char next = within(start);
            if (next == '"') {
                return text.substring(start, at++);
            }
            if (next == '\\') {
                return escaped(start);
            }
            plain(next);
        }
    }

    /** Return the string that has begun at `start`, from its first escape on. */
    private String escaped(int start) {
        var found = new StringBuilder(text.substring(start, at));
        while (true) {
            char next = within(start);
            if (next == '"') {
                at++;
                return found.toString();
            }
            if (next == '\\') {
                found.append(escape());
            } else {
                found.append(next);
                plain(next);
            }
        }
    }

    /** Return the next character of the string that has begun at `start`; one that does not end is wrong there. */
    private char within(int start) {
        if (at >= text.length()) {
            at = start - 1;
            throw wrong("the string does not end");
        }
        return text.charAt(at);
    }

    private void plain(char next) {
        if (next < ' ') {
            throw wrong("a control character must be escaped");
        }
        at++;
    }

    /** Return what an escape stands for; one that is none is wrong where it begins. */
    private char escape() {
        char kind = at + 1 < text.length() ? text.charAt(at + 1) : 0;
        int plain = "\"\\/bfnrt".indexOf(kind);
        if (plain >= 0) {
            at += 2;
            return "\"\\/\b\f\n\r\t".charAt(plain);
        }
        if (kind != 'u') {
            throw wrong("there is no such escape");
        }
        int code = 0;
        for (int index = at + 2; index < at + 6; index++) {
            char next = index < text.length() ? text.charAt(index) : 0;
            int digit = next < 128 ? Character.digit(next, 16) : -1;
            if (digit < 0) {
                throw wrong("expected four hexadecimal digits");
            }
            code = code * 16 + digit;
        }
        at += 6;
        return (char) code;
    }

    private Object word(String word, Object value) {
        if (!text.startsWith(word, at)) {
            throw wrong("expected a value");
        }
        at += word.length();
        return value;
    }

    private Object number() {
        int start = at;
        int first = peek() == '-' ? at + 1 : at;
        if (digits(first) > 1 && text.charAt(first) == '0') {
            at = first + 1;
            throw wrong("a number has no zero in front");
        }
        pass(first, "expected a value");
        int whole = at;
        if (at < text.length() && text.charAt(at) == '.') {
            pass(at + 1, "expected a digit behind the point");
        }
        if (at < text.length() && (text.charAt(at) | ' ') == 'e') {
            boolean signed = at + 1 < text.length() && "+-".indexOf(text.charAt(at + 1)) >= 0;
            pass(signed ? at + 2 : at + 1, "expected a digit of the exponent");
        }
        String found = text.substring(start, at);
        if (at == whole) {
            return at - first <= LONGEST_LONG ? (Object) Long.parseLong(found) : integer(found);
        }
        double value = Double.parseDouble(found);
        if (Double.isInfinite(value)) {
            at = start;
            throw wrong("the number is too large");
        }
        return value;
    }

    private static Object integer(String digits) {
        var found = new BigInteger(digits);
        return found.bitLength() < Long.SIZE ? (Object) found.longValue() : found;
    }

    /** Return how many digits stand from `index` on. */
    private int digits(int index) {
        int end = index;
        while (end < text.length() && text.charAt(end) >= '0' && text.charAt(end) <= '9') {
            end++;
        }
        return end - index;
    }

    /** Go behind the digits from `index` on; without one, what has led there is wrong where it begins. */
    private void pass(int index, String otherwise) {
        int count = digits(index);
        if (count == 0) {
            throw wrong(otherwise);
        }
        at = index + count;
    }

    private char peek() {
        if (at >= text.length()) {
            throw wrong("it ends too early");
        }
        return text.charAt(at);
    }

    private void space() {
        while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
            at++;
        }
    }

    private Problem wrong(String what) {
        int line = 1;
        int begin = 0;
        for (int index = 0; index < at; index++) {
            if (text.charAt(index) == '\n') {
                line++;
                begin = index + 1;
            }
        }
        int column = text.codePointCount(begin, at) + 1;
        return Problem.input("malformed_json",
                "the body is not JSON: " + what + " at line " + line + ", column " + column);
    }
}
