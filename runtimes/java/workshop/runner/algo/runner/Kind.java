package algo.runner;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What a type of the author's takes: how it is read from a natural value of JSON, and its schema. */
public final class Kind {
    /** Returns a value as the type wants it; notes in the reading what is wrong, and returns anything then. */
    public interface Reader {
        Object read(Object value, Reading reading);
    }

    /** Takes anything as it is. */
    public static final Kind ANY = new Kind((value, reading) -> value, Map.of());

    private Reader reader;
    private final Map<String, Object> schema;
    private boolean texts;
    private List<String> types = List.of();
    private List<String> files = List.of();
    private Reader absent;

    public Kind(Reader reader, Map<String, Object> schema) {
        this.reader = reader;
        this.schema = schema;
    }

    /** This kind, of which a text of a form is meant as text, and not as the JSON in it. */
    Kind texts() {
        texts = true;
        return this;
    }

    /** This kind, which is a whole body of these content types, too. */
    Kind bodies(String... types) {
        this.types = List.of(types);
        return texts();
    }

    /** This kind, which leaves to another one what a text is meant as, and is a whole body where that is. */
    Kind like(Kind other) {
        types = other.types;
        return texts();
    }

    /** This kind, of which a record need not have a field; it is read as `otherwise` then. */
    public Kind absent(Reader otherwise) {
        absent = otherwise;
        return this;
    }

    /** Tell how it is read, of a type that holds itself. */
    public void readBy(Reader found) {
        reader = found;
    }

    /** Tell that it is an object of these fields. */
    public void fields(List<Records.Member> members) {
        files = members.stream().filter(one -> one.kind().types.contains(Values.BINARY))
                .map(Records.Member::name).toList();
    }

    /** Return `value` as this kind wants it. */
    public Object read(Object value, Reading reading) {
        if (reading.form && !texts && value instanceof String text) {
            try {
                return reader.read(Json.parse(text), reading);
            } catch (Problem error) {
                return reader.read(value, reading);
            }
        }
        return reader.read(value, reading);
    }

    /** Whether a record must have a field of this kind. */
    public boolean required() {
        return absent == null;
    }

    /** Return what a record has that lacks the field. */
    public Object missing(Reading reading) {
        return absent.read(null, reading);
    }

    /** Whether it takes anything. */
    public boolean any() {
        return schema.isEmpty();
    }

    /** The names of its fields that may be files of a form. */
    List<String> files() {
        return files;
    }

    public Map<String, Object> schema() {
        return schema;
    }

    List<String> types() {
        return types;
    }

    /** This kind, or null. */
    public static Kind nullable(Kind kind) {
        if (kind.any()) {
            return kind;
        }
        var either = new LinkedHashMap<String, Object>();
        either.put("anyOf", List.of(kind.schema, Map.of("type", "null")));
        return new Kind((value, reading) -> value == null ? null : kind.read(value, reading), either).like(kind);
    }
}
