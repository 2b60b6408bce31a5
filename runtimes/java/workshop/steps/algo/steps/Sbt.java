package algo.steps;

import algo.steps.Main.Failed;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * `build.sbt` and `deps.sbt` of a project of Algorithmia: its version of Scala and its libraries, as its templates
 * write them. What else sbt can do is not looked at: it would be a program to run.
 *
 * @param scala The version of Scala's library.
 * @param kit Whether the code uses Algorithmia's own library for Scala, which no repository has any more.
 */
record Sbt(String scala, boolean kit, List<Library> libraries) {
    static final String FILE = "build.sbt";

    private static final Pattern COMMENT = Pattern.compile("(?m)(?<!:)//.*$|/\\*(?s:.*?)\\*/");
    private static final Pattern VALUE = Pattern.compile("(?m)^\\s*(?:lazy\\s+)?val\\s+(\\w+)\\s*=\\s*\"([^\"]*)\"");
    private static final Pattern SCALA = Pattern.compile("\\bscalaVersion\\b[^:=\\n]*:=\\s*(\"[^\"]+\"|\\w+)");
    private static final Pattern LIBRARY = Pattern.compile("(\"[^\"]+\")\\s*(%%?%?)\\s*(\"[^\"]+\")\\s*%\\s*"
            + "(\"[^\"]+\"|\\w+)(?:\\s*%\\s*(\"[^\"]+\"|\\w+))?");
    private static final Pattern EXCLUDED = Pattern.compile("algorithmia-scala(_.*)?");
    // Its own library brought it, so code uses it without asking; it is there for all versions of Scala below.
    private static final Library JSON = new Library("com.typesafe.play", "play-json", "2.9.4", true, "");
    /** The newest of a line, which has the same libraries and runs on today's Java. */
    private static final Map<String, String> NEWEST = Map.of("2.13", "2.13.16", "2.12", "2.12.20");

    /** The oldest of Algorithmia's libraries that asks for nothing that no repository has. */
    private static final Map<String, String> SOUND =
            Map.of("algorithmia-client", "1.0.15", "algorithmia-extras", "1.0.4");
    private static final List<String> SCOPES = List.of("test", "provided", "runtime");

    /**
     * A library.
     *
     * @param crossed Whether it is one for each line of Scala, which its name ends with.
     */
    record Library(String group, String artifact, String version, boolean crossed, String scope) {}

    static Sbt read(Path folder) throws IOException {
        var text = new StringBuilder();
        for (String name : List.of(FILE, "deps.sbt")) {
            if (Files.isRegularFile(folder.resolve(name))) {
                text.append(COMMENT.matcher(Files.readString(folder.resolve(name))).replaceAll("")).append('\n');
            }
        }
        var values = new HashMap<String, String>();
        Matcher value = VALUE.matcher(text);
        while (value.find()) {
            values.put(value.group(1), value.group(2));
        }
        Matcher version = SCALA.matcher(text);
        String scala = version.find() ? plain(version.group(1), values) : "2.13.16";
        var found = new ArrayList<Library>();
        boolean kit = false;
        Matcher library = LIBRARY.matcher(text);
        while (library.find()) {
            String artifact = plain(library.group(3), values);
            if (EXCLUDED.matcher(artifact).matches()) {
                kit = true;
                continue;
            }
            String scope = library.group(5) == null ? "" : library.group(5).replace("\"", "").toLowerCase(Locale.ROOT);
            found.add(new Library(plain(library.group(1), values), artifact, plain(library.group(4), values),
                    library.group(2).length() > 1, scope));
        }
        if (kit && found.stream().noneMatch(one -> one.artifact().startsWith(JSON.artifact()))) {
            found.add(JSON);
        }
        return new Sbt(scala, kit, found);
    }

    private static String plain(String word, Map<String, String> values) {
        if (word.startsWith("\"")) {
            return word.substring(1, word.length() - 1);
        }
        String found = values.get(word);
        if (found == null) {
            throw new Failed(FILE + ": " + word + " is no text: write the version itself, or a val of text");
        }
        return found;
    }

    /** Return the line of Scala that is built for: one that runs on today's Java. */
    private String line() {
        if (scala.startsWith("3")) {
            return "3";
        }
        if (scala.startsWith("2.13")) {
            return "2.13";
        }
        if (scala.matches("2\\.1[0-2]\\b.*")) {
            return "2.12"; // what was written for 2.10 and 2.11, which today's Java cannot compile, is so too
        }
        throw new Failed(FILE + ": nothing compiles Scala " + scala + ": 2.10 to 3 are known");
    }

    /** Return a pom.xml that asks for the same. */
    String pom() {
        String line = line();
        var asked = new ArrayList<Pom.Dependency>();
        asked.add(line.equals("3") ? Pom.Dependency.of("org.scala-lang", "scala3-library_3", scala)
                : Pom.Dependency.of("org.scala-lang", "scala-library", NEWEST.get(line)));
        for (var one : libraries) {
            // A name may end with the line by itself.
            String artifact = one.crossed() ? one.artifact() + "_" + line
                    : one.artifact().replaceFirst("_2\\.1[0-2]$", "_" + line);
            String scope = SCOPES.contains(one.scope()) ? one.scope() : "";
            asked.add(new Pom.Dependency(one.group(), artifact, range(one), "", scope, false));
        }
        return Pom.of(asked).replace("%s", "");
    }

    /** Return what Ivy calls `1.0.+` and `latest.release` as Maven does. */
    private static String range(Library library) {
        String version = library.version();
        if (version.startsWith("latest.")) {
            return "RELEASE";
        }
        if (!version.endsWith(".+")) {
            return version;
        }
        String stem = version.substring(0, version.length() - 2);
        int dot = stem.lastIndexOf('.');
        int next = Integer.parseInt(stem.substring(dot + 1)) + 1;
        String from = library.group().equals("com.algorithmia") ? SOUND.getOrDefault(library.artifact(), stem) : stem;
        return "[" + from + "," + stem.substring(0, dot + 1) + next + ")";
    }
}
