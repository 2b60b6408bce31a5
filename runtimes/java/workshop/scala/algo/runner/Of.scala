package algo.runner

import java.util
import scala.collection.Factory
import scala.collection.immutable.VectorMap
import scala.compiletime.{constValue, constValueTuple, summonAll}
import scala.deriving.Mirror
import scala.jdk.CollectionConverters.*
import scala.reflect.ClassTag

/** Knows the kind of a type; found by the compiler, so that no number is lost as Java's generics lose it. */
trait Of[T]:
  def kind(kinds: Kinds): Kind

/** Knows the kind of a collection, and that of its items. */
trait Items[T] extends Of[T]:
  def item(kinds: Kinds): Kind
  def build(items: util.List[Object]): Object
  def kind(kinds: Kinds): Kind = Kinds.list(item(kinds), build(_), util.Map.of())

object Of extends Derived:
  def apply[T](make: Kinds => Kind): Of[T] = kinds => make(kinds)

  private def scalar[T](using tag: ClassTag[T]): Of[T] = Of(_ => Scalars.of(tag.runtimeClass))

  /** The kind of what is read as another type first. */
  private def mapped[T](kind: Kind, convert: Object => Object): Of[T] = Of: _ =>
    Kind(
      (value, reading) =>
        val before = reading.wrong
        val found = kind.read(value, reading)
        if reading.wrong > before then null else convert(found)
      ,
      kind.schema,
    ).like(kind)

  given Of[Any] = Of(_ => Kind((value, _) => Scala.natural(value), util.Map.of()))
  given Of[Boolean] = scalar
  given Of[Byte] = scalar
  given Of[Short] = scalar
  given Of[Int] = scalar
  given Of[Long] = scalar
  given Of[Float] = scalar
  given Of[Double] = scalar
  given Of[Char] = scalar
  given Of[String] = scalar
  given Of[Array[Byte]] = scalar
  given Of[Unit] = Of(_ => Scalars.of(classOf[Void]))
  given Of[BigInt] =
    mapped(Scalars.of(classOf[java.math.BigInteger]), found => BigInt(found.asInstanceOf[java.math.BigInteger]))
  given Of[BigDecimal] =
    mapped(Scalars.of(classOf[java.math.BigDecimal]), found => BigDecimal(found.asInstanceOf[java.math.BigDecimal]))
  given Of[java.time.Instant] = scalar
  given Of[java.time.OffsetDateTime] = scalar
  given Of[java.time.LocalDateTime] = scalar
  given Of[java.time.LocalDate] = scalar
  given Of[java.time.LocalTime] = scalar
  given Of[java.time.Duration] = scalar
  given Of[util.UUID] = scalar
  given Of[java.net.URI] = scalar

  given option[T](using of: Of[T]): Of[Option[T]] = Of: kinds =>
    val either = Kind.nullable(of.kind(kinds))
    Kind((value, reading) => if value == null then None else Option(either.read(value, reading)), either.schema)
      .like(either)
      .absent((_, _) => None)

  given items[T, C[X] <: Iterable[X]](using of: Of[T], factory: Factory[T, C[T]]): Items[C[T]] with
    def item(kinds: Kinds): Kind = of.kind(kinds)
    def build(items: util.List[Object]): Object = factory.fromSpecific(items.asScala.asInstanceOf[Iterable[T]])

  given array[T: ClassTag](using of: Of[T]): Items[Array[T]] with
    def item(kinds: Kinds): Kind = of.kind(kinds)
    def build(items: util.List[Object]): Object = items.asScala.asInstanceOf[Iterable[T]].toArray

  given map[T](using of: Of[T]): Of[Map[String, T]] = Of: kinds =>
    Kinds.map(Scalars.of(classOf[String]), of.kind(kinds), found => VectorMap.from(found.asScala))

/** Case classes and enums, compiled by their fields. */
trait Derived:
  inline given derived[T](using mirror: Mirror.Of[T]): Of[T] =
    inline mirror match
      case product: Mirror.ProductOf[T] =>
        new Fields[T](product, constValue[product.MirroredLabel], labels[product.MirroredElemLabels]):
          given Of[T] = this // of a class that holds itself
          lazy val members = all[product.MirroredElemTypes]
      case sum: Mirror.SumOf[T] =>
        new Cases[T](constValue[sum.MirroredLabel], labels[sum.MirroredElemLabels]):
          given Of[T] = this
          lazy val members = all[sum.MirroredElemTypes]

  inline def labels[L <: Tuple]: List[String] = constValueTuple[L].toList.asInstanceOf[List[String]]

  inline def all[T <: Tuple]: List[Of[?]] = summonAll[Tuple.Map[T, Of]].toList.asInstanceOf[List[Of[?]]]

/** A case class, or one value: an object, or a case of an enum without fields. */
abstract class Fields[T](mirror: Mirror.ProductOf[T], name: String, labels: List[String]) extends Of[T]:
  def members: List[Of[?]]

  /** The value, where there is only one. */
  def single: Option[Object] =
    val only = labels.isEmpty && mirror.isInstanceOf[Mirror.Singleton]
    Option.when(only)(mirror.fromProduct(EmptyTuple).asInstanceOf[Object])

  def kind(kinds: Kinds): Kind = kinds.named(this, name, define(kinds, _))

  private def define(kinds: Kinds, kind: Kind): util.Map[String, Object] =
    val found = for ((label, of), at) <- labels.zip(members).zipWithIndex yield
      val field = of.kind(kinds)
      Records.Member(label, default(at + 1).fold(field)(value => Defaults.of(field, value)))
    kind.fields(found.asJava)
    kind.readBy(
      Records.reader(found.asJava, values => mirror.fromProduct(Tuple.fromArray(values)).asInstanceOf[Object])
    )
    Records.schema(found.asJava, kinds.output)

  /** Return what gives the default of a field: a method of the companion, which is the mirror. */
  private def default(at: Int): Option[() => Object] =
    mirror.getClass.getMethods
      .find(_.getName == s"$$lessinit$$greater$$default$$$at")
      .map(method => () => method.invoke(mirror))

/** An enum, or a sealed trait. */
abstract class Cases[T](name: String, labels: List[String]) extends Of[T]:
  def members: List[Of[?]]

  def kind(kinds: Kinds): Kind = kinds.named(this, name, define(kinds, _))

  private def define(kinds: Kinds, kind: Kind): util.Map[String, Object] =
    val singles = labels.zip(members).collect:
      case (label, of: Fields[?]) if of.single.nonEmpty => label -> of.single.get
    val names = Kind(null, util.Map.of("enum", singles.map(_(0)).asJava)).texts()
    if singles.nonEmpty then Kinds.choice(names, util.LinkedHashMap(VectorMap.from(singles).asJava))
    val others = labels.zip(members).collect { case (label, of) if !singles.exists(_(0) == label) => of }
    if others.isEmpty then
      kind.readBy(names.read(_, _))
      names.schema
    else
      val all = Option.when(singles.nonEmpty)(names).toList ++ others.map(_.kind(kinds))
      kind.readBy(Kinds.either(all.asJava))
      util.Map.of("anyOf", all.map(_.schema).asJava)

private object Defaults:
  /** Return a kind that need not be there. */
  def of(kind: Kind, value: () => Object): Kind =
    Kind(kind.read(_, _), kind.schema).like(kind).absent((_, _) => value())
