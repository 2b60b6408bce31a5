package algo.steps;

import algo.steps.Lock.Artifact;
import algo.steps.Lock.Use;
import algo.steps.Main.Failed;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.stream.Collectors;

/** The packages that pom.xml asks for: Maven resolves and fetches, the lock decides. */
final class Packages {
    private static final String VINTAGE = "5.11.4"; // of JUnit 5: runs tests of JUnit 3 and 4
    private static final String CONSOLE = "1.11.4"; // of the same release

    private final Path folder;
    private final Path cache;
    private final Maven maven;

    Packages(Path folder, Path cache) {
        this.folder = folder.toAbsolutePath();
        this.cache = cache;
        this.maven = new Maven(cache, Asked.name(folder));
    }

    private Path pom() throws IOException {
        return Asked.pom(folder, cache.resolve("asked"));
    }

    /** Bring the lock up to date, and write pins.json. */
    void resolve() throws IOException, InterruptedException {
        Path pom = pom();
        String digest = Lock.sha256(pom);
        Lock lock = Lock.read(folder);
        if (lock == null || !lock.pom().equals(digest)) { // nothing else can ask for another version
            var found = new LinkedHashMap<String, Artifact>();
            boolean own = Files.isRegularFile(folder.resolve("pom.xml"));
            var asked = own ? maven.artifacts(pom) : Later.artifacts(maven, pom);
            asked.forEach(one -> found.put(one.path(), one));
            for (Artifact one : maven.artifacts(Pom.of(tools(found.values())), pom)) {
                found.putIfAbsent(one.path(), new Artifact(one.path(), one.sha256(), Use.TOOL, ""));
            }
            lock = new Lock(digest, List.copyOf(found.values()));
            lock.write(folder);
        }
        Files.writeString(folder.resolve("pins.json"), lock.of(Use.RUN).stream().map(Packages::pin)
                .collect(Collectors.joining(",\n", "[", "]\n")));
    }

    private static String pin(Artifact one) {
        String license = one.license().isEmpty() ? "" : ", \"license\": \"%s\"".formatted(one.license());
        return "{\"name\": \"%s/%s\", \"version\": \"%s\", \"hashes\": [\"sha256:%s\"]%s}".formatted(
                one.group(), one.artifact(), one.version(), one.sha256(), license);
    }

    /** Return what starts the tests, or compiles Scala, of the version that the author's own packages have. */
    private static List<Pom.Dependency> tools(Collection<Artifact> found) {
        var tools = new ArrayList<Pom.Dependency>();
        var names = found.stream().map(Artifact::artifact).toList();
        if (names.contains("junit") && !names.contains("junit-platform-engine")) {
            tools.add(Pom.Dependency.of("org.junit.vintage", "junit-vintage-engine", VINTAGE));
            tools.add(Pom.Dependency.of("org.junit.platform", "junit-platform-console", CONSOLE));
        }
        for (Artifact one : found) {
            if (one.artifact().equals("scala-library") && !names.contains("scala3-library_3")) {
                tools.add(Pom.Dependency.of(one.group(), "scala-compiler", one.version()));
            }
            if (one.group().equals("org.junit.platform") && one.artifact().equals("junit-platform-engine")) {
                tools.add(Pom.Dependency.of(one.group(), "junit-platform-console", one.version()));
            }
            if (one.group().equals("org.scala-lang") && one.artifact().equals("scala3-library_3")) {
                tools.add(Pom.Dependency.of(one.group(), "scala3-compiler_3", one.version()));
            }
        }
        return tools;
    }

    /** Fill a folder with the jars of the lock; each is what the lock says. */
    void install(Path packages) throws IOException, InterruptedException {
        Lock lock = Lock.read(folder);
        if (lock == null) {
            throw new Failed("there is no maven.lock: run algo lock");
        }
        var missing = lock.artifacts().stream().filter(one -> !maven.has(one)).toList();
        if (!missing.isEmpty()) {
            var exact = missing.stream().map(one -> new Pom.Dependency(one.group(), one.artifact(), one.version(),
                    one.classifier(), "", true)).distinct().toList();
            maven.artifacts(Pom.of(exact), pom());
        }
        var jars = new EnumMap<Use, List<Path>>(Use.class);
        for (Artifact one : lock.artifacts()) {
            Path file = maven.file(one);
            if (!Files.isRegularFile(file) || !Lock.sha256(file).equals(one.sha256())) {
                throw new Failed(one.path() + " is not what maven.lock says (sha256:" + one.sha256()
                        + "); if it was published anew: algo lock --upgrade");
            }
            jars.computeIfAbsent(one.use(), use -> new ArrayList<>()).add(file);
        }
        new Jars(packages).fill(jars);
    }
}
