package typed

enum Colour:
  case Red, Green

enum Shape:
  case Circle(radius: Double)
  case Square(side: Double)
  case Nothing

case class Point(x: Int, y: Double):
  require(x >= 0, "x is left of the picture")

case class Tree(name: String, children: List[Tree] = Nil)

case class Order(
  name: String,
  count: Long,
  image: Array[Array[Double]],
  colour: Colour,
  points: Vector[Point],
  tags: Map[String, Int],
  note: Option[Int],
  shape: Option[Shape],
  tree: Option[Tree],
  more: Map[String, Any] = Map.empty,
  times: Int = 3,
)

case class Answer(name: String, sum: Double, order: Order)

object Typed:
  def load(): Double = 0.5

  def apply(order: Order, offset: Double): Answer =
    Answer(order.name * order.times, order.image.map(_.sum).sum + offset, order)
