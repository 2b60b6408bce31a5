public class Wrong {
    static final int NUMBER = Integer.parseInt("none");

    public static int apply(Thread input) {
        return NUMBER;
    }

    public static int one(int input, int state, int more) {
        return 0;
    }

    public static int two(int input) {
        return NUMBER;
    }
}
