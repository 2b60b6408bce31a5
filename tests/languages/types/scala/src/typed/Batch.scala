package typed

object Batch:
  def applyBatch(inputs: Vector[Int]): Seq[Any] = inputs.map: input =>
    if input == 13 then IllegalStateException("unlucky") else input * inputs.size
