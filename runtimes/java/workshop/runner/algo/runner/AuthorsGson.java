package algo.runner;

import algo.runner.Language.BadEntry;
import java.lang.annotation.Annotation;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The library Gson where it is among the author's packages: old code leaves it to that how its classes are read. */
final class AuthorsGson {
    private final Object gson;
    private final Method from;
    private final Method to;

    private AuthorsGson(Object gson, Method from, Method to) {
        this.gson = gson;
        this.from = from;
        this.to = to;
    }

    /** Return the one of a class loader; where there is none it can neither read nor write. */
    static AuthorsGson find(ClassLoader loader) throws ReflectiveOperationException {
        try {
            Class<?> builders = Class.forName("com.google.gson.GsonBuilder", true, loader);
            Object builder = builders.getDeclaredConstructor().newInstance();
            builders.getMethod("serializeNulls").invoke(builder);
            Object gson = builders.getMethod("create").invoke(builder);
            return new AuthorsGson(gson, gson.getClass().getMethod("fromJson", String.class, Type.class),
                    gson.getClass().getMethod("toJson", Object.class));
        } catch (ClassNotFoundException error) {
            return new AuthorsGson(null, null, null);
        }
    }

    /**
     * Return a natural value of JSON as a type of the author's.
     *
     * @throws Problem It cannot be read so, or a field of it that is `@Required` is missing.
     */
    Object read(Object natural, Type type) {
        if (gson == null) {
            Faults.<RuntimeException>thrown(new BadEntry("only Gson can read an input as " + type.getTypeName()
                    + ": add com.google.code.gson:gson to pom.xml, then: algo lock"));
        }
        if (natural instanceof byte[]) {
            throw Problem.input("invalid_input", "input: expected JSON, got " + Reading.shown(natural));
        }
        Object found;
        try {
            found = from.invoke(gson, JsonWriter.write(natural, null), type);
        } catch (InvocationTargetException error) {
            Throwable wrong = error.getCause().getCause() == null ? error.getCause() : error.getCause().getCause();
            throw Problem.input("invalid_input", "input: " + wrong.getMessage());
        } catch (IllegalAccessException error) {
            throw new IllegalStateException(error); // its methods are public
        }
        if (found != null) {
            required(found, natural);
        }
        return found;
    }

    private static void required(Object found, Object natural) {
        for (Field field : found.getClass().getDeclaredFields()) {
            boolean wanted = Arrays.stream(field.getAnnotations())
                    .anyMatch(one -> one.annotationType().getSimpleName().equals("Required"));
            try {
                if (wanted && field.trySetAccessible() && (field.get(found) == null || unset(field, natural))) {
                    throw Problem.input("invalid_input", "input." + names(field).get(0) + ": it is required");
                }
            } catch (IllegalAccessException error) {
                throw new IllegalStateException(error); // it was made accessible
            }
        }
    }

    /** Tell whether a field has no value in the JSON, where what was read cannot tell: a number is 0 then. */
    private static boolean unset(Field field, Object natural) {
        return field.getType().isPrimitive() && natural instanceof Map<?, ?> given
                && names(field).stream().allMatch(one -> given.get(one) == null);
    }

    /** Return what a field may be called in JSON: its name, or what Gson's `@SerializedName` says. */
    private static List<String> names(Field field) {
        for (Annotation one : field.getAnnotations()) {
            if (one.annotationType().getSimpleName().equals("SerializedName")) {
                try {
                    var names = new ArrayList<String>();
                    names.add((String) one.annotationType().getMethod("value").invoke(one));
                    names.addAll(List.of((String[]) one.annotationType().getMethod("alternate").invoke(one)));
                    return names;
                } catch (ReflectiveOperationException error) {
                    throw new IllegalStateException(error); // it has both
                }
            }
        }
        return List.of(field.getName());
    }

    /** Return a value of the author's as one that has a form in JSON, null where Gson knows none. */
    Object plain(Object value) {
        if (gson == null) {
            return null;
        }
        try {
            Object found = Json.parse((String) to.invoke(gson, value));
            return found == null ? Optional.empty() : found;
        } catch (InvocationTargetException | IllegalAccessException | Problem error) {
            return null;
        }
    }
}
