package algo.steps;

import algo.steps.Main.Failed;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;

/** What a project asks for, as a pom.xml that Maven can resolve. */
final class Asked {
    /** What the workshop brings itself, as no repository has it. */
    private static final Pattern BROUGHT = Pattern.compile(
            "<dependency>(?:(?!</dependency>).)*<artifactId>\\s*algorithm-(?:handler|development)\\s*</artifactId>"
                    + ".*?</dependency>", Pattern.DOTALL);

    private Asked() {}

    /** Return the name of the file in which a project says what it needs. */
    static String name(Path folder) {
        boolean sbt = Files.isRegularFile(folder.resolve(Sbt.FILE)) && !Files.isRegularFile(folder.resolve("pom.xml"));
        return sbt ? Sbt.FILE : "pom.xml";
    }

    /** Return the project's pom.xml, or one that says the same as its build.sbt, written into `scratch`. */
    static Path pom(Path folder, Path scratch) throws IOException {
        Path pom = folder.resolve("pom.xml");
        String text;
        if (Files.isRegularFile(pom)) {
            text = Files.readString(pom);
            String without = BROUGHT.matcher(text).replaceAll("");
            if (without.equals(text)) {
                return pom;
            }
            text = without;
        } else if (Files.isRegularFile(folder.resolve(Sbt.FILE))) {
            text = Sbt.read(folder).pom();
        } else {
            throw new Failed("there is neither a pom.xml nor a " + Sbt.FILE);
        }
        return Files.writeString(Files.createDirectories(scratch).resolve("pom.xml"), text);
    }
}
