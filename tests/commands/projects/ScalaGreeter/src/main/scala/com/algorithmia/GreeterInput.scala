package com.algorithmia
import play.api.libs.json._

case class GreeterInput(name: String, friends: Option[List[String]])

object GreeterInput {
  implicit val reads: Reads[GreeterInput] = Json.reads[GreeterInput]
}

case class GreeterOutput(greeting: String, known: Boolean)

object GreeterOutput {
  implicit val writes: Writes[GreeterOutput] = Json.writes[GreeterOutput]
}
