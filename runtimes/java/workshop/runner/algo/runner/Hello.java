package algo.runner;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What the gateway says first: where the project is, its entry and its models.
 *
 * @param old Whether the code was written for Algorithmia: its `apply` is a method of an instance, and
 *     nothing called a `load`.
 */
public record Hello(
        Path app, String file, String function, Map<String, String> models, int concurrency, boolean old) {

    static Hello of(Map<String, Object> header) {
        var app = Path.of(String.valueOf(header.get("app")));
        var entry = String.valueOf(header.get("entrypoint"));
        int colon = entry.lastIndexOf(':');
        var models = new LinkedHashMap<String, String>();
        if (header.get("models") instanceof Map<?, ?> named) {
            named.forEach((name, below) ->
                    models.put(String.valueOf(name), app.resolve(String.valueOf(below)).toString()));
        }
        int calls = header.get("concurrency") instanceof Number number ? number.intValue() : 1;
        return new Hello(app, colon < 0 ? entry : entry.substring(0, colon),
                colon < 0 ? "apply" : entry.substring(colon + 1), models, Math.max(calls, 1),
                "algorithmia".equals(header.get("written_for")));
    }
}
