package algo.runner;

import algo.runner.Language.BadEntry;
import java.io.File;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Type;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Code that was written for Algorithmia: one instance for all calls, whose `apply` may have several forms. The one
 * that takes an input best is called; a list is spread over as many parameters.
 */
final class Old {
    private static final String KIT = "com.algorithmia.development."; // whose `load` is called, and no other's
    /** The sooner its parameter stands here, the better a form is, as it was there. */
    private static final List<Class<?>> ORDER = List.of(byte[].class, double.class, Double.class, float.class,
            Float.class, long.class, Long.class, int.class, Integer.class, short.class, Short.class, String.class,
            char.class, Character.class, byte.class, Byte.class, boolean.class, Boolean.class);
    private static final int OTHER = 100; // read by Gson, or as anything
    private static final int LOOSE = 1000; // a number where text is taken, text where bytes are

    /** A parameter: what it is read as, where Gson need not. */
    private record Parameter(Type type, Kind kind, int rank) {}

    /** A form of `apply`. */
    private record Form(Method method, List<Parameter> parameters, boolean takesJson, boolean givesJson) {
        String shown() {
            var types = Arrays.stream(method.getParameterTypes()).map(Class::getSimpleName).toList();
            return method.getName() + "(" + String.join(", ", types) + ")";
        }
    }

    /** What a form is called with. */
    private record Fit(Form form, Object[] values, int rank) {}

    private static final String ADDRESS = "ALGORITHMIA_API";
    private static final String KEY = "ALGORITHMIA_API_KEY";

    private final List<Form> forms = new ArrayList<>();
    private final AuthorsGson gson;
    private final Object instance;

    private Old(Object instance, List<Method> methods, AuthorsGson gson) {
        this.instance = instance;
        this.gson = gson;
        methods.forEach(one -> forms.add(form(one)));
    }

    static Algorithm load(Class<?> entry, Hello hello) throws Throwable {
        var methods = Arrays.stream(entry.getDeclaredMethods())
                .filter(one -> one.getName().equals(hello.function()) && !one.isSynthetic())
                .filter(one -> one.getParameterCount() > 0)
                .sorted(Comparator.comparing(Method::toString)).toList();
        if (methods.isEmpty()) {
            throw new BadEntry(hello.file() + " has no method " + hello.function() + " that takes an input");
        }
        reach();
        methods.forEach(one -> one.setAccessible(true)); // neither it nor its class need be public
        boolean loads = ofKit(entry);
        boolean allStatic = methods.stream().allMatch(one -> Modifier.isStatic(one.getModifiers()));
        Object instance = allStatic && !loads ? null : made(entry);
        if (loads) {
            called(instance, entry.getMethod("load"));
        }
        var old = new Old(instance, methods, AuthorsGson.find(entry.getClassLoader()));
        if (methods.size() > 1 && old.forms.stream().anyMatch(Form::takesJson)) {
            throw new BadEntry(hello.file() + " has several methods " + hello.function()
                    + ", and @AcceptsJson wants it to be the only one");
        }
        return new Algorithm(Kind.ANY, old::answer, false, false, old.schema());
    }

    /** Let Algorithmia's own client, which sends no key or that of the code, reach the API of the gateway. */
    static void reach() {
        var env = System.getenv();
        if (env.containsKey(ADDRESS) && env.containsKey(KEY)) {
            System.setProperty(ADDRESS, env.get(ADDRESS) + "/key/" + env.get(KEY));
        }
    }

    private static boolean ofKit(Class<?> entry) {
        for (Class<?> kind = entry; kind != null; kind = kind.getSuperclass()) {
            if (kind.getName().startsWith(KIT)
                    || Arrays.stream(kind.getInterfaces()).anyMatch(one -> one.getName().startsWith(KIT))) {
                return true;
            }
        }
        return false;
    }

    private static Object made(Class<?> entry) throws Throwable {
        try {
            var constructor = entry.getDeclaredConstructor();
            constructor.setAccessible(true);
            return constructor.newInstance();
        } catch (InvocationTargetException error) {
            throw error.getCause();
        } catch (NoSuchMethodException | InstantiationException error) {
            throw new BadEntry(entry.getName() + " has no constructor without parameters");
        }
    }

    private Form form(Method method) {
        var parameters = new ArrayList<Parameter>();
        for (Type type : method.getGenericParameterTypes()) {
            int at = ORDER.indexOf(type);
            parameters.add(new Parameter(type, kind(type), at < 0 ? OTHER : at));
        }
        return new Form(method, parameters, annotated(method, "AcceptsJson"), annotated(method, "ReturnsJson"));
    }

    /** Return the kind of a type, null where Gson has to know it. */
    private static Kind kind(Type type) {
        try {
            return new Kinds(false).of(type);
        } catch (BadEntry error) {
            return null;
        }
    }

    private static boolean annotated(Method method, String name) {
        return Arrays.stream(method.getAnnotations()).anyMatch(one -> one.annotationType().getSimpleName().equals(name));
    }

    /** Return what the types of the only form say. */
    private Map<String, Object> schema() {
        var schema = new LinkedHashMap<String, Object>();
        Form only = forms.size() == 1 ? forms.get(0) : null;
        if (only != null && only.parameters().size() == 1 && !only.takesJson()) {
            try {
                var kinds = new Kinds(false);
                Schemas.input(schema, kinds, kinds.of(only.parameters().get(0).type()));
                if (!only.givesJson()) {
                    Schemas.output(schema, only.method().getGenericReturnType());
                }
            } catch (BadEntry error) {
                schema.clear(); // of Gson's, of which nothing is told
            }
        }
        return schema;
    }

    private Object answer(Object input) throws Throwable {
        Fit fit = fit(input);
        Object result = called(instance, fit.form().method(), fit.values());
        if (result instanceof File file) { // of which the bytes are meant, as its own runner took them
            byte[] content = Files.readAllBytes(file.toPath());
            Files.delete(file.toPath());
            return content;
        }
        return fit.form().givesJson() && result instanceof String text ? json(text) : result;
    }

    private static Object json(String text) {
        try {
            Object found = Json.parse(text);
            // A text would be sent as text; one that stands in JSON is another thing.
            return found instanceof String ? java.util.Optional.of(found) : found;
        } catch (Problem error) {
            throw Problem.result("result_not_serialisable", "the result of a method with @ReturnsJson is no JSON: "
                    + error.getMessage());
        }
    }

    /**
     * Return the form that takes an input best, and what it is called with.
     *
     * @throws Problem None does.
     */
    private Fit fit(Object input) {
        Fit best = null;
        Problem wrong = null;
        for (var form : forms) {
            try {
                Fit found = fit(form, input);
                best = best == null || found.rank() < best.rank() ? found : best;
            } catch (Problem error) {
                wrong = error;
            }
        }
        if (best == null && forms.size() > 1) {
            throw Problem.input("invalid_input", "no form of apply takes " + Reading.shown(input) + ": there are "
                    + String.join(", ", forms.stream().map(Form::shown).toList()));
        }
        if (best == null) {
            throw wrong;
        }
        return best;
    }

    private Fit fit(Form form, Object input) {
        var parameters = form.parameters();
        if (form.takesJson() && parameters.get(0).type() == String.class) {
            return new Fit(form, new Object[] {JsonWriter.write(input, null)}, 0);
        }
        if (parameters.size() > 1) {
            if (!(input instanceof List<?> items) || items.size() != parameters.size()) {
                throw Problem.input("invalid_input", "input: expected an array of " + parameters.size()
                        + " items, got " + Reading.shown(input));
            }
            return spread(form, items);
        }
        try {
            return spread(form, java.util.Collections.singletonList(input));
        } catch (Problem error) {
            if (input instanceof List<?> items && items.size() == 1) {
                return spread(form, items);
            }
            throw error;
        }
    }

    private Fit spread(Form form, List<?> items) {
        var values = new Object[items.size()];
        int rank = 0;
        for (int at = 0; at < values.length; at++) {
            var parameter = form.parameters().get(at);
            Object given = items.get(at);
            boolean shown = parameter.type() == String.class && (given instanceof Number || given instanceof Boolean);
            boolean packed = parameter.type() == byte[].class && given instanceof String; // a text may be base64
            values[at] = shown ? given.toString() : read(parameter, given);
            rank += shown || packed ? LOOSE : parameter.rank();
        }
        return new Fit(form, values, rank);
    }

    private Object read(Parameter parameter, Object given) {
        return parameter.kind() != null ? Reading.read(given, parameter.kind(), false)
                : gson.read(given, parameter.type());
    }

    private static Object called(Object on, Method method, Object... values) throws Throwable {
        try {
            method.setAccessible(true);
            return method.invoke(on, values);
        } catch (InvocationTargetException error) {
            throw error.getCause();
        }
    }
}
