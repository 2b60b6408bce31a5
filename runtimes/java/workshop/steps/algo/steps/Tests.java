package algo.steps;

import algo.steps.Lock.Use;
import algo.steps.Main.Failed;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** The author's own tests: those below src/test/java or tests, by JUnit's launcher. */
final class Tests {
    private static final String LAUNCHER = "org.junit.platform.console.ConsoleLauncher";

    private static final String SCALATEST = "org.scalatest.tools.Runner";

    private final Path cache;
    private final Path app;
    private final String entrypoint;
    private final Path packages;

    Tests(Path cache, Path app, String entrypoint, Path packages) {
        this.cache = cache;
        this.app = app;
        this.entrypoint = entrypoint;
        this.packages = packages;
    }

    /** Compile and run them; the process ends with their exit code. */
    void run(Path report) throws IOException, InterruptedException {
        var build = new Build(cache, app, entrypoint, packages);
        var sources = new ArrayList<Path>();
        for (String folder : List.of("src/test", "tests")) {
            sources.addAll(Folders.files(app.resolve(folder), build.suffix()));
        }
        if (sources.isEmpty()) {
            return;
        }
        var jars = new ArrayList<>(new Jars(packages).with(Use.BUILD, Use.TEST, Use.TOOL));
        if (has(jars, "junit-vintage-engine-")) {
            jars.removeIf(one -> one.getFileName().toString().startsWith("junit-3.")); // a newer one holds its classes
        }
        boolean scalatest = has(jars, "scalatest");
        if (!scalatest && !has(jars, "junit-platform-console-")) {
            throw new Failed("the tests need JUnit: add org.junit.jupiter:junit-jupiter, of scope test, to "
                    + Asked.name(app));
        }
        var classpath = new ArrayList<>(build.tested(sources, cache.resolve("tested")));
        Path classes = classpath.get(0);
        classpath.addAll(List.of(app.resolve("src/main/resources"), app.resolve("src/test/resources")));
        classpath.addAll(jars);
        Path reports = Folders.emptied(cache.resolve("reports"));
        var command = new ArrayList<>(List.of("java", "-ea", "-cp",
                classpath.stream().map(Path::toString).collect(Collectors.joining(File.pathSeparator))));
        command.addAll(scalatest
                ? List.of(SCALATEST, "-R", classes.toString(), "-oW", "-u", reports.toString())
                : List.of(LAUNCHER, "execute", "--disable-banner", "--disable-ansi-colors", "--details=tree",
                        "--details-theme=ascii", "--scan-classpath=" + classes, "--reports-dir=" + reports));
        int code = new ProcessBuilder(command).directory(app.toFile()).inheritIO().start().waitFor();
        join(Folders.files(reports, ".xml"), report);
        System.exit(code);
    }

    private static boolean has(List<Path> jars, String name) {
        return jars.stream().anyMatch(one -> one.getFileName().toString().startsWith(name));
    }

    /** Write the reports of JUnit's engines as one. */
    private static void join(List<Path> reports, Path into) throws IOException {
        var found = new StringBuilder("<testsuites>\n");
        for (Path one : reports) {
            found.append(Files.readString(one).replaceFirst("<\\?xml[^>]*>", ""));
        }
        Files.writeString(into, found.append("</testsuites>\n"));
    }
}
