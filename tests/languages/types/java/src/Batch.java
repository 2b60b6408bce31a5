import java.util.ArrayList;
import java.util.List;

public class Batch {
    public static List<Object> applyBatch(List<Integer> inputs) {
        var found = new ArrayList<Object>();
        for (int input : inputs) {
            found.add(input == 13 ? new IllegalStateException("unlucky") : input * inputs.size());
        }
        return found;
    }
}
