package com.algorithmia.client

import java.io.{ByteArrayOutputStream, IOException, InputStream}
import java.net.URI
import java.net.http.{HttpClient => Http, HttpRequest, HttpResponse}
import java.net.http.HttpRequest.{BodyPublisher, BodyPublishers}
import java.net.http.HttpResponse.BodyHandlers
import play.api.libs.json.{JsValue, Json}
import scala.util.Try

/** HTTP with the API that the gateway has on loopback. */
class HttpClient(given: Option[String]) {
  private val here = Option(System.getenv("ALGORITHMIA_API"))
  private val address = here.getOrElse("https://api.algorithmia.com").stripSuffix("/")
  private val key = here.flatMap(_ => Option(System.getenv("ALGORITHMIA_API_KEY"))).orElse(given)
  private lazy val http = Http.newHttpClient()

  /** Ask for a path below the address; an answer that is no success is an exception, with what it says. */
  def ask(method: String, path: String, kind: String = "application/json", body: Array[Byte] = Array()): Array[Byte] = {
    val said = send(method, path, kind, body)
    if (said.statusCode >= 300) {
      throw new IOException(HttpClient.told(said.body).getOrElse(s"$method $path: status ${said.statusCode}"))
    }
    said.body
  }

  def send(method: String, path: String, kind: String, body: Array[Byte]): HttpResponse[Array[Byte]] = {
    val publisher: BodyPublisher = if (body.isEmpty) BodyPublishers.noBody else BodyPublishers.ofByteArray(body)
    val asked = HttpRequest.newBuilder(HttpClient.uri(address, path)).method(method, publisher)
    asked.header("Content-Type", kind)
    key.foreach(one => asked.header("Authorization", "Simple " + one))
    http.send(asked.build, BodyHandlers.ofByteArray)
  }
}

object HttpClient {
  private def uri(address: String, path: String): URI = {
    val Array(place, query) = (path + "?").split("\\?", 3).take(2)
    val escaped = new URI(null, null, place, null).getRawPath
    URI.create(address + escaped + (if (query.isEmpty) "" else "?" + query))
  }

  /** The message of an error. */
  def told(body: Array[Byte]): Option[String] =
    Try(Json.parse(body)).toOption.flatMap(document => (document \ "error" \ "message").asOpt[String])

  def bytes(stream: InputStream): Array[Byte] = {
    val found = new ByteArrayOutputStream
    val piece = new Array[Byte](1 << 16)
    Iterator.continually(stream.read(piece)).takeWhile(_ >= 0).foreach(found.write(piece, 0, _))
    found.toByteArray
  }
}
