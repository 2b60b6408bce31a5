public class Threads {
    public static String apply(String name) throws InterruptedException {
        Runnable fails = () -> {
            throw new IllegalStateException("in a thread");
        };
        var thread = new Thread(fails, name);
        thread.start();
        thread.join();
        return name;
    }
}
