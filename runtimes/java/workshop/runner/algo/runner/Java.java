package algo.runner;

import java.io.File;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Future;
import java.util.stream.BaseStream;

/** The author's class: a static `apply`, and what may stand beside it. */
final class Java implements Language {
    private AuthorsGson gson; // of old code, which leaves to it what its results look like

    @Override
    public String name() {
        return "java " + Runtime.version().feature();
    }

    @Override
    public Algorithm load(Hello hello) throws Throwable {
        if (!Files.isRegularFile(hello.app().resolve(hello.file()))) {
            throw new BadEntry(hello.file() + " is not there");
        }
        String name = new Faults(hello).entryClass(hello);
        Class<?> entry = Class.forName(name, false, Java.class.getClassLoader());
        if (hello.old()) {
            gson = AuthorsGson.find(entry.getClassLoader());
            return Old.load(entry, hello);
        }
        Method batch = find(entry, hello, hello.function().equals("applyBatch") ? "apply" : "applyBatch");
        Method apply = find(entry, hello, hello.function());
        if (hello.function().equals("applyBatch")) {
            batch = apply;
        } else if (batch != null) {
            apply = batch;
        }
        if (apply == null) {
            throw new BadEntry(hello.file() + " has no static method " + hello.function());
        }
        return algorithm(hello, apply, batch != null, find(entry, hello, "load"));
    }

    private static Method find(Class<?> entry, Hello hello, String name) throws BadEntry {
        var found = Arrays.stream(entry.getDeclaredMethods())
                .filter(one -> one.getName().equals(name) && !one.isSynthetic())
                .filter(one -> Modifier.isStatic(one.getModifiers()))
                .toList();
        if (found.size() > 1) {
            throw new BadEntry(hello.file() + " has " + found.size() + " static methods " + name
                    + ", and one is called");
        }
        if (found.isEmpty()) {
            return null;
        }
        found.get(0).setAccessible(true); // neither it nor its class need be public
        return found.get(0);
    }

    private static Algorithm algorithm(Hello hello, Method apply, boolean batch, Method load) throws Throwable {
        int takes = apply.getParameterCount();
        if (takes < 1 || takes > 2) {
            throw new BadEntry(apply.getName() + " takes an input, and what load returns if it likes, not "
                    + takes + " parameters");
        }
        Type taken = apply.getGenericParameterTypes()[0];
        Type given = apply.getGenericReturnType();
        if (batch) {
            taken = argument(taken, List.class,
                    apply.getName() + " takes a List of inputs, not " + taken.getTypeName());
            given = given instanceof ParameterizedType list ? list.getActualTypeArguments()[0] : Object.class;
        }
        var kinds = new Kinds(false);
        Kind input = kinds.of(taken);
        var schema = new LinkedHashMap<String, Object>();
        Schemas.input(schema, kinds, input);
        boolean cancels = Future.class.isAssignableFrom(apply.getReturnType()) || later(given) != given;
        Schemas.output(schema, later(given));
        Class.forName(apply.getDeclaringClass().getName()); // what it computes once, it computes now
        Object state = load == null ? null : invoke(load, models(hello, load));
        return new Algorithm(input,
                takes == 1 ? value -> invoke(apply, value) : value -> invoke(apply, value, state),
                batch, cancels, schema);
    }

    /** Return the type of what a future will hold, of any other type itself. */
    private static Type later(Type type) {
        return type instanceof ParameterizedType future && future.getRawType() instanceof Class<?> raw
                && CompletionStage.class.isAssignableFrom(raw) ? future.getActualTypeArguments()[0] : type;
    }

    private static Type argument(Type type, Class<?> raw, String otherwise) throws BadEntry {
        if (type instanceof ParameterizedType list && list.getRawType() == raw) {
            return list.getActualTypeArguments()[0];
        }
        if (type == raw) {
            return Object.class;
        }
        throw new BadEntry(otherwise);
    }

    /** Return the models as `load` wants them: paths as text, Path or File. */
    private static Object[] models(Hello hello, Method load) throws BadEntry {
        if (load.getParameterCount() == 0) {
            return new Object[0];
        }
        boolean map = load.getParameterCount() == 1 && load.getParameterTypes()[0] == Map.class;
        Type wanted = map && load.getGenericParameterTypes()[0] instanceof ParameterizedType named
                ? named.getActualTypeArguments()[1] : String.class;
        if (!map || wanted != String.class && wanted != Path.class && wanted != File.class) {
            throw new BadEntry("load takes nothing, or a Map<String, Path> of models");
        }
        var models = new LinkedHashMap<String, Object>();
        hello.models().forEach((name, path) ->
                models.put(name, wanted == Path.class ? Path.of(path) : wanted == File.class ? new File(path) : path));
        return new Object[] {models};
    }

    private static Object invoke(Method method, Object... values) throws Throwable {
        try {
            return method.invoke(null, values);
        } catch (java.lang.reflect.InvocationTargetException error) {
            throw error.getCause();
        } catch (IllegalArgumentException error) {
            throw new BadEntry(method.getName() + " does not take what load returned: " + error.getMessage());
        }
    }

    @Override
    public Object plain(Object value) {
        return gson == null ? null : gson.plain(value);
    }

    @Override
    public Iterator<?> pieces(Object result) {
        if (result instanceof BaseStream<?, ?> stream) {
            return stream.iterator();
        }
        return result instanceof Iterator<?> pieces ? pieces : null;
    }
}
