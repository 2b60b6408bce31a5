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
}
