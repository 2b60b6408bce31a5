package algo.steps;

import algo.steps.Lock.Use;
import algo.steps.Main.Failed;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/** Compiles an algorithm into the folder `algorithm` of a program, and the runner beside it. */
final class Build {
    static final Pattern PACKAGE = Pattern.compile("(?m)^\\s*package\\s+(?!object\\b)([\\w.]+)");
    private static final Path WORKSHOP = Path.of(System.getProperty("algo.workshop"));

    private final Path cache;
    private final Path app;
    private final String file;
    private final String function;
    private final Jars packages;

    Build(Path cache, Path app, String entrypoint, Path packages) {
        this.cache = cache;
        this.app = app;
        int colon = entrypoint.lastIndexOf(':');
        file = entrypoint.substring(0, colon);
        function = entrypoint.substring(colon + 1);
        this.packages = new Jars(packages);
    }

    /** Fill the folder of a program. */
    void program(Path into) throws IOException {
        Path runner = runner();
        algorithm(runner, Folders.emptied(into.resolve("algorithm")));
        Folders.copy(runner, Folders.emptied(into.resolve("runner")));
    }

    /** Compile the author's code and his tests, which lie in a folder of their own. */
    List<Path> tested(List<Path> tests, Path into) throws IOException {
        Path code = Folders.emptied(into.resolve("code"));
        Path classes = Folders.emptied(into.resolve("tests"));
        algorithm(runner(), code);
        var classpath = new ArrayList<>(List.of(code));
        classpath.addAll(packages.with(Use.BUILD, Use.TEST));
        compile(tests, classpath, classes);
        return List.of(classes, code);
    }

    private void algorithm(Path runner, Path into) throws IOException {
        if (!Files.isRegularFile(app.resolve(file))) {
            throw new Failed(file + " is not there");
        }
        Path tests = app.resolve("src/test");
        var sources = new ArrayList<>(Folders.files(root(), suffix()));
        sources.removeIf(one -> one.startsWith(tests) || one.startsWith(app.resolve("tests")));
        var classpath = new ArrayList<>(packages.with(Use.BUILD));
        if (scala()) {
            sources.add(new Scala(app, packages).main(file, function, Folders.emptied(cache.resolve("main"))));
            classpath.add(runner);
        }
        sources.addAll(kit(sources));
        compile(sources, classpath, into);
    }

    /** Return what Algorithmia's kit brought, where the author's code uses it and no package has it. */
    private List<Path> kit(List<Path> sources) throws IOException {
        if (scala()) {
            boolean wanted = Files.isRegularFile(app.resolve(Sbt.FILE)) && Sbt.read(app).kit();
            return wanted ? Folders.files(WORKSHOP.resolve("kit"), ".scala") : List.of();
        }
        for (Path one : sources) {
            if (Files.readString(one).contains("com.algorithmia.development")) {
                return Folders.files(WORKSHOP.resolve("kit"), ".java");
            }
        }
        return List.of();
    }

    private void compile(List<Path> sources, List<Path> classpath, Path into) throws IOException {
        if (scala()) {
            new Scala(app, packages).compile(sources, classpath, into);
        } else {
            new Compiler(app).compile(sources, classpath, into);
        }
    }

    /** Return the compiled runner, kept from an earlier time. */
    private Path runner() throws IOException {
        var sources = Folders.files(WORKSHOP.resolve("runner"), ".java");
        Path found = Folders.kept(cache, "runner", sources, into -> Compiler.runner(sources, into));
        if (!scala()) {
            return found;
        }
        var compiler = new Scala(app, packages);
        var more = Folders.files(WORKSHOP.resolve(compiler.second() ? "scala2" : "scala"), ".scala");
        var needed = new ArrayList<>(sources);
        needed.addAll(more);
        needed.addAll(packages.with());
        return Folders.kept(cache, "scala", needed.stream().filter(Files::isRegularFile).toList(), into -> {
            Folders.copy(found, into);
            compiler.compile(more, List.of(found), into);
        });
    }

    private boolean scala() {
        return suffix().equals(".scala");
    }

    /** How the names of the author's files end. */
    String suffix() {
        return file.substring(file.lastIndexOf('.'));
    }

    /** Return where the author's packages begin. */
    private Path root() throws IOException {
        Path root = app.resolve(file).getParent();
        var named = PACKAGE.matcher(Files.readString(app.resolve(file)));
        if (named.find()) {
            Path folder = Path.of(named.group(1).replace('.', '/'));
            if (!root.endsWith(folder)) {
                throw new Failed(file + ":1: it is of the package " + named.group(1)
                        + " and does not lie in a folder " + folder);
            }
            for (int count = folder.getNameCount(); count > 0; count--) {
                root = root.getParent();
            }
        }
        return root;
    }
}
