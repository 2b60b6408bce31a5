import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import javax.tools.ToolProvider;

/**
 * Runs a step of this language: {@code java Step.java CACHE STEP ARGUMENT…} (steps/algo/steps/Main.java).
 *
 * <p>Java starts one file as it is. The others are compiled once, and kept in the cache.
 */
public final class Step {
    public static void main(String[] given) throws Exception {
        Path workshop = Path.of(System.getProperty("algo.workshop"));
        Path classes = compiled(workshop.resolve("steps"), Path.of(given[0]));
        try (var loader = new URLClassLoader(new URL[] {classes.toUri().toURL()})) {
            Thread.currentThread().setContextClassLoader(loader);
            loader.loadClass("algo.steps.Main").getMethod("main", String[].class).invoke(null, (Object) given);
        } catch (InvocationTargetException error) {
            throw error.getCause() instanceof Exception cause ? cause : error;
        }
    }

    private static Path compiled(Path source, Path cache) throws IOException {
        List<String> files;
        try (Stream<Path> found = Files.walk(source)) {
            files = found.map(Path::toString).filter(one -> one.endsWith(".java")).sorted().toList();
        }
        var key = new CRC32();
        key.update(Runtime.version().toString().getBytes());
        for (String file : files) {
            key.update(Files.readAllBytes(Path.of(file)));
        }
        Path kept = cache.resolve("steps-" + Long.toHexString(key.getValue()));
        if (Files.isDirectory(kept)) {
            return kept;
        }
        var compiler = ToolProvider.getSystemJavaCompiler();
        if (compiler == null) {
            System.err.println("this Java has no compiler: install a JDK (Debian: default-jdk-headless)");
            System.exit(1);
        }
        Path fresh = Files.createTempDirectory(Files.createDirectories(cache), "steps-");
        var options = new ArrayList<>(List.of("-encoding", "UTF-8", "-proc:none", "-d", fresh.toString()));
        options.addAll(files);
        if (compiler.run(null, null, null, options.toArray(String[]::new)) != 0) {
            System.exit(1);
        }
        try {
            return Files.move(fresh, kept);
        } catch (FileSystemException error) { // another step was faster
            return fresh;
        }
    }
}
