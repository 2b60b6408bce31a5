package algo.steps;

import java.util.List;

/** A pom.xml that asks for some artifacts. */
final class Pom {
    /**
     * An artifact.
     *
     * @param scope What it is for, empty for the program.
     * @param alone Without what it needs itself.
     */
    record Dependency(
            String group, String artifact, String version, String classifier, String scope, boolean alone) {
        /** Return one that the program needs, with what that needs itself. */
        static Dependency of(String group, String artifact, String version) {
            return new Dependency(group, artifact, version, "", "", false);
        }
    }

    private static final String HEAD = """
            <project xmlns="http://maven.apache.org/POM/4.0.0">
              <modelVersion>4.0.0</modelVersion>
              <groupId>algo</groupId>
              <artifactId>packages</artifactId>
              <version>0</version>
              <dependencies>
            """;
    private static final String ALONE =
            "<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>";

    private Pom() {}

    static String of(List<Dependency> dependencies) {
        var found = new StringBuilder(HEAD);
        for (var one : dependencies) {
            found.append("<dependency>").append(element("groupId", one.group()))
                    .append(element("artifactId", one.artifact())).append(element("version", one.version()))
                    .append(one.classifier().isEmpty() ? "" : element("classifier", one.classifier()))
                    .append(one.scope().isEmpty() ? "" : element("scope", one.scope()))
                    .append(one.alone() ? ALONE : "").append("</dependency>\n");
        }
        return found.append("</dependencies>\n%s</project>\n").toString();
    }

    private static String element(String name, String text) {
        return "<" + name + ">" + text.replace("&", "&amp;").replace("<", "&lt;") + "</" + name + ">";
    }
}
