package algo.steps;

import algo.steps.Lock.Use;
import algo.steps.Main.Failed;
import java.io.File;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** The compiler of Scala, of the version that the author's own library has, and the main that it is given. */
final class Scala {
    private static final Pattern PACKAGE = Pattern.compile("(?m)^package\\s+([\\w.]+)[ \\t]*:?[ \\t]*$");
    private static final Pattern BATCH = Pattern.compile("(?m)^\\s*def\\s+applyBatch\\b");

    private final Path app;
    private final List<Path> jars;
    private final List<Path> tools;
    private final boolean second;

    /**
     * @throws Failed There is no compiler among the packages.
     */
    Scala(Path app, Jars packages) throws IOException {
        this.app = app.toAbsolutePath();
        jars = packages.with(Use.BUILD, Use.TOOL);
        tools = packages.of(Use.TOOL);
        second = !has("scala3-compiler_3-");
        if (second && !has("scala-compiler-2.")) {
            throw new Failed("there is no Scala: add org.scala-lang:scala3-library_3 to the dependencies of pom.xml");
        }
    }

    private boolean has(String name) {
        return jars.stream().anyMatch(one -> one.getFileName().toString().startsWith(name));
    }

    /** Whether it is Scala 2, in which only code of Algorithmia's is called. */
    boolean second() {
        return second;
    }

    /** Write the main that gives the author's function to the runner, below `into`; return it. */
    Path main(String file, String function, Path into) throws IOException {
        if (second) {
            return Files.writeString(into.resolve("AlgoMain.scala"), String.join("\n", "object AlgoMain {",
                    "  def main(words: Array[String]): Unit = algo.runner.Main.run(new algo.runner.Scala2)", "}", ""));
        }
        String text = Files.readString(app.resolve(file));
        var name = new StringBuilder();
        var packages = PACKAGE.matcher(text);
        while (packages.find()) {
            name.append(packages.group(1)).append('.');
        }
        String object = file.substring(file.lastIndexOf('/') + 1).replaceFirst("\\.scala$", "");
        if (!Pattern.compile("(?m)^\\s*object\\s+" + Pattern.quote(object) + "\\b").matcher(text).find()) {
            throw new Failed(file + ":1: it has no object " + object);
        }
        boolean batch = BATCH.matcher(text).find();
        Path main = Files.createDirectories(into).resolve("AlgoMain.scala");
        Files.writeString(main, String.join("\n", "object AlgoMain:", // where all packages can be named
                "  def main(words: Array[String]): Unit = algo.runner.Scala.run(() => entry)",
                "  private def entry = algo.runner.Entry." + (batch ? "batch" : "of") + "(" + name + object + "."
                        + (batch ? "applyBatch" : function) + ")", ""));
        return main;
    }

    /** Compile; what the compiler says goes to standard error, with the author's paths. */
    void compile(List<Path> sources, List<Path> classpath, Path into) throws IOException {
        var all = new ArrayList<>(jars);
        all.addAll(classpath);
        var words = new ArrayList<>(
                List.of("-nowarn", "-classpath", joined(all), "-d", into.toString()));
        if (!second) {
            words.add("-color:never");
        }
        sources.forEach(one -> words.add(one.toString()));
        var said = new java.io.ByteArrayOutputStream();
        var before = System.err;
        boolean failed;
        try (var loader = new URLClassLoader(urls(), ClassLoader.getPlatformClassLoader())) {
            System.setErr(new java.io.PrintStream(said, true));
            var main = loader.loadClass(second ? "scala.tools.nsc.Main" : "dotty.tools.dotc.Main");
            Object given = words.toArray(String[]::new);
            Object report = main.getMethod("process", String[].class).invoke(null, given);
            if (second) {
                report = main.getMethod("reporter").invoke(null);
            }
            failed = (boolean) report.getClass().getMethod("hasErrors").invoke(report);
        } catch (InvocationTargetException error) {
            throw new Failed("this version of Scala broke down: " + error.getCause());
        } catch (ReflectiveOperationException error) {
            throw new Failed("this version of Scala cannot be started: " + error);
        } finally {
            System.setErr(before);
        }
        String told = said.toString().replace(app + "/", "");
        System.err.print(told);
        if (failed) {
            System.err.print(Lacking.hint(told, app, sources));
            System.exit(1);
        }
    }

    private URL[] urls() throws IOException {
        var found = new LinkedHashSet<URL>();
        for (Path jar : tools) { // first: the author's packages may bring an older part of the compiler
            found.add(jar.toUri().toURL());
        }
        for (Path jar : jars) {
            found.add(jar.toUri().toURL());
        }
        return found.toArray(URL[]::new);
    }

    private static String joined(List<Path> paths) {
        return paths.stream().map(Path::toString).collect(Collectors.joining(File.pathSeparator));
    }
}
