package com.algorithmia.handler

import _root_.algo.runner.Handled
import play.api.libs.json.{JsError, JsSuccess, Json, Reads, Writes}
import scala.reflect.ClassTag
import scala.util.{Success, Try}

/** An algorithm: `load` is called once, `apply` for every input. */
trait AbstractAlgorithm[I, O] {
  def apply(input: I): Try[O]

  def load(): Try[Unit] = Success(())
}

/** Gives an algorithm to the runner, with what the compiler knows of its types. */
case class Handler[I, O](algorithm: AbstractAlgorithm[I, O]) {
  def serve()(implicit reads: Reads[I], writes: Writes[O], kind: ClassTag[I]): Unit =
    Handled.serve(new Handled.Served {
      def load(): Unit = algorithm.load().get

      def apply(json: String): String = Json.fromJson[I](Json.parse(json)) match {
        case JsSuccess(input, _) => Json.stringify(Json.toJson(algorithm(input).get))
        case JsError(wrong) =>
          val places = wrong.map { case (path, errors) =>
            "input" + path.toJsonString.stripPrefix("obj") + ": " + errors.flatMap(_.messages).mkString(", ")
          }
          throw Handled.refused(places.mkString("\n"))
      }
    })
}
