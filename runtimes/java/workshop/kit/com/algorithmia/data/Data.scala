package com.algorithmia.data

import com.algorithmia.AlgorithmiaClient
import com.algorithmia.client.HttpClient
import java.io.{File, InputStream}
import java.net.URLEncoder
import java.nio.file.Files
import play.api.libs.json.{JsValue, Json}

sealed trait DataObjectType
case object DataFileType extends DataObjectType
case object DataDirectoryType extends DataObjectType

/** A file or a folder at `data://`. */
abstract class DataObject(val client: AlgorithmiaClient, uri: String, kind: DataObjectType) {
  val path: String = uri.replaceAll("^data://|^/", "")
  val trimmedPath: String = path.stripSuffix("/")
  val url: String = "/v1/data/" + trimmedPath

  def getType: DataObjectType = kind
  def isDirectory: Boolean = kind == DataDirectoryType
  def isFile: Boolean = kind == DataFileType
  def exists: Boolean = {
    val said = client.http.send("HEAD", url, "application/json", Array())
    said.statusCode == 200 && (said.headers.firstValue("x-data-type").orElse("") == "directory") == isDirectory
  }
  def getName: String = trimmedPath.substring(trimmedPath.lastIndexOf('/') + 1)
  def getParent: DataDirectory = new DataDirectory(client, trimmedPath.replaceFirst("/?[^/]+$", ""))
  override def toString: String = path
}

class DataFile(client: AlgorithmiaClient, uri: String) extends DataObject(client, uri, DataFileType) {
  def getBytes: Array[Byte] = client.http.ask("GET", url)
  def getString: String = new String(getBytes, "UTF-8")
  def getFile: File = {
    val file = new File(Files.createTempDirectory("data").toFile, getName)
    Files.write(file.toPath, getBytes)
    file
  }
  def put(text: String): Unit = put(text.getBytes("UTF-8"))
  def put(bytes: Array[Byte]): Unit = client.http.ask("PUT", url, "application/octet-stream", bytes)
  def put(file: File): Unit = put(Files.readAllBytes(file.toPath))
  def put(stream: InputStream): Unit = put(HttpClient.bytes(stream))
  def delete(): Unit = client.http.ask("DELETE", url)
}

class DataDirectory(client: AlgorithmiaClient, uri: String) extends DataObject(client, uri, DataDirectoryType) {
  def create(acl: Option[DataAcl] = None): Unit = {
    val wanted = Json.obj("name" -> getName) ++ acl.fold(Json.obj())(one => Json.obj("acl" -> one.json))
    client.http.ask("POST", getParent.url, body = wanted.toString.getBytes("UTF-8"))
  }
  def delete(force: Boolean): Unit = client.http.ask("DELETE", s"$url?force=$force")
  def file(name: String): DataFile = new DataFile(client, trimmedPath + "/" + name)
  def putFile(file: File): DataFile = {
    val target = this.file(file.getName)
    target.put(file)
    target
  }
  def files: Iterable[DataFile] = listed("files", "filename").map(file)
  def dirs: Iterable[DataDirectory] =
    listed("folders", "name").map(name => new DataDirectory(client, trimmedPath + "/" + name))
  def getPermissions: DataAcl =
    DataAcl((Json.parse(client.http.ask("GET", url + "?acl=true")) \ "acl" \ "read").asOpt[Seq[String]].getOrElse(Nil))
  def updatePermissions(acl: DataAcl): Boolean = {
    val body = Json.obj("acl" -> acl.json).toString.getBytes("UTF-8")
    client.http.send("PATCH", url, "application/json", body).statusCode == 200
  }

  private def listed(list: String, key: String): Iterable[String] = {
    def page(marker: Option[String]): Seq[String] = {
      val query = marker.fold("")(one => "?marker=" + URLEncoder.encode(one, "UTF-8"))
      val said = Json.parse(client.http.ask("GET", url + query))
      val names = (said \ list).asOpt[Seq[JsValue]].getOrElse(Nil).flatMap(one => (one \ key).asOpt[String])
      names ++ (said \ "marker").asOpt[String].fold(Seq.empty[String])(next => page(Some(next)))
    }
    page(None)
  }
}

/** Who may read a folder. */
case class DataAcl(read: Seq[String]) {
  def json: JsValue = Json.obj("read" -> read)
}

object DataAcl {
  val Public: DataAcl = DataAcl(Seq("user://*"))
  val MyAlgorithms: DataAcl = DataAcl(Seq("algo://.my/*"))
  val Private: DataAcl = DataAcl(Nil)
}
