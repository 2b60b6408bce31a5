package runner

// A batch: several calls that one ApplyBatch answers, each with a result or an error.

import (
	"context"
	"fmt"
	"reflect"
)

// batch answers several calls together; where that fails as a whole, each by itself.
func (w *worker) batch(ctx context.Context, next frame) error {
	calls := next.header.Calls
	if next.header.Type == "call" {
		calls = []header{next.header}
		calls[0].Length = int64(len(next.body))
	}
	var read []header
	inputs := reflect.MakeSlice(reflect.SliceOf(w.algorithm.input), 0, len(calls))
	at := int64(0)
	for _, one := range calls {
		if at+one.Length > int64(len(next.body)) {
			return protocolError{"the lengths of a batch do not add up to its body"}
		}
		input, err := w.read(next.body[at:at+one.Length], one.ContentType)
		at += one.Length
		if err != nil {
			if err := w.fail(one, err); err != nil {
				return err
			}
			continue
		}
		read, inputs = append(read, one), reflect.Append(inputs, input)
	}
	if len(read) == 0 {
		return nil
	}
	return w.together(ctx, read, inputs)
}

func (w *worker) together(ctx context.Context, calls []header, inputs reflect.Value) error {
	result, err := apart(func() (any, error) { return w.applied(ctx, inputs) })
	results := reflect.ValueOf(result)
	if err == nil && (results.Kind() != reflect.Slice || results.Len() != len(calls)) {
		err = problem{fault: "result", code: "batch_mismatch", message: fmt.Sprintf("the batch returned no slice of %d results", len(calls))}
	}
	for at, one := range calls {
		switch {
		case err != nil && len(calls) == 1:
			return w.fail(one, err)
		case err != nil:
			if broken := w.together(ctx, calls[at:at+1], inputs.Slice(at, at+1)); broken != nil {
				return broken
			}
		default:
			if broken := w.result(one, results.Index(at).Interface()); broken != nil {
				return broken
			}
		}
	}
	return nil
}
