package typed

object Fails:
  def apply(numbers: List[Int]): List[Int] =
    numbers.map(number => 10 / number)
