package com.algorithmia

import com.algorithmia.algo.Algorithm
import com.algorithmia.client.HttpClient
import com.algorithmia.data.{DataDirectory, DataFile}
import com.algorithmia.handler.{AbstractAlgorithm, Handler}

/** Where what was called Algorithmia's library for Scala begins. */
object Algorithmia {
  private lazy val usual = AlgorithmiaClient(None)

  def client(key: String): AlgorithmiaClient = AlgorithmiaClient(Some(key))
  def client(key: Option[String] = None): AlgorithmiaClient = AlgorithmiaClient(key)
  def algo(name: String): Algorithm = usual.algo(name)
  def dir(path: String): DataDirectory = usual.dir(path)
  def file(path: String): DataFile = usual.file(path)
  def handler[I, O](algorithm: AbstractAlgorithm[I, O]): Handler[I, O] = Handler(algorithm)
}

/** A client; the key of the gateway counts before that of the code. */
case class AlgorithmiaClient(apiKey: Option[String]) {
  val http = new HttpClient(apiKey)

  def algo(name: String): Algorithm = new Algorithm(this, name)
  def dir(path: String): DataDirectory = new DataDirectory(this, path)
  def file(path: String): DataFile = new DataFile(this, path)
}
