package algo.runner

import java.util
import scala.annotation.implicitNotFound
import scala.concurrent.Future
import scala.jdk.FutureConverters.*

/**
 * The author's function, as the generated main gives it.
 *
 * @param input The kind of an input, of one call also of a batch.
 * @param output Adds what is known of the result to a schema.
 * @param call Calls it with an input and what `load` returned.
 */
final class Entry(
  val input: Kinds => Kind,
  val output: util.Map[String, Object] => Unit,
  val batch: Boolean,
  val call: (Any, Any) => Any,
)

object Entry:
  def of[F](apply: F)(using signature: Signature[F]): Entry = signature.entry(apply)

  def batch[F](apply: F)(using signature: Batch[F]): Entry = signature.entry(apply)

  def later(result: Any): Any = result match
    case future: Future[?] => future.asJava
    case other => other

/** What a function takes and returns; `F` is invariant, so that the compiler takes the types as they are. */
@implicitNotFound(
  "an input cannot be what ${F} takes: take a case class, an enum, a Seq, a Map[String, …], an Option, text, " +
    "a number, bytes, or Any for anything"
)
trait Signature[F]:
  def entry(apply: F): Entry

object Signature:
  given one[I, O](using of: Of[I], out: Out[O]): Signature[I => O] = apply =>
    Entry(of.kind, out.add, false, (input, _) => Entry.later(apply(input.asInstanceOf[I])))

  given two[I, S, O](using of: Of[I], out: Out[O]): Signature[(I, S) => O] = apply =>
    Entry(of.kind, out.add, false, (input, state) => Entry.later(apply(input.asInstanceOf[I], state.asInstanceOf[S])))

/** The same of a function that takes many inputs at once. */
trait Batch[F]:
  def entry(apply: F): Entry

object Batch:
  given one[C, O](using items: Items[C]): Batch[C => O] = apply =>
    Entry(items.item, _ => (), true, (inputs, _) => Entry.later(apply(built(items, inputs))))

  given two[C, S, O](using items: Items[C]): Batch[(C, S) => O] = apply =>
    Entry(items.item, _ => (), true, (inputs, state) => Entry.later(apply(built(items, inputs), state.asInstanceOf[S])))

  private def built[C](items: Items[C], inputs: Any): C =
    items.build(inputs.asInstanceOf[util.List[Object]]).asInstanceOf[C]

/** What is known of a result. */
trait Out[T]:
  def add(schema: util.Map[String, Object]): Unit

object Out extends Unknown:
  private def stream[T](of: Of[T]): Out[T] = schema =>
    schema.put("streams", java.lang.Boolean.TRUE)
    known(using of).add(schema)

  given iterator[T](using of: Of[T]): Out[Iterator[T]] = stream(of).add(_)
  given lazily[T](using of: Of[T]): Out[LazyList[T]] = stream(of).add(_)
  given future[T](using out: Out[T]): Out[Future[T]] = out.add(_)

trait Unknown extends Silent:
  given known[T](using of: Of[T]): Out[T] = schema =>
    val kinds = Kinds(true)
    Schemas.output(schema, kinds, of.kind(kinds))

trait Silent:
  given nothing[T]: Out[T] = _ => ()
