package algo.steps;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import javax.xml.XMLConstants;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.w3c.dom.Element;
import org.w3c.dom.Node;
import org.xml.sax.SAXException;

/** The licences of artifacts as SPDX has them; their pom.xml, or that of a parent, names them in its own words. */
final class Licenses {
    private static final int MOST_PARENTS = 10;
    private static final Map<String, Pattern> WORDS = new LinkedHashMap<>();

    static {
        WORDS.put("Apache-2.0", Pattern.compile("(?i)apache.*2(\\.0)?\\b"));
        WORDS.put("MIT", Pattern.compile("\\bMIT\\b"));
        WORDS.put("EPL-2.0", Pattern.compile("(?i)(eclipse public license|epl)\\W.*2\\.0"));
        WORDS.put("EPL-1.0", Pattern.compile("(?i)(eclipse public license|epl)\\W.*1\\.0"));
        WORDS.put("BSD-3-Clause", Pattern.compile("(?i)bsd.3|new bsd|3.clause"));
        WORDS.put("BSD-2-Clause", Pattern.compile("(?i)bsd.2|simplified bsd|2.clause"));
        WORDS.put("CC0-1.0", Pattern.compile("(?i)\\bcc0\\b"));
    }

    private Licenses() {}

    /** Return an SPDX expression, empty where a name is not known: the user may choose among several. */
    static String of(Path pom) throws IOException {
        var names = names(pom, 0);
        var found = new ArrayList<String>();
        for (String name : names) {
            WORDS.entrySet().stream().filter(one -> one.getValue().matcher(name).find()).findFirst()
                    .ifPresent(one -> found.add(one.getKey()));
        }
        return found.size() == names.size() ? String.join(" OR ", found.stream().distinct().toList()) : "";
    }

    private static List<String> names(Path pom, int depth) throws IOException {
        var found = new ArrayList<String>();
        if (depth > MOST_PARENTS || !Files.isRegularFile(pom)) {
            return found;
        }
        Element project = read(pom);
        if (project == null) {
            return found;
        }
        Element licenses = child(project, "licenses");
        for (Node one = licenses == null ? null : licenses.getFirstChild(); one != null; one = one.getNextSibling()) {
            if (one instanceof Element license && child(license, "name") != null) {
                found.add(child(license, "name").getTextContent().strip());
            }
        }
        Element parent = child(project, "parent");
        return found.isEmpty() && parent != null ? names(of(pom, parent), depth + 1) : found;
    }

    /** Return the pom.xml of a parent, in the same repository. */
    private static Path of(Path pom, Element parent) {
        Path repository = pom;
        while (!repository.getFileName().toString().equals("repository")) {
            repository = repository.getParent();
        }
        String artifact = text(parent, "artifactId");
        String version = text(parent, "version");
        return repository.resolve(text(parent, "groupId").replace('.', '/')).resolve(artifact).resolve(version)
                .resolve(artifact + "-" + version + ".pom");
    }

    private static Element read(Path pom) throws IOException {
        try {
            var factory = DocumentBuilderFactory.newInstance();
            factory.setFeature(XMLConstants.FEATURE_SECURE_PROCESSING, true);
            factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
            var builder = factory.newDocumentBuilder();
            builder.setErrorHandler(null);
            return builder.parse(pom.toFile()).getDocumentElement();
        } catch (ParserConfigurationException | SAXException error) {
            return null; // then it is not known
        }
    }

    private static String text(Element element, String name) {
        Element found = child(element, name);
        return found == null ? "" : found.getTextContent().strip();
    }

    private static Element child(Element element, String name) {
        for (Node one = element.getFirstChild(); one != null; one = one.getNextSibling()) {
            if (one instanceof Element found && found.getTagName().equals(name)) {
                return found;
            }
        }
        return null;
    }
}
