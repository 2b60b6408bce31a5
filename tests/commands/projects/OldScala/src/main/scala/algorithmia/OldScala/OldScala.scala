package algorithmia.OldScala

import com.algorithmia._
import com.algorithmia.algo._
import com.algorithmia.data._
import com.google.gson._

class OldScala {
  private val names = Set("Ada", "Grace")

  def apply(input: String): Map[String, Any] = {
    Map("greeting" -> ("Hello " + input), "known" -> names.contains(input))
  }

  def apply(input: Array[Byte]): Array[Byte] = input.reverse

  def apply(input: JsonObject): JsonObject = {
    throw new IllegalArgumentException("give a name")
  }
}
