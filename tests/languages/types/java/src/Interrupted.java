public class Interrupted {
    public static String apply(boolean last) throws InterruptedException {
        Thread.sleep(50);
        if (!last) {
            Thread.currentThread().interrupt(); // as who catches an InterruptedException does
        }
        return "slept";
    }
}
