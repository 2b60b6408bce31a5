package com.algorithmia

import org.scalatest._

class AlgorithmSpec extends FlatSpec with Matchers {
  "An empty name" should "be refused" in {
    new Algorithm().apply(GreeterInput("", None)).isFailure shouldBe true
  }
}
