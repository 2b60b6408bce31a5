package algo.runner;

import algo.runner.Language.BadEntry;
import algo.runner.Records.Member;
import java.lang.reflect.AnnotatedElement;
import java.lang.reflect.Array;
import java.lang.reflect.Constructor;
import java.lang.reflect.GenericArrayType;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.lang.reflect.WildcardType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Function;

/** Compiles types to kinds, of one schema. */
public final class Kinds {
    final boolean output;
    private final Map<String, Object> definitions = new LinkedHashMap<>();
    private final Map<Object, Kind> named = new HashMap<>();

    /** Args: whether results are described, of which nothing is read. */
    public Kinds(boolean output) {
        this.output = output;
    }

    /**
     * Return the kind of a type.
     *
     * @throws BadEntry It is no type of an input.
     */
    public Kind of(Type type) throws BadEntry {
        if (type instanceof Class<?> plain) {
            return ofClass(plain);
        }
        if (type instanceof ParameterizedType generic) {
            return generic((Class<?>) generic.getRawType(), generic.getActualTypeArguments());
        }
        if (type instanceof GenericArrayType array
                && array.getGenericComponentType() instanceof ParameterizedType item) {
            return array((Class<?>) item.getRawType(), of(item));
        }
        return type instanceof WildcardType any ? of(any.getUpperBounds()[0]) : Kind.ANY;
    }

    /** Return the whole schema of a kind that was compiled here. */
    public Map<String, Object> document(Kind kind) {
        var found = new LinkedHashMap<>(kind.schema());
        if (!definitions.isEmpty()) {
            found.put("$defs", definitions);
        }
        return found;
    }

    private Kind ofClass(Class<?> type) throws BadEntry {
        Kind scalar = Scalars.of(type);
        if (scalar != null) {
            return scalar;
        }
        if (type == Object.class) {
            return Kind.ANY;
        }
        if (type.isArray()) {
            return array(type.getComponentType(), of(type.getComponentType()));
        }
        if (type.isRecord()) {
            return named(type, type.getSimpleName(), kind -> record(type, kind));
        }
        if (type.isEnum()) {
            return named(type, type.getSimpleName(), kind -> members(type, kind));
        }
        if (type.isSealed()) {
            return named(type, type.getSimpleName(), kind -> either(type.getPermittedSubclasses(), kind));
        }
        if (type == OptionalInt.class) {
            return optional(Scalars.of(int.class), found -> OptionalInt.of((Integer) found), OptionalInt.empty());
        }
        if (type == OptionalLong.class) {
            return optional(Scalars.of(long.class), found -> OptionalLong.of((Long) found), OptionalLong.empty());
        }
        if (type == OptionalDouble.class) {
            return optional(
                    Scalars.of(double.class), found -> OptionalDouble.of((Double) found), OptionalDouble.empty());
        }
        return generic(type, new Type[] {Object.class, Object.class});
    }

    private Kind generic(Class<?> type, Type[] arguments) throws BadEntry {
        if (type == List.class || type == Collection.class || type == Iterable.class) {
            return list(of(arguments[0]), found -> found, Map.of());
        }
        if (type == Set.class) {
            return list(of(arguments[0]), LinkedHashSet::new, Map.of("uniqueItems", true));
        }
        if (type == Optional.class) {
            return optional(of(arguments[0]), Optional::of, Optional.empty());
        }
        if (type == Map.class) {
            return map(of(arguments[0]), of(arguments[1]));
        }
        if (type.isRecord() || type.isSealed()) {
            return ofClass(type);
        }
        if (!output) {
            throw new BadEntry("an input cannot be " + type.getTypeName() + ": take a record, a List, a Map, text, "
                    + "a number, bytes, or Object for anything");
        }
        return Kind.ANY;
    }

    /** Makes the definition of a type that has a name. */
    interface Definition {
        Map<String, Object> of(Kind kind) throws BadEntry;
    }

    /** Return the kind of a type that has a name in the schema; it may hold itself. */
    Kind named(Object type, String name, Definition definition) throws BadEntry {
        Kind known = named.get(type);
        if (known != null) {
            return known;
        }
        String free = name;
        for (int number = 2; definitions.containsKey(free); number++) {
            free = name + number;
        }
        definitions.put(free, Map.of());
        var reference = new LinkedHashMap<String, Object>();
        reference.put("$ref", "#/$defs/" + free);
        var kind = new Kind(null, reference).texts();
        named.put(type, kind);
        var found = definition.of(kind);
        if (!free.equals(name) && found.equals(definitions.get(name))) { // the same, by another key
            definitions.remove(free);
            reference.put("$ref", "#/$defs/" + name);
        } else {
            definitions.put(free, found);
        }
        return kind;
    }

    private Map<String, Object> record(Class<?> type, Kind kind) throws BadEntry {
        var components = type.getRecordComponents();
        var members = new ArrayList<Member>();
        for (var one : components) {
            members.add(new Member(one.getName(), member(type, one)));
        }
        kind.fields(members);
        kind.readBy(Records.reader(members, constructor(type, components)::newInstance));
        return Records.schema(members, output);
    }

    private Kind member(Class<?> type, RecordComponent one) throws BadEntry {
        try {
            Kind kind = of(one.getGenericType());
            boolean nullable = annotated(one) || annotated(one.getAnnotatedType());
            return nullable ? Kind.nullable(kind).absent((value, reading) -> null) : kind;
        } catch (BadEntry error) {
            throw new BadEntry(type.getSimpleName() + "." + one.getName() + ": " + error.getMessage());
        }
    }

    private static boolean annotated(AnnotatedElement element) {
        return Arrays.stream(element.getAnnotations())
                .anyMatch(one -> one.annotationType().getSimpleName().equals("Nullable"));
    }

    private static Constructor<?> constructor(Class<?> type, RecordComponent[] components) {
        try {
            var found = type.getDeclaredConstructor(
                    Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new));
            found.setAccessible(true); // the record need not be public
            return found;
        } catch (NoSuchMethodException error) {
            throw new IllegalStateException(error); // every record has it
        }
    }

    private Map<String, Object> members(Class<?> type, Kind kind) {
        var members = new LinkedHashMap<String, Object>();
        for (Object one : type.getEnumConstants()) {
            members.put(((Enum<?>) one).name(), one);
        }
        choice(kind, members);
        return Map.of("enum", List.copyOf(members.keySet()));
    }

    /** Let a kind take the names of some values, and nothing else. */
    public static void choice(Kind kind, Map<String, ?> members) {
        String what = "one of \"" + String.join("\", \"", members.keySet()) + "\"";
        kind.readBy((value, reading) -> value instanceof String && members.containsKey(value)
                ? members.get(value) : reading.expected(what, value));
    }

    private Map<String, Object> either(Class<?>[] types, Kind kind) throws BadEntry {
        var kinds = new ArrayList<Kind>();
        for (var one : types) {
            kinds.add(of(one));
        }
        kind.readBy(either(kinds));
        return Map.of("anyOf", kinds.stream().map(Kind::schema).toList());
    }

    /** Return what reads a value as the first kind that takes it; what the nearest one lacked is told. */
    public static Kind.Reader either(List<Kind> kinds) {
        return (value, reading) -> {
            int before = reading.wrong();
            Kind nearest = null;
            int least = Integer.MAX_VALUE;
            for (var one : kinds) {
                Object found = one.read(value, reading);
                int wrong = reading.wrong() - before;
                if (wrong == 0) {
                    return found;
                }
                reading.forget(before);
                if (wrong < least) {
                    nearest = one;
                    least = wrong;
                }
            }
            return nearest == null ? reading.bad("is of no kind") : nearest.read(value, reading);
        };
    }

    private Kind optional(Kind kind, Function<Object, Object> some, Object none) {
        var either = Kind.nullable(kind);
        return new Kind((value, reading) -> {
            Object found = value == null ? null : either.read(value, reading);
            return found == null ? none : some.apply(found);
        }, either.schema()).like(either).absent((value, reading) -> none);
    }

    private Kind array(Class<?> component, Kind item) {
        return list(item, found -> {
            Object array = Array.newInstance(component, found.size());
            for (int at = 0; at < found.size(); at++) {
                Array.set(array, at, found.get(at));
            }
            return array;
        }, Map.of());
    }

    /** Return the kind of a list, which `build` makes of what its items were read as. */
    public static Kind list(Kind item, Function<List<Object>, Object> build, Map<String, Object> more) {
        var schema = new LinkedHashMap<String, Object>();
        schema.put("type", "array");
        if (!item.any()) {
            schema.put("items", item.schema());
        }
        schema.putAll(more);
        return new Kind((value, reading) -> {
            if (!(value instanceof List<?> items)) {
                return reading.expected("an array", value);
            }
            int before = reading.wrong();
            var found = new ArrayList<Object>(items.size());
            for (int at = 0; at < items.size() && !reading.full(); at++) {
                found.add(reading.at(at, item, items.get(at)));
            }
            return reading.wrong() > before ? null : build.apply(found);
        }, schema);
    }

    private static Kind map(Kind key, Kind item) {
        return map(key, item, Collections::unmodifiableMap);
    }

    /** Return the kind of an object of any names, which `build` makes of what its values were read as. */
    public static Kind map(Kind key, Kind item, Function<Map<Object, Object>, Object> build) {
        var schema = new LinkedHashMap<String, Object>();
        schema.put("type", "object");
        if (!item.any()) {
            schema.put("additionalProperties", item.schema());
        }
        return new Kind((value, reading) -> {
            if (!(value instanceof Map<?, ?> fields)) {
                return reading.expected("an object", value);
            }
            int before = reading.wrong();
            var found = new LinkedHashMap<Object, Object>();
            fields.forEach((name, one) -> {
                if (!reading.full()) {
                    found.put(reading.at(name, key, name), reading.at(name, item, one));
                }
            });
            return reading.wrong() > before ? null : build.apply(found);
        }, schema);
    }
}
