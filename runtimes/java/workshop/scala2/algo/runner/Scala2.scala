package algo.runner

import java.lang.reflect.{InvocationTargetException, Method, Modifier}
import java.nio.file.Files
import java.util
import scala.collection.JavaConverters._
import scala.util.Try

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
    val main = mainOf(entry).getOrElse(mainBeside(entry, hello))
    try main.invoke(null, Array.empty[String])
    catch { case error: InvocationTargetException => throw error.getCause }
    if (Handled.served == null) {
      throw new Language.BadEntry("main of " + hello.file + " does not call serve of a handler")
    }
    Handled.served.load()
    Handled.algorithm(Handled.served)
  }

  private def mainOf(kind: Class[_]): Option[Method] =
    kind.getMethods.find(one => one.getName == "main" && Modifier.isStatic(one.getModifiers))

  /** Return the main of another object in the file, which has to be the only one. */
  private def mainBeside(entry: Class[_], hello: Hello): Method = {
    val text = new String(Files.readAllBytes(hello.app.resolve(hello.file)), "UTF-8")
    val around = entry.getName.stripSuffix(entry.getSimpleName)
    val names = "(?m)^\\s*(?:case\\s+)?object\\s+(\\w+)".r.findAllMatchIn(text).map(_.group(1)).toSeq.distinct
    val found = names.flatMap { name =>
      Try(Class.forName(around + name, false, entry.getClassLoader)).toOption.flatMap(mainOf).map(name -> _)
    }
    found match {
      case Seq((_, main)) => main
      case Seq() =>
        throw new Language.BadEntry(hello.file + " has no object with a main, as object " + entry.getSimpleName)
      case several =>
        val told = several.map(_._1).mkString(", ")
        throw new Language.BadEntry(hello.file + " has several objects with a main: " + told + "; that of object "
          + entry.getSimpleName + " would be taken")
    }
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
