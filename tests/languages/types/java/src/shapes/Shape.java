package shapes;

public sealed interface Shape {
    record Circle(double radius) implements Shape {}

    record Square(double side) implements Shape {}
}
