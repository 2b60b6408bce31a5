//! `algo_entrypoint!(TYPE)`, `(TYPE => function)` and `(TYPE => Algo::method)`.

/// Make `Algo`, or what it is, an entry point that calls a function for inputs of a type.
#[macro_export]
macro_rules! algo_entrypoint {
    (@method $kind:ty, $apply:ident, $name:ident) => {
        impl $crate::algo::EntryPoint for Algo {
            fn $apply(&self, input: $kind) -> $crate::algo::Applied {
                self.$name(input).map($crate::algo::AlgoOutput::from).map_err(|error| error.into())
            }
        }
    };
    (@function $kind:ty, $apply:ident, $called:path) => {
        #[derive(Default)]
        pub struct Algo;
        impl $crate::algo::EntryPoint for Algo {
            fn $apply(&self, input: $kind) -> $crate::algo::Applied {
                $called(input).map($crate::algo::AlgoOutput::from).map_err(|error| error.into())
            }
        }
    };
    (&str) => { $crate::algo_entrypoint!(&str => apply); };
    (&[u8]) => { $crate::algo_entrypoint!(&[u8] => apply); };
    (&JsonValue) => { $crate::algo_entrypoint!(&JsonValue => apply); };
    (AlgoInput) => { $crate::algo_entrypoint!(AlgoInput => apply); };
    ($kind:ty) => { $crate::algo_entrypoint!($kind => apply); };

    (&str => Algo::$name:ident) => { $crate::algo_entrypoint!(@method &str, apply_str, $name); };
    (&[u8] => Algo::$name:ident) => {
        $crate::algo_entrypoint!(@method &[u8], apply_bytes, $name);
    };
    (&JsonValue => Algo::$name:ident) => {
        $crate::algo_entrypoint!(@method &$crate::algo::JsonValue, apply_json, $name);
    };
    (AlgoInput => Algo::$name:ident) => {
        $crate::algo_entrypoint!(@method $crate::algo::AlgoInput, apply, $name);
    };
    ($kind:ty => Algo::$name:ident) => {
        impl $crate::algo::DecodedEntryPoint for Algo {
            type Input = $kind;
            fn apply_decoded(&self, input: $kind) -> $crate::algo::Applied {
                self.$name(input).map($crate::algo::AlgoOutput::from).map_err(|error| error.into())
            }
        }
    };

    (&str => $called:path) => { $crate::algo_entrypoint!(@function &str, apply_str, $called); };
    (&[u8] => $called:path) => {
        $crate::algo_entrypoint!(@function &[u8], apply_bytes, $called);
    };
    (&JsonValue => $called:path) => {
        $crate::algo_entrypoint!(@function &$crate::algo::JsonValue, apply_json, $called);
    };
    (AlgoInput => $called:path) => {
        $crate::algo_entrypoint!(@function $crate::algo::AlgoInput, apply, $called);
    };
    ($kind:ty => $called:path) => {
        #[derive(Default)]
        pub struct Algo;
        impl $crate::algo::DecodedEntryPoint for Algo {
            type Input = $kind;
            fn apply_decoded(&self, input: $kind) -> $crate::algo::Applied {
                $called(input).map($crate::algo::AlgoOutput::from).map_err(|error| error.into())
            }
        }
    };
}
