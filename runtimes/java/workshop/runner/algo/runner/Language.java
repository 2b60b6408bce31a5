package algo.runner;

import java.util.Iterator;

/** What differs between the languages of the virtual machine. */
public interface Language {
    /** Its name and version, for the log. */
    String name();

    /**
     * Find the author's functions and call `load`.
     *
     * @throws BadEntry They are not what the contract asks for.
     */
    Algorithm load(Hello hello) throws Throwable;

    /** Return a natural value of JSON as the language has it. */
    default Object natural(Object value) {
        return value;
    }

    /** Return a value that has no JSON form in Java as one that has, null when it has none. */
    default Object plain(Object value) {
        return null;
    }

    /** Return the pieces of a result that is a stream, null when it is none. */
    Iterator<?> pieces(Object result);

    /** The entry is there and has not what the contract asks for. */
    final class BadEntry extends Exception {
        public BadEntry(String message) {
            super(message);
        }
    }
}
