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

    private final Path cache;
    private final Path app;
    private final Path packages;
    private final Path program;

    Tests(Path cache, Path app, Path packages, Path program) {
        this.cache = cache;
        this.app = app;
        this.packages = packages;
        this.program = program;
    }

    /** Compile and run them; the process ends with their exit code. */
    void run(Path report) throws IOException, InterruptedException {
        Path folder = app.resolve("src/test/java");
        var sources = Folders.files(Files.isDirectory(folder) ? folder : app.resolve("tests"), ".java");
        if (sources.isEmpty()) {
            return;
        }
        var jars = Jars.of(packages).with(Use.BUILD, Use.TEST, Use.TOOL);
        if (jars.stream().noneMatch(one -> one.getFileName().toString().startsWith("junit-platform-console-"))) {
            throw new Failed("the tests need JUnit: add org.junit.jupiter:junit-jupiter, of scope test, to pom.xml");
        }
        Path classes = Folders.emptied(cache.resolve("tests"));
        var classpath = new ArrayList<>(List.of(program.resolve("algorithm")));
        classpath.addAll(jars);
        new Compiler(app).compile(sources, classpath, classes);
        classpath.add(0, classes);
        classpath.add(app.resolve("src/main/resources"));
        classpath.add(app.resolve("src/test/resources"));
        Path reports = Folders.emptied(cache.resolve("reports"));
        var command = List.of("java", "-ea", "-cp",
                classpath.stream().map(Path::toString).collect(Collectors.joining(File.pathSeparator)), LAUNCHER,
                "execute", "--disable-banner", "--disable-ansi-colors", "--details=tree", "--details-theme=ascii",
                "--scan-classpath=" + classes, "--reports-dir=" + reports);
        int code = new ProcessBuilder(command).directory(app.toFile()).inheritIO().start().waitFor();
        join(Folders.files(reports, ".xml"), report);
        System.exit(code);
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
