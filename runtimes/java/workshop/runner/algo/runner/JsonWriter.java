package algo.runner;

import java.lang.reflect.Array;
import java.lang.reflect.RecordComponent;
import java.util.Base64;
import java.util.Iterator;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.UUID;

/** Writes Java's values as JSON: what Json reads, and records, arrays, enums, Optional, dates and the like. */
final class JsonWriter {
    private static final int DEEPEST = 2000;
    private static final ClassValue<RecordComponent[]> COMPONENTS = new ClassValue<>() {
        @Override
        protected RecordComponent[] computeValue(Class<?> kind) {
            var found = kind.getRecordComponents();
            for (var one : found) {
                one.getAccessor().setAccessible(true); // the record need not be public
            }
            return found;
        }
    };

    private final StringBuilder out = new StringBuilder();
    private final Language language;
    private int depth;

    private JsonWriter(Language language) {
        this.language = language;
    }

    /**
     * Return `value` as JSON.
     *
     * @param language Tells what its own values are; null for what has none.
     * @throws Problem JSON has no such value.
     */
    static String write(Object value, Language language) {
        var writer = new JsonWriter(language);
        writer.value(value);
        return writer.out.toString();
    }

    private void value(Object value) {
        if (value == null || value instanceof Boolean) {
            out.append(value);
        } else if (value instanceof CharSequence || value instanceof Character) {
            string(value.toString());
        } else if (value instanceof Number number) {
            number(number);
        } else if (value instanceof Map<?, ?> map) {
            object(map);
        } else if (value instanceof byte[] bytes) {
            string(Base64.getEncoder().encodeToString(bytes));
        } else if (value.getClass().isArray()) {
            array(value);
        } else if (value instanceof Iterable<?> items && !(value instanceof java.nio.file.Path)) {
            list(items.iterator());
        } else if (value instanceof Record) {
            components(value);
        } else {
            other(value);
        }
    }

    private void other(Object value) {
        if (value instanceof Enum<?> member) {
            string(member.name());
        } else if (value instanceof Optional<?> some) {
            value(some.orElse(null));
        } else if (value instanceof OptionalInt some) {
            value(some.isPresent() ? some.getAsInt() : null);
        } else if (value instanceof OptionalLong some) {
            value(some.isPresent() ? some.getAsLong() : null);
        } else if (value instanceof OptionalDouble some) {
            value(some.isPresent() ? some.getAsDouble() : null);
        } else if (value instanceof java.util.Date date) {
            string(date.toInstant().toString());
        } else if (written(value)) {
            string(value.toString());
        } else {
            Object plain = language == null ? null : language.plain(value);
            if (plain == null) {
                throw Problem.result("result_not_serialisable", "the result is not JSON: "
                        + value.getClass().getName() + " has no JSON form; return a record, a Map, a List or text");
            }
            value(plain);
        }
    }

    private static boolean written(Object value) {
        return value instanceof java.time.temporal.Temporal || value instanceof java.time.temporal.TemporalAmount
                || value instanceof UUID || value instanceof java.net.URI || value instanceof java.nio.file.Path;
    }

    private void number(Number number) {
        if ((number instanceof Double || number instanceof Float) && !Double.isFinite(number.doubleValue())) {
            throw Problem.result("result_not_finite", "the result holds NaN or Infinity, which JSON has not");
        }
        out.append(number);
    }

    private void object(Map<?, ?> map) {
        open('{');
        boolean more = false;
        for (var entry : map.entrySet()) {
            if (more) {
                out.append(',');
            }
            more = true;
            Object key = entry.getKey();
            string(key instanceof Enum<?> member ? member.name() : String.valueOf(key));
            out.append(':');
            value(entry.getValue());
        }
        close('}');
    }

    private void list(Iterator<?> items) {
        open('[');
        while (items.hasNext()) {
            value(items.next());
            if (items.hasNext()) {
                out.append(',');
            }
        }
        close(']');
    }

    private void array(Object array) {
        open('[');
        int length = Array.getLength(array);
        for (int index = 0; index < length; index++) {
            if (index > 0) {
                out.append(',');
            }
            value(Array.get(array, index));
        }
        close(']');
    }

    private void components(Object value) {
        open('{');
        boolean more = false;
        for (var component : COMPONENTS.get(value.getClass())) {
            if (more) {
                out.append(',');
            }
            more = true;
            string(component.getName());
            out.append(':');
            try {
                value(component.getAccessor().invoke(value));
            } catch (ReflectiveOperationException error) {
                throw Problem.result("result_not_serialisable",
                        "the result is not JSON: " + component.getName() + ": " + Faults.unwrapped(error));
            }
        }
        close('}');
    }

    private void open(char mark) {
        if (++depth > DEEPEST) {
            throw Problem.result("result_not_serialisable",
                    "the result is not JSON: it is nested more than " + DEEPEST + " deep, or holds itself");
        }
        out.append(mark);
    }

    private void close(char mark) {
        depth--;
        out.append(mark);
    }

    private void string(String text) {
        out.append('"');
        int done = 0;
        for (int at = 0; at < text.length(); at++) {
            char next = text.charAt(at);
            if (next >= ' ' && next != '"' && next != '\\' && !Character.isSurrogate(next)) {
                continue;
            }
            if (Character.isHighSurrogate(next) && at + 1 < text.length()
                    && Character.isLowSurrogate(text.charAt(at + 1))) {
                at++;
                continue;
            }
            out.append(text, done, at);
            done = at + 1;
            int escape = "\"\\\b\f\n\r\t".indexOf(next);
            if (escape >= 0) {
                out.append('\\').append("\"\\bfnrt".charAt(escape));
            } else {
                out.append(String.format("\\u%04x", (int) next));
            }
        }
        out.append(text, done, text.length()).append('"');
    }
}
