// Package suite is what the conformance suite calls; every language has the same
// (tests/languages/README.md).
package suite

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"os"
	"slices"
	"time"
)

// AlgorithmError is the caller's fault.
type AlgorithmError struct{ Message, Code string }

func (e AlgorithmError) Error() string { return e.Message }

// State is what Load returns.
type State struct {
	Loads  int               `json:"loads"`
	Models map[string]string `json:"models"`
}

// Load reads the models.
func Load(models map[string]string) (*State, error) {
	state := &State{1, map[string]string{}}
	for name, path := range models {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		state.Models[name] = string(text)
	}
	return state, nil
}

// Apply does what its input says.
func Apply(input any, state *State) (any, error) {
	switch value := input.(type) {
	case []byte:
		slices.Reverse(value)
		return value, nil
	case string:
		return "text: " + value, nil
	case map[string]any:
		if do, ok := value["do"].(string); ok {
			return act(do, value, state)
		}
	}
	return map[string]any{"got": input}, nil
}

func act(do string, value map[string]any, state *State) (any, error) {
	switch do {
	case "echo":
		return value["value"], nil
	case "state":
		return state, nil
	case "bytes":
		all := make([]byte, 256)
		for at := range all {
			all[at] = byte(at)
		}
		return bytes.Repeat(all, number(value["times"])), nil
	case "raise":
		panic(errors.New(value["message"].(string)))
	case "refuse":
		return nil, AlgorithmError{value["message"].(string), value["code"].(string)}
	case "nan":
		return map[string]any{"value": math.NaN()}, nil
	case "print":
		out := os.Stdout
		if value["to"] == "stderr" {
			out = os.Stderr
		}
		fmt.Fprintln(out, value["text"])
		return nil, nil
	case "sleep":
		seconds, err := value["seconds"].(json.Number).Float64()
		time.Sleep(time.Duration(seconds * float64(time.Second)))
		return seconds, err
	case "exit":
		fmt.Println("last words", value["code"])
		os.Exit(number(value["code"]))
	case "stream":
		return count(number(value["count"]), value["fails"] == true), nil
	}
	return nil, fmt.Errorf("there is no %s", do)
}

func count(most int, fails bool) iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		for at := range most {
			if !yield(map[string]int{"number": at}, nil) {
				return
			}
		}
		if fails {
			yield(nil, errors.New("after the last piece"))
		}
	}
}

func number(value any) int {
	found, err := value.(json.Number).Int64()
	if err != nil {
		panic(err)
	}
	return int(found)
}
