package algo.runner

import java.lang.reflect.{InvocationTargetException, Method, ParameterizedType}
import java.nio.file.{Files, Path}
import java.util
import scala.collection.immutable.VectorMap
import scala.jdk.CollectionConverters.*
import scala.runtime.BoxedUnit

/** Scala: an object with `apply`, and what may stand beside it. */
final class Scala(entry: () => Entry) extends Language:
  def name: String = s"scala ${Scala.version}"

  def load(hello: Hello): Algorithm =
    if !Files.isRegularFile(hello.app.resolve(hello.file)) then
      throw Language.BadEntry(s"${hello.file} is not there")
    val found = entry()
    val schema = util.LinkedHashMap[String, Object]()
    val kinds = Kinds(false)
    val input = found.input(kinds)
    Schemas.input(schema, kinds, input)
    found.output(schema)
    val module = Class.forName(Faults(hello).entryClass(hello) + "$").getField("MODULE$").get(null)
    val state = module.getClass.getMethods.find(_.getName == "load").map(Scala.loaded(module, _, hello)).orNull
    Algorithm(input, found.call(_, state).asInstanceOf[Object], found.batch, false, schema)

  override def natural(value: Object): Object = Scala.natural(value)

  override def plain(value: Object): Object = value match
    case map: collection.Map[?, ?] => map.asJava
    case items: Iterable[?] => items.asJava
    case option: Option[?] => util.Optional.ofNullable(option.orNull)
    case _: BoxedUnit => util.Optional.empty
    case tuple: Tuple => tuple.toList.asJava
    case one: Product if one.productArity == 0 => one.productPrefix
    case fields: Product => VectorMap.from(fields.productElementNames.zip(fields.productIterator)).asJava
    case _ => null

  def pieces(result: Object): util.Iterator[?] = result match
    case pieces: Iterator[?] => pieces.asJava
    case pieces: LazyList[?] => pieces.iterator.asJava
    case pieces: util.stream.BaseStream[?, ?] => pieces.iterator
    case _ => null

object Scala:
  private def version = scala.util.Properties.versionNumberString

  /** What the generated main calls. */
  def run(entry: () => Entry): Unit = Main.run(new Scala(entry))

  /** Return JSON's natural values as Scala has them: Map and Vector, BigInt. */
  def natural(value: Object): Object = value match
    case map: util.Map[?, ?] => VectorMap.from(map.asScala.map((key, one) => key -> natural(one.asInstanceOf[Object])))
    case items: util.List[?] => items.asScala.map(one => natural(one.asInstanceOf[Object])).toVector
    case large: java.math.BigInteger => BigInt(large)
    case other => other

  /** Call `load` with the models as it wants them: paths as text or Path. */
  private def loaded(module: Object, load: Method, hello: Hello): Object =
    val paths = load.getGenericParameterTypes.headOption.exists {
      case named: ParameterizedType => named.getActualTypeArguments.lastOption.contains(classOf[Path])
      case _ => false
    }
    val models = VectorMap.from(hello.models.asScala.view.mapValues(path => if paths then Path.of(path) else path))
    try if load.getParameterCount == 0 then load.invoke(module) else load.invoke(module, models)
    catch case error: InvocationTargetException => throw error.getCause
