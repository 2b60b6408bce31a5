package algo.runner;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/** What goes in and comes out: JSON is the natural value, a String is text, byte[] is binary. */
final class Values {
    static final String JSON = "application/json";
    static final String PARTS = "application/vnd.algo.parts";
    static final String FORM = "application/x-www-form-urlencoded";
    static final String TEXT = "text/plain; charset=utf-8";
    static final String BINARY = "application/octet-stream";

    /** A body and its content type. */
    record Body(String type, byte[] content) {}

    private Values() {}

    /** Return the input of a body, as its kind wants it. */
    static Object read(byte[] body, String type, Kind kind, Language language) {
        boolean form = bare(type).equals(PARTS);
        Object natural = form ? Parts.read(body) : natural(body, type);
        return kind.any() ? language.natural(natural) : Reading.read(natural, kind, form);
    }

    /** A form, which plain `curl -d` claims to send, counts as JSON. */
    static Object natural(byte[] body, String type) {
        String kind = bare(type);
        if (kind.isEmpty() || kind.equals(JSON) || kind.equals(FORM) || kind.endsWith("+json")) {
            return Json.parse(utf8(body));
        }
        return kind.startsWith("text/") ? text(body, type) : body;
    }

    private static String bare(String type) {
        int end = type.indexOf(';');
        return (end < 0 ? type : type.substring(0, end)).strip().toLowerCase(Locale.ROOT);
    }

    private static String text(byte[] body, String type) {
        for (String parameter : type.split(";")) {
            String[] pair = parameter.strip().split("=", 2);
            if (pair.length == 2 && pair[0].equalsIgnoreCase("charset")) {
                return decoded(body, pair[1].replace("\"", ""));
            }
        }
        return utf8(body);
    }

    private static String decoded(byte[] body, String name) {
        try {
            return strict(Charset.forName(name), ByteBuffer.wrap(body));
        } catch (IllegalArgumentException error) {
            throw Problem.input("unknown_charset", "there is no charset " + name);
        } catch (CharacterCodingException error) {
            throw Problem.input("not_utf8", "the body is not " + name);
        }
    }

    static String utf8(byte[] body) {
        var found = new String(body, StandardCharsets.UTF_8);
        if (found.indexOf('\uFFFD') < 0) {
            return found;
        }
        var bytes = ByteBuffer.wrap(body); // the mark may stand in the text itself
        try {
            return strict(StandardCharsets.UTF_8, bytes);
        } catch (CharacterCodingException error) {
            throw Problem.input("not_utf8", "the body is not UTF-8 at byte " + bytes.position());
        }
    }

    private static String strict(Charset charset, ByteBuffer bytes) throws CharacterCodingException {
        return charset.newDecoder().onMalformedInput(CodingErrorAction.REPORT)
                .onUnmappableCharacter(CodingErrorAction.REPORT).decode(bytes).toString();
    }

    /**
     * Return the body of a result.
     *
     * @throws Problem JSON has no such value.
     */
    static Body write(Object value, Language language) {
        if (value instanceof byte[] bytes) {
            return new Body(BINARY, bytes);
        }
        if (!(value instanceof CharSequence text)) {
            return new Body(JSON, JsonWriter.write(value, language).getBytes(StandardCharsets.UTF_8));
        }
        try {
            var bytes = StandardCharsets.UTF_8.newEncoder().encode(java.nio.CharBuffer.wrap(text));
            var content = new byte[bytes.remaining()];
            bytes.get(content);
            return new Body(TEXT, content);
        } catch (CharacterCodingException error) {
            throw Problem.result("result_not_serialisable", "the result is text with half a surrogate pair");
        }
    }
}
