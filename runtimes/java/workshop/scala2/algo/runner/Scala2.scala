package algo.runner

import java.lang.reflect.InvocationTargetException
import java.nio.file.Files
import java.util
import scala.collection.JavaConverters._

/** Scala 2, in which code was written for Algorithmia: a class with `apply`, or what a `main` hands to its handler. */
final class Scala2 extends Language {
  private var gson: AuthorsGson = _

  def name: String = "scala " + scala.util.Properties.versionNumberString

  def load(hello: Hello): Algorithm = {
    if (!Files.isRegularFile(hello.app.resolve(hello.file))) {
      throw new Language.BadEntry(hello.file + " is not there")
    }
    val entry = Class.forName(new Faults(hello).entryClass(hello), true, getClass.getClassLoader)
    gson = AuthorsGson.find(entry.getClassLoader)
    if (entry.getInterfaces.exists(_.getName == "com.algorithmia.handler.AbstractAlgorithm")) handled(entry, hello)
    else Old.load(entry, hello)
  }

  private def handled(entry: Class[_], hello: Hello): Algorithm = {
    val main = entry.getMethods.find(_.getName == "main").getOrElse {
      throw new Language.BadEntry(hello.file + " has no object " + entry.getSimpleName + " with a main")
    }
    try main.invoke(null, Array.empty[String])
    catch { case error: InvocationTargetException => throw error.getCause }
    if (Handled.served == null) {
      throw new Language.BadEntry("main of " + hello.file + " does not call serve of a handler")
    }
    Handled.served.load()
    Handled.algorithm(Handled.served)
  }

  override def plain(value: Object): Object = value match {
    case map: collection.Map[_, _] => map.asJava
    case items: Iterable[_] => items.asJava
    case Some(one) => util.Optional.ofNullable(one.asInstanceOf[Object])
    case None => util.Optional.empty[Object]
    case _: scala.runtime.BoxedUnit => util.Optional.empty[Object]
    case tuple: Product if tuple.productPrefix.startsWith("Tuple") => tuple.productIterator.toList.asJava
    case one: Product if one.productArity == 0 => one.productPrefix
    case fields: Product =>
      val names = fields.getClass.getDeclaredFields.map(_.getName).filterNot(_.contains("$"))
      val found = new util.LinkedHashMap[String, Any]
      names.zip(fields.productIterator.toSeq).foreach { case (name, one) => found.put(name, one) }
      found
    case other => gson.plain(other)
  }

  def pieces(result: Object): util.Iterator[_] = result match {
    case pieces: Iterator[_] => pieces.asJava
    case pieces: util.stream.BaseStream[_, _] => pieces.iterator
    case _ => null
  }
}
