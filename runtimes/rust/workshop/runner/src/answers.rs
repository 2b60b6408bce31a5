//! Results of the author's functions: a value, a stream, or either.

use std::ops::ControlFlow;

use serde::Serialize;
use serde_json::Value;

use crate::faults::{Failure, IntoFailure};
use crate::schema::{Described, output_of};
use crate::values::{Encoded, encode};

/// What a call is answered with.
pub enum Reply {
    Whole(Encoded),
    Pieces(Stream),
}

/// Pieces that are made as they are sent.
pub type Stream = Box<dyn Iterator<Item = Result<Encoded, Failure>>>;

/// A result: a value, a stream (an iterator of `Result`s), or `ControlFlow` of the two.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be answered",
    note = "derive `serde::Serialize` for it, or return an iterator of `Result`s for a stream"
)]
pub trait Answer<K> {
    const STREAMS: bool = false;

    fn reply(self) -> Result<Reply, Failure>;

    /// JSON Schema of the value, or of a piece of the stream.
    fn schema() -> Option<Value>;
}

/// `K` of a value.
pub struct Whole;
/// `K` of a stream.
pub struct Pieces<N>(N);
/// `K` of either.
pub struct Either<K, L>(K, L);

impl<R: Serialize + Described + 'static> Answer<Whole> for R {
    fn reply(self) -> Result<Reply, Failure> {
        encode(self).map(Reply::Whole)
    }

    fn schema() -> Option<Value> {
        output_of::<R>()
    }
}

impl<I, T, E, N> Answer<Pieces<N>> for I
where
    I: Iterator<Item = Result<T, E>> + 'static,
    T: Serialize + Described + 'static,
    E: IntoFailure<N>,
{
    const STREAMS: bool = true;

    fn reply(self) -> Result<Reply, Failure> {
        let pieces = self.map(|piece| piece.map_err(E::into_failure).and_then(encode));
        Ok(Reply::Pieces(Box::new(pieces)))
    }

    fn schema() -> Option<Value> {
        output_of::<T>()
    }
}

/// `Break` is the end, a value; `Continue` goes on, a stream.
impl<V: Answer<K>, I: Answer<L>, K, L> Answer<Either<K, L>> for ControlFlow<V, I> {
    const STREAMS: bool = I::STREAMS;

    fn reply(self) -> Result<Reply, Failure> {
        match self {
            Self::Break(value) => value.reply(),
            Self::Continue(pieces) => pieces.reply(),
        }
    }

    fn schema() -> Option<Value> {
        None // it has two
    }
}

/// Results of a batch, in order.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not what a batch is answered with",
    note = "return `Result<Vec<R>, E>`, or `Vec<Result<R, E>>`"
)]
pub trait Answers<K> {
    type One: Answer<Self::Form>;
    type Form;

    fn answers(self) -> Result<Vec<Result<Reply, Failure>>, Failure>;
}

impl<R: Answer<K>, E: IntoFailure<N>, K, N> Answers<(K, N)> for Result<Vec<R>, E> {
    type One = R;
    type Form = K;

    fn answers(self) -> Result<Vec<Result<Reply, Failure>>, Failure> {
        Ok(self.map_err(E::into_failure)?.into_iter().map(R::reply).collect())
    }
}

impl<R: Answer<K>, E: IntoFailure<N>, K, N> Answers<(K, N)> for Vec<Result<R, E>> {
    type One = R;
    type Form = K;

    fn answers(self) -> Result<Vec<Result<Reply, Failure>>, Failure> {
        let one = |result: Result<R, E>| result.map_err(E::into_failure)?.reply();
        Ok(self.into_iter().map(one).collect())
    }
}
