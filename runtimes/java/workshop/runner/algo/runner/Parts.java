package algo.runner;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The value that is made of the parts of a form (../README.md, Parts). */
final class Parts {
    private static final int DEEPEST = 100;

    private Parts() {}

    static Object read(byte[] body) {
        try {
            int at = 4 + ByteBuffer.wrap(body).order(ByteOrder.LITTLE_ENDIAN).getInt();
            Object root = null;
            for (Object one : (List<?>) Json.parse(Values.utf8(Arrays.copyOfRange(body, 4, at)))) {
                var part = (Map<?, ?>) one;
                int end = Math.addExact(at, ((Long) part.get("length")).intValue());
                if (end < at || end > body.length) {
                    throw new IllegalArgumentException("the body ends within a part");
                }
                var content = Arrays.copyOfRange(body, at, end);
                root = put(root, (List<?>) part.get("path"), 0,
                        Values.natural(content, String.valueOf(part.get("content_type"))));
                at = end;
            }
            return root == null ? new LinkedHashMap<String, Object>() : root;
        } catch (Problem error) {
            throw error;
        } catch (RuntimeException error) {
            throw Problem.input("malformed_parts", "the parts of the body are malformed: " + error.getMessage());
        }
    }

    /** Return `holder`, or what stands in its place, with the content at the rest of a path. */
    private static Object put(Object holder, List<?> path, int depth, Object content) {
        if (depth == path.size()) {
            return content;
        }
        if (depth > DEEPEST) {
            throw new IllegalArgumentException("a path is too long");
        }
        if (path.get(depth) instanceof String key) {
            @SuppressWarnings("unchecked") // made here
            var fields = holder instanceof Map<?, ?>
                    ? (Map<String, Object>) holder : new LinkedHashMap<String, Object>();
            fields.put(key, put(fields.get(key), path, depth + 1, content));
            return fields;
        }
        @SuppressWarnings("unchecked") // made here
        var items = holder instanceof List<?> ? (List<Object>) holder : new ArrayList<Object>();
        if (!(path.get(depth) instanceof Long index) || index < 0 || index > items.size()) {
            throw new IllegalArgumentException("nothing can be put at " + path.get(depth));
        }
        if (index == items.size()) {
            items.add(null);
        }
        items.set(index.intValue(), put(items.get(index.intValue()), path, depth + 1, content));
        return items;
    }
}
