package algo.steps;

import algo.steps.Lock.Use;
import algo.steps.Main.Failed;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;

/** Compiles an algorithm into the folder `algorithm` of a program, and the runner beside it. */
final class Build {
    private static final Pattern PACKAGE = Pattern.compile("(?m)^\\s*package\\s+([\\w.]+)\\s*;");

    private Build() {}

    static void build(Path cache, Path app, String entrypoint, Path packages, Path program) throws IOException {
        String file = entrypoint.replaceFirst(":[^:]*$", "");
        if (!Files.isRegularFile(app.resolve(file))) {
            throw new Failed(file + " is not there");
        }
        var compiler = new Compiler(app);
        Path tests = app.resolve("src/test");
        var sources = Folders.files(root(app, file), ".java").stream().filter(one -> !one.startsWith(tests)).toList();
        compiler.compile(sources, Jars.of(packages).with(Use.BUILD), Folders.emptied(program.resolve("algorithm")));
        runner(cache, Folders.emptied(program.resolve("runner")));
    }

    private static void runner(Path cache, Path into) throws IOException {
        var sources = Folders.files(Path.of(System.getProperty("algo.workshop"), "runner"), ".java");
        Folders.copy(Folders.kept(cache, "runner", sources, fresh -> Compiler.runner(sources, fresh)), into);
    }

    /** Return where the author's packages begin. */
    private static Path root(Path app, String file) throws IOException {
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
