package com.algorithmia.algo

import com.algorithmia.AlgorithmiaClient
import java.io.IOException
import java.util.Base64
import play.api.libs.json.{JsNull, JsString, JsValue, Json, Reads, Writes}
import scala.concurrent.duration.{FiniteDuration, SECONDS}

/** An algorithm that can be called. */
class Algorithm(client: AlgorithmiaClient, name: String, val options: Map[String, String] = Map.empty) {
  private val path = "/v1/algo/" + name.replaceAll("^algo://|^/", "")

  def pipe[T](input: T)(implicit writes: Writes[T]): AlgoResponse = pipeJson(Json.stringify(Json.toJson(input)))

  def pipeJson(json: String): AlgoResponse = {
    val query = options.map { case (key, value) => s"$key=$value" }.mkString("?", "&", "").stripSuffix("?")
    val said = client.http.send("POST", path + query, "application/json", json.getBytes("UTF-8"))
    AlgoResponse(new String(said.body, "UTF-8"))
  }

  def withOptions(more: (String, String)*): Algorithm = new Algorithm(client, name, options ++ more)

  def withTimeout(timeout: FiniteDuration): Algorithm = withOptions("timeout" -> timeout.toUnit(SECONDS).toLong.toString)
}

/** What is told of an answer besides its result. */
case class Metadata(duration: Double, content_type: String, stdout: Option[String])

/** The answer of an algorithm. */
sealed trait AlgoResponse {
  def metadata: Metadata
  def rawOutput: String
  def isSuccess: Boolean
  def asOpt[T](implicit reads: Reads[T]): Option[T]
  def as[T](implicit reads: Reads[T]): T
  def asString: String
  def asBytes: Array[Byte]
  def map[T](function: AlgoSuccess => T): Option[T]
}

case class AlgoSuccess(result: JsValue, metadata: Metadata, rawOutput: String) extends AlgoResponse {
  def isSuccess = true
  def asOpt[T](implicit reads: Reads[T]): Option[T] = result.asOpt[T]
  def as[T](implicit reads: Reads[T]): T = result.as[T]
  def asString: String = result match {
    case JsString(text) => text
    case other => other.toString
  }
  def asJsonString: String = result.toString
  def asBytes: Array[Byte] = (metadata.content_type, result) match {
    case ("binary", JsString(text)) => Base64.getDecoder.decode(text)
    case _ => throw new IOException("the algorithm returned no bytes")
  }
  def map[T](function: AlgoSuccess => T): Option[T] = Some(function(this))
}

case class AlgoFailure(message: String, metadata: Metadata, rawOutput: String) extends AlgoResponse {
  private def failed = throw new IOException(message)
  def isSuccess = false
  def asOpt[T](implicit reads: Reads[T]): Option[T] = None
  def as[T](implicit reads: Reads[T]): T = failed
  def asString: String = failed
  def asBytes: Array[Byte] = failed
  def map[T](function: AlgoSuccess => T): Option[T] = None
}

object AlgoResponse {
  def apply(said: String): AlgoResponse = {
    val document = Json.parse(said)
    val told = document \ "metadata"
    val metadata = Metadata(
      (told \ "duration").asOpt[Double].getOrElse(0),
      (told \ "content_type").asOpt[String].getOrElse("void"),
      (told \ "stdout").asOpt[String],
    )
    (document \ "error" \ "message").asOpt[String] match {
      case Some(message) => AlgoFailure(message, metadata, said)
      case None => AlgoSuccess((document \ "result").getOrElse(JsNull), metadata, said)
    }
  }
}
