package com.algorithmia

import com.algorithmia.handler.AbstractAlgorithm
import org.apache.commons.text.WordUtils

import scala.util.{Failure, Success, Try}

class Algorithm extends AbstractAlgorithm[GreeterInput, GreeterOutput] {

  val client: AlgorithmiaClient = Algorithmia.client("simHARDCODED")
  var greeting: Option[String] = None

  override def apply(input: GreeterInput): Try[GreeterOutput] = {
    if (input.name.isEmpty) {
      Failure(new Exception("give a name"))
    } else {
      val known = input.friends.getOrElse(List("Ada")).contains(input.name)
      Success(GreeterOutput(greeting.get + " " + WordUtils.capitalize(input.name), known))
    }
  }

  override def load = Try{
    greeting = Some(client.file("data://acme/greeter/greeting.txt").getString)
    Success()
  }
}

object Algorithm {
  val handler = Algorithmia.handler(new Algorithm)

  def main(args: Array[String]): Unit = {
    handler.serve()
  }
}
