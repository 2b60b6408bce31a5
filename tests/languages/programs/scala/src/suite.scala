// What the conformance suite calls; every language has the same (tests/languages/README.md).
import java.nio.file.{Files, Path}

class AlgorithmError(message: String, val code: String) extends Exception(message)

case class State(loads: Int, models: Map[String, String])

case class Piece(number: Int)

object suite:
  def load(models: Map[String, Path]): State =
    State(1, models.map((name, path) => name -> Files.readString(path)))

  def apply(input: Any, state: State): Any = input match
    case bytes: Array[Byte] => bytes.reverse
    case text: String => s"text: $text"
    case fields: Map[String, Any] @unchecked if fields.get("do").exists(_.isInstanceOf[String]) =>
      act(fields("do").asInstanceOf[String], fields, state)
    case other => Map("got" -> other)

  def act(what: String, fields: Map[String, Any], state: State): Any = what match
    case "echo" => fields("value")
    case "state" => state
    case "bytes" => Array.tabulate(256 * number(fields("times")))(_.toByte)
    case "raise" => throw IllegalStateException(fields("message").asInstanceOf[String])
    case "refuse" => throw AlgorithmError(fields("message").asInstanceOf[String], fields("code").asInstanceOf[String])
    case "nan" => Map("value" -> Double.NaN)
    case "print" =>
      if fields.get("to").contains("stderr") then Console.err.println(fields("text")) else println(fields("text"))
    case "sleep" =>
      Thread.sleep((fields("seconds").asInstanceOf[Number].doubleValue * 1000).toLong)
      fields("seconds")
    case "exit" =>
      println(s"last words ${number(fields("code"))}")
      sys.exit(number(fields("code")))
    case "stream" =>
      val pieces = Iterator.range(0, number(fields("count"))).map(Piece(_))
      if fields.get("fails").contains(true) then
        pieces ++ Iterator.continually(throw IllegalStateException("after the last piece"))
      else pieces

  def number(value: Any): Int = value.asInstanceOf[Number].intValue
