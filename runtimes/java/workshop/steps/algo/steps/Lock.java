package algo.steps;

import algo.steps.Main.Failed;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;

/**
 * `maven.lock`: what pom.xml resolves to, an artifact a line: its path in a repository, its SHA-256, what it is for,
 * and the licence of what is shipped, where it is known.
 *
 * @param pom SHA-256 of the pom.xml that was resolved.
 */
record Lock(String pom, List<Artifact> artifacts) {
    private static final String FILE = "maven.lock";
    private static final String HEAD = "# What pom.xml resolves to; `algo lock` writes it. pom.xml sha256:";

    /** What an artifact is for: the program, compiling it, its tests, or a tool that compiles or tests. */
    enum Use { RUN, BUILD, TEST, TOOL }

    /** A jar: `group/with/slashes/artifact/version/artifact-version.jar`. */
    record Artifact(String path, String sha256, Use use, String license) {
        String[] parts() {
            return path.split("/");
        }

        String version() {
            return parts()[parts().length - 2];
        }

        String artifact() {
            return parts()[parts().length - 3];
        }

        String group() {
            var parts = List.of(parts());
            return String.join(".", parts.subList(0, parts.size() - 3));
        }

        /** What follows artifact and version in the name of the file, without its suffix; mostly nothing. */
        String classifier() {
            String file = parts()[parts().length - 1];
            String rest = file.substring(0, file.lastIndexOf('.')).substring(artifact().length() + 1);
            return rest.startsWith(version() + "-") ? rest.substring(version().length() + 1) : "";
        }
    }

    List<Artifact> of(Use use) {
        return artifacts.stream().filter(one -> one.use() == use).toList();
    }

    /** Return the lock in a folder, null where there is none. */
    static Lock read(Path folder) throws IOException {
        Path file = folder.resolve(FILE);
        if (!Files.isRegularFile(file)) {
            return null;
        }
        var lines = Files.readAllLines(file);
        var artifacts = new ArrayList<Artifact>();
        for (int at = 1; at < lines.size(); at++) {
            var words = lines.get(at).split(" ", 4);
            if (words.length < 3 || !words[1].matches("sha256:[0-9a-f]{64}")
                    || !words[0].matches("[\\w+-][\\w./+-]*\\.jar")
                    || words[0].contains("..") || words[0].split("/").length < 4) {
                throw new Failed(FILE + ":" + (at + 1) + ": it is no artifact; remove the file and run: algo lock");
            }
            artifacts.add(new Artifact(words[0], words[1].substring(7), Use.valueOf(words[2].toUpperCase(Locale.ROOT)),
                    words.length > 3 ? words[3] : ""));
        }
        boolean headed = !lines.isEmpty() && lines.get(0).startsWith(HEAD);
        return new Lock(headed ? lines.get(0).substring(HEAD.length()) : "", artifacts);
    }

    void write(Path folder) throws IOException {
        var lines = new ArrayList<>(List.of(HEAD + pom));
        artifacts.forEach(one -> lines.add(one.path() + " sha256:" + one.sha256() + " " + one.use().name().toLowerCase(Locale.ROOT)
                + (one.license().isEmpty() ? "" : " " + one.license())));
        Files.writeString(folder.resolve(FILE), String.join("\n", lines) + "\n");
    }

    static String sha256(Path file) throws IOException {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
        } catch (NoSuchAlgorithmException error) {
            throw new IllegalStateException(error); // every Java has it
        }
    }
}
