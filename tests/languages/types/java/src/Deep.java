public class Deep {
    public static int apply(int depth) {
        return deeper(depth);
    }

    static int deeper(int depth) {
        if (depth == 0) {
            throw new IllegalStateException("deep enough");
        }
        return 1 + deeper(depth - 1);
    }

    public static int turns(int depth) {
        return depth == 0 ? deeper(0) : back(depth);
    }

    static int back(int depth) {
        return 1 + turns(depth - 1);
    }

    public static int first(String text) {
        return Integer.parseInt(text);
    }
}
