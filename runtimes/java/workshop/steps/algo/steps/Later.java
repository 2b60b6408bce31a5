package algo.steps;

import algo.steps.Lock.Artifact;
import algo.steps.Main.Failed;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Libraries of a project for a Scala that today's Java cannot compile: one that is not there for the Scala it is
 * compiled by instead is taken in the next version that is.
 */
final class Later {
    private static final Pattern MISSING =
            Pattern.compile("Could not find artifact (\\S+?):(\\S+_2\\.12):jar:(\\d+(?:\\.\\d+)*) in ");

    private Later() {}

    /** Return what a pom.xml that was made of build.sbt asks for. */
    static List<Artifact> artifacts(Maven maven, Path pom) throws IOException, InterruptedException {
        String text = Files.readString(pom);
        while (true) {
            try {
                return maven.artifacts(pom);
            } catch (Failed failure) {
                Matcher missing = MISSING.matcher(failure.getMessage());
                if (!missing.find()) {
                    throw failure;
                }
                String asked = of(missing.group(2), missing.group(3));
                String next = next(maven.versions(missing.group(1), missing.group(2)), missing.group(3));
                if (next.isEmpty() || !text.contains(asked)) {
                    throw failure; // nobody has it, or another library asks for it
                }
                text = text.replace(asked, of(missing.group(2), next));
                Files.writeString(pom, text);
            }
        }
    }

    private static String of(String artifact, String version) {
        return "<artifactId>" + artifact + "</artifactId><version>" + version + "</version>";
    }

    /** Return the lowest of `versions` above one; empty without. */
    private static String next(List<String> versions, String asked) {
        return versions.stream().filter(one -> one.matches("\\d+(\\.\\d+)*"))
                .filter(one -> Arrays.compare(numbers(one), numbers(asked)) > 0)
                .min((one, other) -> Arrays.compare(numbers(one), numbers(other))).orElse("");
    }

    private static long[] numbers(String version) {
        return Pattern.compile("\\.").splitAsStream(version).mapToLong(Long::parseLong).toArray();
    }
}
