package algo.steps;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/** What the author imports, and no package has that is asked for. */
final class Lacking {
    /** As javac, Scala 3 and Scala 2 tell it, with the line of the import below. */
    private static final Pattern IMPORT = Pattern.compile(
            "(?:error: package \\S+ does not exist|Not Found Error|not found: object|is not a member of package)"
            + ".*\\n(?:did you mean.*\\n)?\\s*(?:\\d+ *\\|)?\\s*import\\s+(?:static\\s+)?([\\w.]+)");

    private Lacking() {}

    /** Return the line to end with after what a compiler said of the sources; empty when it is another fault. */
    static String hint(String said, Path app, List<Path> sources) throws IOException {
        var own = new ArrayList<String>(List.of("java."));
        for (Path one : sources) {
            var named = Build.PACKAGE.matcher(Files.readString(one));
            if (named.find()) {
                own.add(named.group(1) + ".");
            }
        }
        var found = IMPORT.matcher(said);
        while (found.find()) {
            String name = found.group(1).replaceFirst("\\.$", "");
            if (own.stream().noneMatch((name + ".")::startsWith)) {
                return "hint: add what has %s to the dependencies of %s, then: algo lock%n"
                        .formatted(name, Asked.name(app));
            }
        }
        return "";
    }
}
