import java.time.LocalDate;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import shapes.Shape;

public class Typed {
    enum Colour { RED, GREEN }

    record Point(int x, double y) {
        Point {
            if (x < 0) {
                throw new IllegalArgumentException("x is left of the picture");
            }
        }
    }

    record Order(String name, long count, double[][] image, Optional<String> note, Colour colour, List<Point> points,
            Map<String, Integer> tags, LocalDate day, Optional<Shape> shape, Optional<byte[]> file) {}

    record Answer(String name, double sum, Order order) {}

    public static Answer apply(Order order) {
        double sum = 0;
        for (var row : order.image()) {
            for (var pixel : row) {
                sum += pixel;
            }
        }
        return new Answer(order.name(), sum, order);
    }
}
