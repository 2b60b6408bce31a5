package algorithmia.JavaGreeter;

import java.util.*;

public class JavaGreeter {
    private final List<String> names = Arrays.asList("Ada", "Grace");

    public Object apply(Object input) throws Exception {
        if (input instanceof byte[]) {
            return turned((byte[]) input);
        }
        if (!(input instanceof String)) {
            throw new IllegalArgumentException("give a name");
        }
        Map<String, Object> answer = new HashMap<>();
        answer.put("greeting", "Hello " + input);
        answer.put("known", names.contains(input));
        return answer;
    }

    public Object load() {
        throw new IllegalStateException("nothing calls this");
    }

    private byte[] turned(byte[] bytes) {
        byte[] found = new byte[bytes.length];
        for (int at = 0; at < bytes.length; at++) {
            found[bytes.length - 1 - at] = bytes[at];
        }
        return found;
    }
}
