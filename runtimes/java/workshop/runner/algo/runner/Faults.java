package algo.runner;

import java.lang.reflect.InvocationTargetException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;

/** Exceptions of user code as the protocol reports them. */
final class Faults {
    private static final int LONGEST_MESSAGE = 10_000; // a header has at most 1 MiB, and nobody reads more
    private static final int LONGEST_TRACE = 100_000;
    private static final int LONGEST_CODE = 200;
    private static final int TOLD = 50; // frames of each end of a stack: a recursion has thousands
    private static final int MOST_KEPT = 1024; // by the virtual machine, of the inner end

    private final Path app;
    private final String root; // of the author's source, below the project's folder; with a slash unless it is empty

    /** Args: the entry's file, and its class: how far they agree tells where the source begins. */
    Faults(Hello hello) {
        app = hello.app();
        root = hello.file().substring(0, Math.max(0, sourceRoot(hello)));
    }

    private static int sourceRoot(Hello hello) {
        for (int slash = -1; ; slash = hello.file().indexOf('/', slash + 1)) {
            if (found(hello.file().substring(slash + 1))) {
                return slash + 1;
            }
            if (hello.file().indexOf('/', slash + 1) < 0) {
                return hello.file().lastIndexOf('/') + 1;
            }
        }
    }

    /** Tell whether a source file, named from where the source begins, is a class of the program. */
    private static boolean found(String file) {
        return ClassLoader.getSystemResource(file.replaceFirst("\\.[^./]*$", "") + ".class") != null;
    }

    /** Return the entry's class, by the name that its file has from where the source begins. */
    String entryClass(Hello hello) {
        return hello.file().substring(root.length()).replaceFirst("\\.[^./]*$", "").replace('/', '.');
    }

    /** Return type, message, file, line and stack trace, trimmed to the author's frames and his packages'. */
    Map<String, Object> report(Throwable thrown) {
        try {
            return told(unwrapped(thrown));
        } catch (Throwable broken) { // a method of the author's may fail, too
            return mute(broken);
        }
    }

    /** Return the report of an error whose own methods fail: what made them. */
    private Map<String, Object> mute(Throwable broken) {
        String what = "the error cannot tell what it is";
        try {
            var found = told(broken);
            found.put("message", what + ": " + found.get("message"));
            return found;
        } catch (Throwable again) {
            return Map.of("error", "Throwable", "message", what, "file", "", "line", 0, "stacktrace", what);
        }
    }

    private Map<String, Object> told(Throwable error) {
        var found = new LinkedHashMap<String, Object>();
        found.put("error", name(error));
        found.put("message", clip(message(error), LONGEST_MESSAGE));
        found.put("file", "");
        found.put("line", 0);
        for (var frame : frames(error)) {
            String file = file(frame);
            if (file != null) {
                found.put("file", file);
                found.put("line", Math.max(frame.getLineNumber(), 0));
                break;
            }
        }
        var trace = new StringBuilder();
        write(error, "", trace, 0);
        found.put("stacktrace", clip(trace.toString().stripTrailing(), LONGEST_TRACE));
        return found;
    }

    private void write(Throwable error, String before, StringBuilder into, int depth) {
        into.append(before).append(error.getClass().getName()).append(": ").append(message(error)).append('\n');
        shortened(frames(error)).forEach(line -> into.append(line).append('\n'));
        if (error.getCause() != null && depth < 10) {
            write(error.getCause(), "Caused by: ", into, depth + 1);
        }
    }

    /** Equal lines that follow each other, as those of a recursion do. */
    private record Run(String line, int times) {}

    /** Return a line for each frame of both ends, and between them how many were left out. */
    private List<String> shortened(StackTraceElement[] frames) {
        var runs = runs(kept(frames));
        boolean cut = frames.length >= MOST_KEPT; // what is last has been called by the like
        int last = cut ? runs.size() : Math.max(runs.size() - TOLD, 0);
        if (last <= TOLD) {
            var lines = folded(runs);
            if (cut) {
                lines.add("\t... and what Java does not keep");
            }
            return lines;
        }
        var lines = folded(runs.subList(0, TOLD));
        int left = runs.subList(TOLD, last).stream().mapToInt(Run::times).sum();
        lines.add("\t... " + left + (cut ? " more, and what Java does not keep" : " more"));
        lines.addAll(folded(runs.subList(last, runs.size())));
        return lines;
    }

    private List<Run> runs(List<StackTraceElement> frames) {
        var runs = new ArrayList<Run>();
        for (var frame : frames) {
            String line = line(frame);
            int last = runs.size() - 1;
            if (last >= 0 && runs.get(last).line().equals(line)) {
                runs.set(last, new Run(line, runs.get(last).times() + 1));
            } else {
                runs.add(new Run(line, 1));
            }
        }
        return runs;
    }

    private static List<String> folded(List<Run> runs) {
        var lines = new ArrayList<String>();
        for (var run : runs) {
            lines.add(run.line());
            if (run.times() == 2) {
                lines.add(run.line());
            } else if (run.times() > 2) {
                lines.add("\t... " + (run.times() - 1) + " more like it");
            }
        }
        return lines;
    }

    /** Return the frames of the author's and of his packages; where none is his, all that are not ours. */
    private List<StackTraceElement> kept(StackTraceElement[] frames) {
        int end = frames.length;
        while (end > 0 && file(frames[end - 1]) == null) {
            end--;
        }
        // What called the outermost of his is a pool, and the thread that it has.
        var told = end == 0 ? Arrays.asList(frames) : Arrays.asList(frames).subList(0, end);
        boolean his = end > 0;
        return told.stream().filter(frame -> !ours(frame) && !(his && builtIn(frame))).toList();
    }

    private String line(StackTraceElement frame) {
        String file = file(frame);
        String place = file != null ? file : String.valueOf(frame.getFileName());
        String line = frame.getLineNumber() > 0 ? ":" + frame.getLineNumber() : "";
        return "\tat " + frame.getClassName() + '.' + frame.getMethodName() + '(' + place + line + ')';
    }

    private static StackTraceElement[] frames(Throwable error) {
        var frames = error.getStackTrace();
        return frames == null ? new StackTraceElement[0] : frames; // the author's own method may return that
    }

    private static boolean ours(StackTraceElement frame) {
        String name = frame.getClassName();
        return name.startsWith("algo.runner.") || name.startsWith("AlgoMain")
                || name.startsWith("java.lang.reflect.") || name.startsWith("jdk.internal.")
                || name.startsWith("java.lang.invoke.") || name.equals("java.lang.Thread")
                || name.startsWith("java.util.concurrent.ThreadPoolExecutor");
    }

    /** Tell whether a frame is of the JDK, or of what Scala comes with: the author's that called it says where. */
    private static boolean builtIn(StackTraceElement frame) {
        return frame.getModuleName() != null || frame.getClassName().startsWith("scala.");
    }

    /** Return the author's file of a frame, below the project's folder, null when it is none of his. */
    private String file(StackTraceElement frame) {
        if (frame.getFileName() == null || frame.getModuleName() != null) {
            return null;
        }
        String name = frame.getClassName();
        String folder = name.substring(0, name.lastIndexOf('.') + 1).replace('.', '/');
        for (String found : new String[] {root + folder + frame.getFileName(), root + frame.getFileName()}) {
            if (Files.isRegularFile(app.resolve(found))) {
                return found;
            }
        }
        return null;
    }

    /** Return the code of an `AlgorithmError`, null for everything else that is thrown. */
    static String callersFault(Throwable thrown) {
        try {
            var error = unwrapped(thrown);
            for (Class<?> kind = error.getClass(); kind != null; kind = kind.getSuperclass()) {
                if (kind.getSimpleName().equals("AlgorithmError")) {
                    Object code = code(error);
                    return clip(code == null ? "bad_input" : code.toString(), LONGEST_CODE);
                }
            }
        } catch (Throwable broken) {
            return null; // a method of the author's: his fault
        }
        return null;
    }

    private static Object code(Throwable error) throws ReflectiveOperationException {
        for (Class<?> kind = error.getClass(); kind != Throwable.class; kind = kind.getSuperclass()) {
            for (var method : kind.getDeclaredMethods()) {
                if (method.getParameterCount() == 0 && method.getName().matches("code|getCode")) {
                    method.setAccessible(true); // the class need not be public
                    return method.invoke(error);
                }
            }
            for (var field : kind.getDeclaredFields()) {
                if (field.getName().equals("code")) {
                    field.setAccessible(true);
                    return field.get(error);
                }
            }
        }
        return null;
    }

    /** Return what the author's code threw, without what reflection and futures put around it. */
    static Throwable unwrapped(Throwable error) {
        boolean wrapped = error instanceof InvocationTargetException || error instanceof CompletionException
                || error instanceof ExecutionException || error instanceof ExceptionInInitializerError;
        return wrapped && error.getCause() != null ? unwrapped(error.getCause()) : error;
    }

    /** Throw anything, as if it were unchecked. */
    @SuppressWarnings("unchecked")
    static <T extends Throwable> T thrown(Throwable error) throws T {
        throw (T) error;
    }

    private String message(Throwable error) {
        String text;
        try {
            text = error.getMessage();
        } catch (Throwable failed) { // the author's getMessage may fail, too
            text = null;
        }
        return text == null ? name(error) : text.replace(app + "/", "");
    }

    private static String name(Throwable error) {
        return error.getClass().isAnonymousClass() ? error.getClass().getName() : error.getClass().getSimpleName();
    }

    private static String clip(String text, int longest) {
        return text.length() <= longest ? text : text.substring(0, longest);
    }
}
