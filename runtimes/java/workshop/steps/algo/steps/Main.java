package algo.steps;

import java.io.IOException;
import java.nio.file.Path;

/**
 * The steps of ../runtime.toml: {@code CACHE STEP ARGUMENT…}.
 *
 * <p>{@code resolve} and {@code install PACKAGES} in a folder with pom.xml,
 * {@code build APP ENTRYPOINT PACKAGES PROGRAM}, {@code test APP ENTRYPOINT PACKAGES REPORT}.
 */
public final class Main {
    private Main() {}

    public static void main(String[] given) throws IOException, InterruptedException {
        Path cache = Path.of(given[0]);
        try {
            switch (given[1]) {
                case "resolve" -> new Packages(Path.of(""), cache).resolve();
                case "install" -> new Packages(Path.of(""), cache).install(Path.of(given[2]));
                case "build" -> new Build(cache, Path.of(given[2]), given[3], Path.of(given[4]))
                        .program(Path.of(given[5]));
                case "test" -> new Tests(cache, Path.of(given[2]), given[3], Path.of(given[4]))
                        .run(Path.of(given[5]));
                default -> throw new Failed("there is no step " + given[1]);
            }
        } catch (Failed error) {
            System.err.println(error.getMessage());
            System.exit(1);
        }
    }

    /** What the author is told. */
    static final class Failed extends RuntimeException {
        Failed(String message) {
            super(message);
        }
    }
}
