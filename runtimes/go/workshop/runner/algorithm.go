package runner

// The author's functions, whatever of the allowed forms they have.

import (
	"context"
	"fmt"
	"iter"
	"path/filepath"
	"reflect"
)

// Program is what the generated main gives: the author's functions, nil where there is none.
type Program struct {
	Apply, ApplyBatch, Load any
}

var (
	contextType = reflect.TypeFor[context.Context]()
	errorType   = reflect.TypeFor[error]()
)

// algorithm is a program that has loaded.
type algorithm struct {
	apply    reflect.Value
	input    reflect.Type // of one call, also of a batch
	state    []reflect.Value
	batch    bool
	cancels  bool
	stateful bool
}

// misshapen tells of a function of the author's that is none of the allowed forms.
type misshapen struct {
	function reflect.Value
	message  string
}

func (m misshapen) Error() string { return m.message }

// load calls the author's Load; it returns what is wrong with his functions, or his error.
func load(program Program, hello header) (*algorithm, error) {
	found := &algorithm{apply: reflect.ValueOf(program.Apply), batch: program.ApplyBatch != nil}
	if found.batch {
		found.apply = reflect.ValueOf(program.ApplyBatch)
	}
	kind := found.apply.Type()
	takes := kind.NumIn()
	if takes > 0 && kind.In(0) == contextType {
		found.cancels = true
		takes--
	}
	if takes < 1 || takes > 2 || kind.IsVariadic() || !answers(kind) {
		return nil, misshapen{found.apply, "Apply takes an input, and what Load returns if it likes, and returns a result and an error"}
	}
	at := kind.NumIn() - takes
	found.input, found.stateful = kind.In(at), takes == 2
	if found.batch {
		if found.input.Kind() != reflect.Slice {
			return nil, misshapen{found.apply, fmt.Sprintf("ApplyBatch takes a slice of inputs, not %s", found.input)}
		}
		found.input = found.input.Elem()
	}
	if program.Load == nil {
		if found.stateful {
			found.state = []reflect.Value{reflect.Zero(kind.In(at + 1))}
		}
		return found, nil
	}
	var wanted reflect.Type
	if found.stateful {
		wanted = kind.In(at + 1)
	}
	return found, found.prepare(reflect.ValueOf(program.Load), wanted, hello)
}

// prepare calls the author's Load, and keeps what it returns where Apply wants it.
func (a *algorithm) prepare(loader reflect.Value, wanted reflect.Type, hello header) error {
	models := map[string]string{}
	kind := loader.Type()
	if kind.NumIn() > 1 || kind.IsVariadic() || !answers(kind) || kind.NumIn() == 1 && !reflect.TypeOf(models).AssignableTo(kind.In(0)) {
		return misshapen{loader, "Load takes nothing or the paths of the models, a map[string]string, and returns a state and an error"}
	}
	mismatch := func(what any) error {
		return misshapen{a.apply, fmt.Sprintf("Apply takes a %s, but Load returns %v", wanted, what)}
	}
	if wanted != nil {
		if kind.NumOut() == 0 || kind.Out(0) == errorType {
			return mismatch("no state")
		}
		if gives := kind.Out(0); gives.Kind() != reflect.Interface && !gives.AssignableTo(wanted) {
			return mismatch("a " + gives.String())
		}
	}
	var given []reflect.Value
	if kind.NumIn() == 1 {
		for name, below := range hello.Models {
			models[name] = filepath.Join(hello.App, below)
		}
		given = []reflect.Value{reflect.ValueOf(models)}
	}
	state, err := returned(loader.Call(given))
	if err != nil || wanted == nil {
		return err
	}
	held := reflect.ValueOf(state)
	if !held.IsValid() { // a nil interface
		held = reflect.Zero(wanted)
	}
	if !held.Type().AssignableTo(wanted) {
		return mismatch("a " + held.Type().String())
	}
	a.state = []reflect.Value{held}
	return nil
}

// answers tells whether a function returns at most a value and an error, in this order.
func answers(kind reflect.Type) bool {
	return kind.NumOut() < 2 || kind.NumOut() == 2 && kind.Out(1) == errorType
}

// call applies the author's function.
func (a *algorithm) call(ctx context.Context, input reflect.Value) (any, error) {
	var given []reflect.Value
	if a.cancels {
		given = append(given, reflect.ValueOf(ctx))
	}
	return returned(a.apply.Call(append(append(given, input), a.state...)))
}

func returned(values []reflect.Value) (any, error) {
	var result any
	for at, value := range values {
		if at == len(values)-1 && value.Type() == errorType {
			if failed, ok := value.Interface().(error); ok {
				return nil, failed
			}
			continue
		}
		if value.Kind() == reflect.Interface && value.IsNil() {
			continue
		}
		result = value.Interface()
	}
	return result, nil
}

// stream returns a result as a sequence of pieces, false when it is none: a channel that is closed
// at its end, an iter.Seq, or an iter.Seq2 whose second values are errors.
func stream(result any) (iter.Seq2[any, error], bool) {
	value := reflect.ValueOf(result)
	if !value.IsValid() {
		return nil, false
	}
	kind := value.Type()
	if kind.Kind() == reflect.Chan && kind.ChanDir()&reflect.RecvDir != 0 {
		return func(yield func(any, error) bool) {
			for {
				piece, open := value.Recv()
				if !open || !yield(piece.Interface(), nil) {
					return
				}
			}
		}, true
	}
	if kind.CanSeq2() && kind.Kind() == reflect.Func && kind.In(0).In(1) == errorType {
		return func(yield func(any, error) bool) {
			for piece, failed := range value.Seq2() {
				err, _ := failed.Interface().(error)
				if !yield(piece.Interface(), err) {
					return
				}
			}
		}, true
	}
	if kind.CanSeq() && kind.Kind() == reflect.Func {
		return func(yield func(any, error) bool) {
			for piece := range value.Seq() {
				if !yield(piece.Interface(), nil) {
					return
				}
			}
		}, true
	}
	return nil, false
}
