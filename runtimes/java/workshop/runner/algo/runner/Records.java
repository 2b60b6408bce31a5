package algo.runner;

import java.lang.reflect.InvocationTargetException;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Objects with named fields: records here, case classes in Scala. */
public final class Records {
    /** A field. */
    public record Member(String name, Kind kind) {}

    /** Makes the author's object of the values of its fields. */
    public interface Build {
        Object of(Object[] values) throws ReflectiveOperationException;
    }

    private Records() {}

    /** Return the definition in a schema; results have every field. */
    public static Map<String, Object> schema(List<Member> members, boolean output) {
        var properties = new LinkedHashMap<String, Object>();
        members.forEach(one -> properties.put(one.name(), one.kind().schema()));
        var required = members.stream().filter(one -> output || one.kind().required()).map(Member::name).toList();
        var found = new LinkedHashMap<String, Object>();
        found.put("type", "object");
        found.put("properties", properties);
        if (!required.isEmpty()) {
            found.put("required", required);
        }
        found.put("additionalProperties", false);
        return found;
    }

    /** Return what reads an object; what the author's constructor refuses is the caller's fault. */
    public static Kind.Reader reader(List<Member> members, Build build) {
        return (value, reading) -> {
            if (!(value instanceof Map<?, ?> fields)) {
                return reading.expected("an object", value);
            }
            int before = reading.wrong();
            var values = new Object[members.size()];
            int known = 0;
            for (int at = 0; at < values.length; at++) {
                var member = members.get(at);
                if (fields.containsKey(member.name())) {
                    known++;
                    values[at] = reading.at(member.name(), member.kind(), fields.get(member.name()));
                } else if (member.kind().required()) {
                    reading.badAt(member.name(), "is missing");
                } else {
                    values[at] = member.kind().missing(reading);
                }
            }
            if (known < fields.size()) {
                unknown(fields, members.stream().map(Member::name).toList(), reading);
            }
            return reading.wrong() > before ? null : built(values, build, reading);
        };
    }

    private static Object built(Object[] values, Build build, Reading reading) {
        try {
            return build.of(values);
        } catch (InvocationTargetException error) {
            return refused(error.getCause(), reading);
        } catch (IllegalArgumentException error) {
            return refused(error, reading);
        } catch (ReflectiveOperationException error) {
            throw new IllegalStateException(error);
        }
    }

    private static Object refused(Throwable error, Reading reading) {
        if (error instanceof IllegalArgumentException && Faults.callersFault(error) == null) {
            String said = error.getMessage() == null ? "the value is refused" : error.getMessage();
            return reading.bad(said.replaceFirst("^requirement failed: ", "")); // of Scala's `require`
        }
        throw Faults.<RuntimeException>thrown(error);
    }

    private static void unknown(Map<?, ?> fields, List<String> known, Reading reading) {
        for (Object key : fields.keySet()) {
            if (!known.contains(key)) {
                String near = nearest(key.toString(), known);
                reading.badAt(key.toString(), "there is no such field; " + (near != null ? "did you mean " + near + "?"
                        : "known are " + (known.isEmpty() ? "none" : String.join(", ", known))));
            }
        }
    }

    private static String nearest(String name, Collection<String> known) {
        String found = null;
        int least = Math.max(1, Math.min(name.length(), 20) / 3) + 1;
        for (String one : known) {
            int distance = Math.abs(name.length() - one.length()) < least ? distance(name, one) : least;
            if (distance < least) {
                found = one;
                least = distance;
            }
        }
        return found;
    }

    /** Return how many letters must be put in, left out or changed between two names (Levenshtein). */
    private static int distance(String one, String other) {
        var row = new int[other.length() + 1];
        for (int column = 0; column < row.length; column++) {
            row[column] = column;
        }
        for (int line = 1; line <= one.length(); line++) {
            int diagonal = row[0];
            row[0] = line;
            for (int column = 1; column < row.length; column++) {
                int changed = diagonal + (one.charAt(line - 1) == other.charAt(column - 1) ? 0 : 1);
                diagonal = row[column];
                row[column] = Math.min(changed, Math.min(row[column], row[column - 1]) + 1);
            }
        }
        return row[other.length()];
    }
}
