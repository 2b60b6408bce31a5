package algo.runner;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.ZonedDateTime;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;
import java.util.function.Function;

/** Kinds of what is one value: numbers, text, bytes, dates. */
public final class Scalars {
    private static final BigInteger LEAST = BigInteger.valueOf(Long.MIN_VALUE);
    private static final BigInteger MOST = BigInteger.valueOf(Long.MAX_VALUE);
    private static final Map<Class<?>, Kind> ALL = new HashMap<>();

    static {
        both(boolean.class, Boolean.class, new Kind(Scalars::truth, Map.of("type", "boolean")));
        both(byte.class, Byte.class, integer(Byte.MIN_VALUE, Byte.MAX_VALUE, Long::byteValue));
        both(short.class, Short.class, integer(Short.MIN_VALUE, Short.MAX_VALUE, Long::shortValue));
        both(int.class, Integer.class, integer(Integer.MIN_VALUE, Integer.MAX_VALUE, Long::intValue));
        both(long.class, Long.class, integer(Long.MIN_VALUE, Long.MAX_VALUE, found -> found));
        both(float.class, Float.class, number(Number::floatValue));
        both(double.class, Double.class, number(Number::doubleValue));
        both(char.class, Character.class, new Kind(Scalars::character,
                Map.of("type", "string", "minLength", 1, "maxLength", 1)).texts());
        ALL.put(BigInteger.class, new Kind(Scalars::large, Map.of("type", "integer")));
        ALL.put(Number.class, number(found -> found));
        ALL.put(BigDecimal.class, number(found -> new BigDecimal(found.toString())));
        var text = new Kind(Scalars::text, Map.of("type", "string")).bodies("text/plain");
        ALL.put(String.class, text);
        ALL.put(CharSequence.class, text);
        ALL.put(byte[].class, new Kind(Scalars::bytes, Map.of("type", "string", "contentEncoding", "base64"))
                .bodies(Values.BINARY));
        var nothing = new Kind((value, reading) -> value == null ? null : reading.expected("null", value),
                Map.of("type", "null"));
        both(void.class, Void.class, nothing);
        var moment = "a date and time such as \"2026-01-31T12:00:00Z\"";
        written(Instant.class, "date-time", moment, found -> OffsetDateTime.parse(found).toInstant());
        written(OffsetDateTime.class, "date-time", moment, OffsetDateTime::parse);
        written(ZonedDateTime.class, "date-time", moment, ZonedDateTime::parse);
        written(LocalDateTime.class, "", "a date and time such as \"2026-01-31T12:00:00\"", LocalDateTime::parse);
        written(LocalDate.class, "date", "a date such as \"2026-01-31\"", LocalDate::parse);
        written(LocalTime.class, "", "a time such as \"12:00:00\"", LocalTime::parse);
        written(Duration.class, "duration", "a duration such as \"PT1.5S\"", Duration::parse);
        written(UUID.class, "uuid", "a UUID", UUID::fromString);
        written(URI.class, "uri", "a URI", URI::create);
    }

    private Scalars() {}

    /** Return the kind of a class, null when it is no scalar. */
    public static Kind of(Class<?> type) {
        return ALL.get(type);
    }

    private static void both(Class<?> primitive, Class<?> boxed, Kind kind) {
        ALL.put(primitive, kind);
        ALL.put(boxed, kind);
    }

    private static Kind integer(long least, long most, Function<Long, Object> convert) {
        boolean all = least == Long.MIN_VALUE;
        String what = all ? "an integer" : "an integer from " + least + " to " + most;
        Map<String, Object> schema = all ? Map.of("type", "integer")
                : Map.of("type", "integer", "minimum", least, "maximum", most);
        return new Kind((value, reading) -> {
            BigInteger found = whole(value);
            if (found == null || found.compareTo(LEAST) < 0 || found.compareTo(MOST) > 0
                    || found.longValue() < least || found.longValue() > most) {
                return reading.expected(found == null ? "an integer" : what.equals("an integer")
                        ? "an integer of 64 bits" : what, value);
            }
            return convert.apply(found.longValue());
        }, schema);
    }

    /** Return an integer, null for what is none; 3.0 is one, as in JSON Schema. */
    private static BigInteger whole(Object value) {
        if (value instanceof Long number) {
            return BigInteger.valueOf(number);
        }
        if (value instanceof Double number && number == Math.rint(number)) {
            return new BigDecimal(number).toBigInteger();
        }
        return value instanceof BigInteger number ? number : null;
    }

    private static Object large(Object value, Reading reading) {
        var found = whole(value);
        return found == null ? reading.expected("an integer", value) : found;
    }

    private static Kind number(Function<Number, Object> convert) {
        return new Kind((value, reading) ->
                value instanceof Number number ? convert.apply(number) : reading.expected("a number", value),
                Map.of("type", "number"));
    }

    private static Object truth(Object value, Reading reading) {
        return value instanceof Boolean ? value : reading.expected("true or false", value);
    }

    private static Object text(Object value, Reading reading) {
        return value instanceof String ? value : reading.expected("a string", value);
    }

    private static Object character(Object value, Reading reading) {
        boolean one = value instanceof String text && text.length() == 1;
        return one ? ((String) value).charAt(0) : reading.expected("one character", value);
    }

    private static Object bytes(Object value, Reading reading) {
        if (value instanceof byte[]) {
            return value;
        }
        if (!(value instanceof String text)) {
            return reading.expected("a file, or a string in base64", value);
        }
        int comma = text.regionMatches(true, 0, "data:", 0, 5) ? text.indexOf(',') + 1 : 0;
        try {
            return Base64.getDecoder().decode(text.substring(comma).replaceAll("\\s", ""));
        } catch (IllegalArgumentException error) {
            return reading.bad("the string is no base64: " + error.getMessage());
        }
    }

    private static void written(Class<?> type, String format, String what, Function<String, Object> parse) {
        Map<String, Object> schema = format.isEmpty() ? Map.of("type", "string")
                : Map.of("type", "string", "format", format);
        ALL.put(type, new Kind((value, reading) -> {
            try {
                return value instanceof String text ? parse.apply(text) : reading.expected(what, value);
            } catch (RuntimeException error) { // of a date or a URI, as its class likes
                return reading.expected(what, value);
            }
        }, schema).texts());
    }
}
