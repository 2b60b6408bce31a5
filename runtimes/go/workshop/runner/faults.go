package runner

// Errors and panics of user code as the protocol reports them.

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"unicode"

	"algo.dev/runner/trace"
)

const (
	longestMessage = 10_000
	longestTrace   = 100_000
)

// panicked is what user code panicked with, and where.
type panicked struct {
	value any
	stack string
}

func (p panicked) Error() string {
	err, ok := p.value.(error)
	if !ok {
		return fmt.Sprint(p.value)
	}
	text, broken := textOf(err)
	if broken != nil {
		return "an error whose Error panics, too"
	}
	return text
}

// left is what ended a call by runtime.Goexit, which is no panic: it leaves no value.
type left struct{}

func (left) Error() string { return "the code ended its goroutine by runtime.Goexit" }

// textOf returns what an error says of itself, or how the author's Error panicked.
func textOf(failed error) (text string, err error) {
	defer caught(&err)
	if isNil(failed) {
		return fmt.Sprintf("a nil %T was returned as an error: return nil by itself", failed), nil
	}
	return failed.Error(), nil
}

// isNil tells whether an error is a nil pointer, which Go takes for an error.
func isNil(failed error) bool {
	value := reflect.ValueOf(failed)
	return value.Kind() == reflect.Pointer && value.IsNil()
}

// report is what is told of an error.
type report struct {
	Error      string `json:"error"`
	Message    string `json:"message"`
	File       string `json:"file"`
	Line       int    `json:"line"`
	Stacktrace string `json:"stacktrace"`
}

var framePlace = regexp.MustCompile(`^\t(.+):(\d+)( \+0x[0-9a-f]+)?$`)

// described returns type, message, file, line and stack trace, trimmed to the author's frames.
//
// An error that is returned has no trace in Go: its place is that of the function that returned it.
// module is the author's module, by which his frames are known.
func described(failed error, module, entry string, function reflect.Value) report {
	message, broken := textOf(failed)
	if broken != nil {
		failed, message = broken, "the error cannot tell what it is: "+broken.Error()
	}
	found := report{Message: clip(message, longestMessage), File: entry}
	thrown, ok := failed.(panicked)
	if !ok {
		found.Error = typeName(failed, module)
		name := entry
		if function.IsValid() {
			one := runtime.FuncForPC(function.Pointer())
			file, line := one.FileLine(one.Entry())
			if below, ok := strings.CutPrefix(file, module+"/"); ok {
				found.File, found.Line = below, line
				name = fmt.Sprintf("%s\n    %s:%d", base(one.Name()), below, line)
			}
		}
		found.Stacktrace = fmt.Sprintf("%s: %s\n  returned by %s", found.Error, found.Message, name)
		return found
	}
	head := "panic"
	if _, exits := thrown.value.(left); exits {
		head = "runtime.Goexit"
	}
	found.Error = head
	if err, ok := thrown.value.(error); ok && head == "panic" {
		found.Error = typeName(err, module)
	}
	lines := strings.Split(thrown.stack, "\n")
	var kept []string
	for at := 0; at+1 < len(lines); at++ {
		if left := trace.Elided(lines[at]); left != "" {
			kept = append(kept, left)
		}
		place := framePlace.FindStringSubmatch(lines[at+1])
		if place == nil || !strings.HasPrefix(place[1], module+"/") {
			continue
		}
		file := strings.TrimPrefix(place[1], module+"/")
		if found.Line == 0 {
			found.File = file
			found.Line, _ = strconv.Atoi(place[2])
		}
		kept = append(kept, fmt.Sprintf("  %s\n    %s:%s", trace.Function(lines[at]), file, place[2]))
	}
	told := append([]string{head + ": " + found.Message}, trace.Folded(kept)...)
	found.Stacktrace = clip(strings.Join(told, "\n"), longestTrace)
	return found
}

// callersFault returns the code of an AlgorithmError, which is known by the name of its type.
func callersFault(failed error) (code string, ok bool) {
	defer func() {
		if recover() != nil { // the author's Unwrap
			code, ok = "", false
		}
	}()
	for err := failed; err != nil && !isNil(err); err = errors.Unwrap(err) {
		value := reflect.Indirect(reflect.ValueOf(err))
		if value.Type().Name() != "AlgorithmError" {
			continue
		}
		if value.Kind() == reflect.Struct {
			if field := value.FieldByName("Code"); field.IsValid() && field.Kind() == reflect.String && field.String() != "" {
				return clip(field.String(), 200), true
			}
		}
		return "bad_input", true
	}
	return "", false
}

// base returns a function's name without the path of its package.
func base(function string) string { return function[strings.LastIndexByte(function, '/')+1:] }

// typeName returns the type of an error as its users write it. errors.New and fmt.Errorf make types
// that nobody can name: these are errors, and a failed check of Go itself is a runtime.Error.
func typeName(failed error, module string) string {
	kind := reflect.TypeOf(failed)
	for kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	own := kind.PkgPath() == module || strings.HasPrefix(kind.PkgPath(), module+"/")
	if _, checked := failed.(runtime.Error); checked {
		return "runtime.Error"
	}
	switch {
	case kind.Name() == "", !own && !unicode.IsUpper([]rune(kind.Name())[0]):
		return "error"
	case own:
		return kind.Name()
	}
	return kind.String()
}

func clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "")
}
