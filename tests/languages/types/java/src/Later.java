import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

public class Later {
    public static CompletableFuture<String> apply(double seconds) {
        return new CompletableFuture<String>().completeOnTimeout("done", (long) (seconds * 1000), TimeUnit.MILLISECONDS);
    }
}
