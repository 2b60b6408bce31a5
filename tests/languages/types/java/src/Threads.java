import java.util.concurrent.CompletableFuture;

public class Threads {
    public static Object apply(String name) throws InterruptedException {
        Runnable fails = () -> {
            throw new IllegalStateException("in a thread");
        };
        if (name.equals("pool")) {
            return CompletableFuture.runAsync(fails);
        }
        var thread = new Thread(fails, name);
        thread.start();
        thread.join();
        return name;
    }
}
