package algo.steps;

import algo.steps.Lock.Artifact;
import algo.steps.Lock.Use;
import algo.steps.Main.Failed;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** The program `mvn`, with a repository of its own, so that what lies in the user's by chance counts for nothing. */
final class Maven {
    private static final String LIST = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:list";
    private static final Pattern LINE = Pattern.compile("^ +\\S+:(\\w+):(/.*?)(?: -- module .*)?$", Pattern.MULTILINE);
    private static final Pattern REPOSITORIES = Pattern.compile("<repositories>.*?</repositories>", Pattern.DOTALL);
    private static final Pattern VERSION = Pattern.compile("<version>([^<]+)</version>");
    private static final Pattern PROPERTIES = Pattern.compile("<properties>.*?</properties>", Pattern.DOTALL);
    private static final Pattern NOISE = Pattern.compile(
            "\\[ERROR] *(|\\[Help 1].*|To see the full.*|Re-run Maven.*|For more information.*)");
    private static final Pattern FINAL = Pattern.compile(
            "Could not find artifact|was not found|Non-parseable|Malformed|has \\d+ error|No versions available");
    private static final int ATTEMPTS = 4;
    private static final Map<String, Use> USES = Map.of("compile", Use.RUN, "runtime", Use.RUN, "provided", Use.BUILD,
            "test", Use.TEST);

    private final Path repository;
    private final Path cache;
    private final String asked;

    /** `asked` is the file in which the author says what he needs. */
    Maven(Path cache, String asked) {
        this.asked = asked;
        this.cache = cache.toAbsolutePath();
        repository = this.cache.resolve("repository");
    }

    Path file(Artifact artifact) {
        return repository.resolve(artifact.path());
    }

    boolean has(Artifact artifact) {
        try {
            return Files.isRegularFile(file(artifact)) && Lock.sha256(file(artifact)).equals(artifact.sha256());
        } catch (IOException error) {
            return false;
        }
    }

    /** Return what a pom.xml of our own asks for, from the repositories that the author's names. */
    List<Artifact> artifacts(String own, Path authors) throws IOException, InterruptedException {
        if (!own.contains("<dependency>")) {
            return List.of();
        }
        String text = Files.readString(authors);
        String more = first(PROPERTIES, text) + first(REPOSITORIES, text);
        Path folder = Files.createTempDirectory(cache, "pom-");
        try {
            return artifacts(Files.writeString(folder.resolve("pom.xml"), own.replace("%s", more)));
        } finally {
            Folders.emptied(folder);
            Files.delete(folder);
        }
    }

    private static String first(Pattern pattern, String text) {
        Matcher found = pattern.matcher(text);
        return found.find() ? found.group() + "\n" : "";
    }

    /** Return what a pom.xml asks for, all fetched, in the order of the classpath. */
    List<Artifact> artifacts(Path pom) throws IOException, InterruptedException {
        Files.createDirectories(cache);
        Path list = Files.createTempFile(cache, "list-", "");
        try {
            run(List.of("-f", pom.toString(), LIST, "-DincludeScope=test", "-DoutputFile=" + list,
                    "-DoutputAbsoluteArtifactFilename=true"));
            var found = new ArrayList<Artifact>();
            Matcher line = LINE.matcher(Files.readString(list));
            while (line.find()) {
                Path file = Path.of(line.group(2));
                if (!file.startsWith(repository)) {
                    throw new Failed(asked + " names a file of this machine, which no other has: " + file);
                }
                if (file.toString().endsWith(".jar")) { // a pom brings others, and is none itself
                    Use use = USES.getOrDefault(line.group(1), Use.BUILD);
                    Path version = file.getParent();
                    String name = version.getParent().getFileName() + "-" + version.getFileName() + ".pom";
                    found.add(new Artifact(repository.relativize(file).toString(), Lock.sha256(file), use,
                            use == Use.RUN ? Licenses.of(version.resolve(name)) : ""));
                }
            }
            return found;
        } finally {
            Files.delete(list);
        }
    }

    /** Return the versions that repositories have of an artifact; none where they have it not. */
    List<String> versions(String group, String artifact) throws IOException, InterruptedException {
        Path folder = Files.createTempDirectory(cache, "pom-");
        try {
            var any = List.of(new Pom.Dependency(group, artifact, "[0,)", "", "", true));
            artifacts(Files.writeString(folder.resolve("pom.xml"), Pom.of(any).replace("%s", "")));
        } catch (Failed missing) {
            return List.of();
        } finally {
            Folders.emptied(folder);
            Files.delete(folder);
        }
        var found = new ArrayList<String>();
        Path place = repository.resolve(group.replace('.', '/')).resolve(artifact);
        try (var said = Files.newDirectoryStream(place, "maven-metadata-*.xml")) {
            for (Path one : said) {
                VERSION.matcher(Files.readString(one)).results().forEach(version -> found.add(version.group(1)));
            }
        }
        return found;
    }

    private void run(List<String> arguments) throws IOException, InterruptedException {
        var command = new ArrayList<>(List.of("mvn", "-B", "-q", "-U", "-Dstyle.color=never",
                "-Dmaven.repo.local=" + repository,
                "-Daether.connector.http.useSystemProperties=true", "-Daether.connector.requestTimeout=30000",
                "-Dmaven.wagon.rto=30000")); // its own half an hour is for nobody's good
        command.addAll(network());
        command.addAll(arguments);
        String said = "";
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            Process process;
            try {
                process = new ProcessBuilder(command).redirectErrorStream(true)
                        .redirectInput(new File("/dev/null")).start();
            } catch (IOException error) {
                throw new Failed("mvn is not there: install Maven (Debian: maven)");
            }
            said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
                    .replaceAll("\u001b\\[[0-9;]*m", ""); // it resets colours that it was told not to use
            if (process.waitFor() == 0) {
                return;
            }
            if (FINAL.matcher(said).find()) {
                break; // else a connection broke, which Maven tells in many ways; it keeps what it has
            }
        }
        throw new Failed(said.lines().filter(one -> one.startsWith("[ERROR]") && !NOISE.matcher(one).matches())
                .map(one -> one.substring(8).replace(" -> [Help 1]", ""))
                .collect(Collectors.joining("\n", "Maven could not resolve " + asked + ":\n", "")));
    }

    /** Return Java's words for the proxies and the certificates of this machine. */
    private List<String> network() throws IOException {
        var found = new ArrayList<String>();
        for (String scheme : List.of("http", "https")) {
            String proxy = variable(scheme + "_proxy");
            if (!proxy.isEmpty()) {
                URI address = URI.create(proxy.contains("://") ? proxy : "http://" + proxy);
                found.add("-D" + scheme + ".proxyHost=" + address.getHost());
                found.add("-D" + scheme + ".proxyPort=" + (address.getPort() < 0 ? 80 : address.getPort()));
            }
        }
        String direct = variable("no_proxy");
        if (!direct.isEmpty()) {
            String hosts = direct.replaceAll("\\s", "").replaceAll("(^|,)\\.", "$1*.").replace(',', '|');
            found.add("-Dhttp.nonProxyHosts=" + hosts);
        }
        String bundle = System.getenv().getOrDefault("SSL_CERT_FILE", "");
        if (!bundle.isEmpty() && Files.isRegularFile(Path.of(bundle))) {
            found.add("-Djavax.net.ssl.trustStore=" + trusted(Path.of(bundle)));
            found.add("-Djavax.net.ssl.trustStoreType=PKCS12");
            found.add("-Djavax.net.ssl.trustStorePassword=public");
        }
        return found;
    }

    private static String variable(String name) {
        var all = System.getenv();
        return all.getOrDefault(name, all.getOrDefault(name.toUpperCase(Locale.ROOT), ""));
    }

    /** Return a file in Java's own format with the certificates of a PEM file. */
    private Path trusted(Path bundle) throws IOException {
        Path file = cache.resolve("certificates.p12");
        try (InputStream in = Files.newInputStream(bundle)) {
            var store = KeyStore.getInstance("PKCS12");
            store.load(null, null);
            int number = 0;
            for (var one : CertificateFactory.getInstance("X.509").generateCertificates(in)) {
                store.setCertificateEntry(String.valueOf(number++), one);
            }
            try (var out = Files.newOutputStream(file)) {
                store.store(out, "public".toCharArray());
            }
        } catch (GeneralSecurityException error) {
            throw new Failed(bundle + " holds no certificates: " + error.getMessage());
        }
        return file;
    }
}
