package algo.steps;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.CRC32;

/** Folders of files. */
final class Folders {
    private Folders() {}

    /** Return the files below a folder whose name ends so, sorted. */
    static List<Path> files(Path folder, String suffix) throws IOException {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> found = Files.walk(folder)) {
            return found.filter(one -> one.toString().endsWith(suffix) && Files.isRegularFile(one)).sorted().toList();
        }
    }

    /** Make a folder that holds nothing. */
    static Path emptied(Path folder) throws IOException {
        if (Files.isDirectory(folder)) {
            try (Stream<Path> found = Files.walk(folder)) {
                found.sorted(Comparator.reverseOrder()).filter(one -> !one.equals(folder)).forEach(Folders::delete);
            }
        }
        return Files.createDirectories(folder);
    }

    private static void delete(Path path) {
        try {
            Files.delete(path);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    static void copy(Path from, Path into) throws IOException {
        for (Path one : files(from, "")) {
            Path target = into.resolve(from.relativize(one).toString());
            Files.createDirectories(target.getParent());
            Files.copy(one, target);
        }
    }

    /** Fills an empty folder. */
    interface Fill {
        void into(Path folder) throws IOException;
    }

    /** Return a folder of the cache, filled once for the same version of Java and the same files. */
    static Path kept(Path cache, String name, List<Path> files, Fill fill) throws IOException {
        var key = new CRC32();
        key.update(Runtime.version().toString().getBytes());
        for (Path one : files) {
            key.update(Files.readAllBytes(one));
        }
        Path kept = cache.resolve(name + "-" + Long.toHexString(key.getValue()));
        if (Files.isDirectory(kept)) {
            return kept;
        }
        Path fresh = Files.createTempDirectory(Files.createDirectories(cache), name + "-");
        fill.into(fresh);
        try {
            return Files.move(fresh, kept);
        } catch (FileSystemException error) { // another step was faster
            return fresh;
        }
    }
}
