//! The author's functions, whatever of the allowed forms they have.
//!
//! `M` stands for the form of a function, `K` of a result, `N` of an error. The compiler finds them
//! from the functions themselves; they are what lets one trait be implemented for several forms.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::path::PathBuf;
use std::slice::from_ref;
use std::sync::atomic::AtomicBool;

use serde::de::DeserializeOwned;

use crate::answers::{Answer, Answers, Reply};
use crate::faults::{Failure, IntoFailure, guarded};
use crate::schema::{Described, Face};
use crate::values::{Encoded, decode};

/// Names of models, and their files.
pub type Models = HashMap<String, PathBuf>;

/// What stands in for a function that the author has not.
#[derive(Clone, Copy, Debug)]
pub struct Absent;

/// The body of a call, and its content type.
#[derive(Clone, Debug)]
pub struct Body {
    pub content_type: String,
    pub content: Vec<u8>,
}

/// A program that has loaded.
pub trait Algorithm: Send + Sync {
    /// What is known of it from its types.
    fn face(&self) -> Face;

    /// Answer a call; the flag is set when nobody waits for it any more.
    fn call(&self, body: Body, cancelled: &AtomicBool) -> Result<Reply, Failure>;

    /// Answer several together, where `face` says so: each with a reply or a failure of its own.
    fn batch(&self, bodies: &[Body]) -> Vec<Result<Reply, Failure>>;
}

/// The author's `apply` and `apply_batch`, the one or the other of them absent.
#[diagnostic::on_unimplemented(
    message = "there is no function `apply`, or it has not the form that is called",
    label = "what it must be is below",
    note = "pub fn apply(input: T) -> Result<R, E>",
    note = "pub fn apply(input: T, state: &S) -> Result<R, E>, where load returns Result<S, E>",
    note = "pub fn apply(input: T, state: &S, cancelled: &AtomicBool) -> Result<R, E>",
    note = "pub fn apply_batch(inputs: Vec<T>, state: &S) -> Result<Vec<R>, E>",
    note = "T: serde::Deserialize; R: serde::Serialize, or an iterator of Results for a stream; \
            E: std::error::Error, Box<dyn Error> or String; of a crate that uses schemars, T and R \
            are schemars::JsonSchema, too"
)]
pub trait Entry<S: 'static, M>: Send + Sync {
    fn face(&self) -> Face;

    fn call(&self, body: Body, state: &'static S, flag: &AtomicBool) -> Result<Reply, Failure>;

    fn batch(&self, _: &[Body], _: &'static S) -> Vec<Result<Reply, Failure>> {
        Vec::new()
    }
}

/// A function that takes a body as it is, with its content type, and answers with such a one.
pub struct Whole<F>(pub F);

impl<F, S, E, N> Entry<S, Form<Body, E, N>> for Whole<F>
where
    F: Fn(&S, &str, Vec<u8>) -> Result<(&'static str, Vec<u8>), E> + Send + Sync,
    S: 'static,
    E: IntoFailure<N>,
{
    fn face(&self) -> Face {
        Face { schema: serde_json::json!({}), ..Face::default() }
    }

    fn call(&self, body: Body, state: &'static S, _: &AtomicBool) -> Result<Reply, Failure> {
        let Body { content_type, content } = body;
        let answered = || (self.0)(state, &content_type, content).map_err(E::into_failure);
        let (content_type, body) = guarded(answered)?;
        Ok(Reply::Whole(Encoded { content_type, body }))
    }
}

/// The form of a function: its parameters, its result and what this holds.
pub struct Form<P, R, K>(PhantomData<fn(P) -> (R, K)>);

macro_rules! apply {
    ($cancels:literal, |$state:ident, $flag:ident| $($given:ident: $kind:ty),*) => {
        impl<F, S, T, R, E, K, N> Entry<S, Form<fn(T, $($kind),*), Result<R, E>, (K, N)>>
            for (F, Absent)
        where
            F: Fn(T, $($kind),*) -> Result<R, E> + Send + Sync,
            S: 'static,
            T: DeserializeOwned + Described + 'static,
            R: Answer<K>,
            E: IntoFailure<N>,
        {
            fn face(&self) -> Face {
                Face { cancels: $cancels, ..Face::of::<T, R, K>() }
            }

            fn call(
                &self,
                body: Body,
                $state: &'static S,
                $flag: &AtomicBool,
            ) -> Result<Reply, Failure> {
                let input = decode(&body.content_type, body.content)?;
                guarded(|| self.0(input, $($given),*).map_err(E::into_failure)?.reply())
            }
        }
    };
}

apply!(false, |_state, _flag|);
apply!(false, |state, _flag| state: &'static S);
apply!(true, |state, flag| state: &'static S, flag: &AtomicBool);

macro_rules! apply_batch {
    (|$state:ident| $($given:ident: $kind:ty),*) => {
        impl<A, F, S, T, R, K> Entry<S, Form<fn(Vec<T>, $($kind),*), R, K>> for (A, F)
        where
            A: Send + Sync,
            F: Fn(Vec<T>, $($kind),*) -> R + Send + Sync,
            S: 'static,
            T: DeserializeOwned + Described + 'static,
            R: Answers<K>,
        {
            fn face(&self) -> Face {
                Face { batch: true, ..Face::of::<T, R::One, R::Form>() }
            }

            fn call(&self, body: Body, state: &'static S, _: &AtomicBool) -> Result<Reply, Failure> {
                self.batch(from_ref(&body), state).pop().expect("one answer for one input")
            }

            fn batch(&self, bodies: &[Body], $state: &'static S) -> Vec<Result<Reply, Failure>> {
                together(bodies, &|inputs| guarded(|| self.1(inputs, $($given),*).answers()))
            }
        }
    };
}

apply_batch!(|_state|);
apply_batch!(|state| state: &'static S);

type Answered = Result<Vec<Result<Reply, Failure>>, Failure>;

/// Answer several calls by one; where that fails as a whole, each by itself.
fn together<T: DeserializeOwned + 'static>(
    bodies: &[Body],
    apply: &dyn Fn(Vec<T>) -> Answered,
) -> Vec<Result<Reply, Failure>> {
    let mut inputs = Vec::new();
    let read = |body: &Body| decode(&body.content_type, body.content.clone());
    let wrong: Vec<_> =
        bodies.iter().map(|body| read(body).map(|input| inputs.push(input)).err()).collect();
    let count = inputs.len();
    let answered = match apply(inputs) {
        Ok(answers) if answers.len() == count => Ok(answers),
        Ok(_) => Err(mismatch(count)),
        Err(failure) => Err(failure),
    };
    let mut answers = match answered {
        Ok(answers) => answers.into_iter(),
        Err(failure) if bodies.len() == 1 => return vec![Err(failure)],
        Err(_) => {
            return bodies.iter().flat_map(|one| together(from_ref(one), apply)).collect();
        }
    };
    let one = |wrong: Option<Failure>| match wrong {
        Some(failure) => Err(failure),
        None => answers.next().expect("as many as inputs"),
    };
    wrong.into_iter().map(one).collect()
}

fn mismatch(count: usize) -> Failure {
    let message = format!("apply_batch returned another number of results than {count}");
    Failure::result("batch_mismatch", message)
}

/// The author's `load`.
#[diagnostic::on_unimplemented(
    message = "`load` has not the form that is called",
    note = "pub fn load() -> Result<S, E>",
    note = "pub fn load(models: std::collections::HashMap<String, std::path::PathBuf>) \
            -> Result<S, E>"
)]
pub trait Load<S, M> {
    fn load(&self, models: Models) -> Result<S, Failure>;
}

impl Load<(), Absent> for Absent {
    fn load(&self, _: Models) -> Result<(), Failure> {
        Ok(())
    }
}

impl<F: Fn() -> Result<S, E>, S, E: IntoFailure<N>, N> Load<S, Form<(), E, N>> for F {
    fn load(&self, _: Models) -> Result<S, Failure> {
        self().map_err(E::into_failure)
    }
}

impl<F: Fn(Models) -> Result<S, E>, S, E: IntoFailure<N>, N> Load<S, Form<Models, E, N>> for F {
    fn load(&self, models: Models) -> Result<S, Failure> {
        self(models).map_err(E::into_failure)
    }
}

/// The author's functions with what `load` returned, which lives as long as the process.
struct Loaded<P, S: 'static, M> {
    program: P,
    state: &'static S,
    form: PhantomData<fn(M)>,
}

impl<P: Entry<S, M>, S: Sync, M> Algorithm for Loaded<P, S, M> {
    fn face(&self) -> Face {
        self.program.face()
    }

    fn call(&self, body: Body, cancelled: &AtomicBool) -> Result<Reply, Failure> {
        self.program.call(body, self.state, cancelled)
    }

    fn batch(&self, bodies: &[Body]) -> Vec<Result<Reply, Failure>> {
        self.program.batch(bodies, self.state)
    }
}

/// What makes an algorithm of a program when its models are there.
pub type Loader = Box<dyn FnOnce(Models) -> Result<Box<dyn Algorithm>, Failure> + Send>;

/// Return what calls the author's `load` and then has his functions.
pub fn loader<P, L, S, M, N>(program: P, load: L) -> Loader
where
    P: Entry<S, M> + 'static,
    L: Load<S, N> + Send + 'static,
    S: Sync + 'static,
    M: 'static,
{
    Box::new(move |models| {
        let state = Box::leak(Box::new(guarded(|| load.load(models))?));
        Ok(Box::new(Loaded { program, state, form: PhantomData::<fn(M)> }))
    })
}
