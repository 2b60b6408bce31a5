package typed

import scala.concurrent.ExecutionContext.Implicits.global
import scala.concurrent.Future

object Later:
  def apply(seconds: Double): Future[String] = Future:
    Thread.sleep((seconds * 1000).toLong)
    "done"
