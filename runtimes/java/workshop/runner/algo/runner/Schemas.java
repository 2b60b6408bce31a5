package algo.runner;

import algo.runner.Language.BadEntry;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.stream.BaseStream;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/** What is told of the types of an algorithm (../README.md, Types). */
public final class Schemas {
    private Schemas() {}

    /** Add what is known of an input. */
    public static void input(Map<String, Object> schema, Kinds kinds, Kind input) {
        if (input.any()) {
            return;
        }
        schema.put("input", kinds.document(input));
        var accepts = new ArrayList<>(List.of(Values.JSON));
        accepts.addAll(input.types());
        if (!input.files().isEmpty()) {
            accepts.add("multipart/form-data");
            schema.put("files", input.files());
        }
        schema.put("accepts", accepts);
    }

    /** Add what is known of a result, which may be a stream. */
    static void output(Map<String, Object> schema, Type type) throws BadEntry {
        Type piece = piece(type);
        if (piece != null) {
            schema.put("streams", true);
        }
        var kinds = new Kinds(true);
        output(schema, kinds, kinds.of(piece == null ? type : piece));
    }

    /** Add what is known of a result, or of the piece of a stream. */
    public static void output(Map<String, Object> schema, Kinds kinds, Kind output) {
        if (output.any()) {
            return;
        }
        schema.put("output", kinds.document(output));
        if (!schema.containsKey("streams")) {
            schema.put("returns", output.types().isEmpty() ? List.of(Values.JSON) : output.types());
        }
    }

    /** Return the type of a stream's piece, null when the type is no stream. */
    private static Type piece(Type type) {
        if (type == IntStream.class) {
            return int.class;
        }
        if (type == LongStream.class) {
            return long.class;
        }
        if (type == DoubleStream.class) {
            return double.class;
        }
        if (type instanceof ParameterizedType generic && generic.getRawType() instanceof Class<?> raw) {
            boolean streams = BaseStream.class.isAssignableFrom(raw) || Iterator.class.isAssignableFrom(raw);
            return streams ? generic.getActualTypeArguments()[0] : null;
        }
        boolean streams = type instanceof Class<?> raw
                && (BaseStream.class.isAssignableFrom(raw) || Iterator.class.isAssignableFrom(raw));
        return streams ? Object.class : null;
    }
}
