package algo.steps;

import algo.steps.Main.Failed;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaFileObject;
import javax.tools.ToolProvider;

/** The compiler of Java; what it says goes to standard error, with the author's paths. */
final class Compiler {
    private static final Pattern RELEASE = Pattern.compile("<maven\\.compiler\\.release>\\s*(\\d+)\\s*<");
    private static final String RUNNER_RELEASE = "17"; // the oldest that runs it

    private final Path app;

    Compiler(Path app) {
        this.app = app.toAbsolutePath();
    }

    /** Compile the author's files, for the release that his pom.xml names. */
    void compile(List<Path> sources, List<Path> classpath, Path into) throws IOException {
        Path pom = app.resolve("pom.xml");
        var release = RELEASE.matcher(Files.isRegularFile(pom) ? Files.readString(pom) : "");
        var options = new ArrayList<>(List.of("-g", "-parameters", "-classpath",
                classpath.stream().map(Path::toString).collect(Collectors.joining(File.pathSeparator))));
        if (release.find()) {
            options.addAll(List.of("--release", release.group(1)));
        }
        var said = new DiagnosticCollector<JavaFileObject>();
        boolean done = run(sources, options, into, said);
        var told = new StringBuilder();
        for (var one : said.getDiagnostics()) {
            if (one.getKind() == Diagnostic.Kind.ERROR || one.getSource() != null) {
                told.append(one.toString().replace(app + "/", "")).append('\n');
            }
        }
        System.err.print(told);
        if (!done) {
            System.err.print(Lacking.hint(told.toString(), app, sources));
            System.exit(1);
        }
    }

    /** Compile the runner, which is not the author's. */
    static void runner(List<Path> sources, Path into) throws IOException {
        var said = new DiagnosticCollector<JavaFileObject>();
        if (!run(sources, List.of("-g", "--release", RUNNER_RELEASE, "-proc:none"), into, said)) {
            throw new Failed("the runner does not compile: " + said.getDiagnostics());
        }
    }

    private static boolean run(List<Path> sources, List<String> more, Path into,
            DiagnosticCollector<JavaFileObject> said) throws IOException {
        var compiler = ToolProvider.getSystemJavaCompiler();
        var options = new ArrayList<>(List.of("-encoding", "UTF-8", "-d", into.toString()));
        options.addAll(more);
        try (var files = compiler.getStandardFileManager(said, Locale.ROOT, null)) {
            var units = files.getJavaFileObjectsFromPaths(sources);
            return compiler.getTask(null, files, said, options, null, units).call();
        } catch (IllegalArgumentException error) { // a release that this one does not know
            throw new Failed("pom.xml:1: " + error.getMessage().replace("error: ", "") + " by Java "
                    + Runtime.version().feature());
        }
    }
}
