package algo.steps;

import algo.steps.Lock.Use;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.jar.Attributes;
import java.util.jar.Manifest;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * The folder of an algorithm's packages: `packages.jar` names the jars beside it in the order of the classpath; below
 * `workshop`, which is not shipped, lie those that only compile and test.
 */
record Jars(Path folder) {
    private static final String MANIFEST = "META-INF/MANIFEST.MF";

    /** Return what the program needs that is not itself, and what else is needed for some uses. */
    List<Path> with(Use... more) throws IOException {
        var found = new ArrayList<>(List.of(folder.resolve("packages.jar")));
        found.addAll(Folders.files(folder, ".jar").stream() // not every compiler reads what names them
                .filter(one -> one.getParent().equals(folder) && !found.contains(one)).toList());
        for (Use use : more) {
            found.addAll(Folders.files(place(use), ".jar"));
        }
        return found;
    }

    /** Return what is there for one use alone. */
    List<Path> of(Use use) throws IOException {
        return Folders.files(place(use), ".jar");
    }

    private Path place(Use use) {
        return use == Use.RUN ? folder : folder.resolve("workshop").resolve(use.name().toLowerCase(Locale.ROOT));
    }

    /** Take the jars of each use in, in their order. */
    void fill(Map<Use, List<Path>> jars) throws IOException {
        Folders.emptied(folder);
        var names = copied(jars.getOrDefault(Use.RUN, List.of()), folder);
        for (Use use : List.of(Use.BUILD, Use.TEST, Use.TOOL)) {
            copied(jars.getOrDefault(use, List.of()), place(use));
        }
        var manifest = new Manifest();
        manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
        manifest.getMainAttributes().put(Attributes.Name.CLASS_PATH, String.join(" ", names));
        try (var out = new ZipOutputStream(Files.newOutputStream(folder.resolve("packages.jar")))) {
            var entry = new ZipEntry(MANIFEST);
            entry.setTimeLocal(LocalDateTime.of(1980, 1, 1, 0, 0)); // the first that a jar can have
            out.putNextEntry(entry);
            manifest.write(out);
        }
    }

    private static List<String> copied(List<Path> jars, Path into) throws IOException {
        var names = new ArrayList<String>();
        var taken = new HashSet<>(List.of("packages.jar"));
        for (Path jar : jars) {
            String name = jar.getFileName().toString();
            if (!taken.add(name)) { // of another group
                name = jar.getParent().getParent().getParent().getFileName() + "-" + name;
                taken.add(name);
            }
            Files.copy(jar, Files.createDirectories(into).resolve(name));
            names.add(name);
        }
        return names;
    }
}
