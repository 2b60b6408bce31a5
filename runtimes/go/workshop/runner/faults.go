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
	if err, ok := p.value.(error); ok {
		return err.Error()
	}
	return fmt.Sprint(p.value)
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
	var thrown panicked
	found := report{Message: clip(failed.Error(), longestMessage), File: entry}
	if !errors.As(failed, &thrown) {
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
	found.Error = "panic"
	if err, ok := thrown.value.(error); ok {
		found.Error = typeName(err, module)
	}
	lines := strings.Split(thrown.stack, "\n")
	kept := []string{"panic: " + found.Message}
	for at := 0; at+1 < len(lines); at++ {
		place := framePlace.FindStringSubmatch(lines[at+1])
		if place == nil || !strings.HasPrefix(place[1], module+"/") {
			continue
		}
		file := strings.TrimPrefix(place[1], module+"/")
		if len(kept) == 1 {
			found.File = file
			found.Line, _ = strconv.Atoi(place[2])
		}
		kept = append(kept, fmt.Sprintf("  %s\n    %s:%s", base(lines[at]), file, place[2]))
	}
	found.Stacktrace = clip(strings.Join(kept, "\n"), longestTrace)
	return found
}

// callersFault returns the code of an AlgorithmError, which is known by the name of its type.
func callersFault(failed error) (string, bool) {
	for err := failed; err != nil; err = errors.Unwrap(err) {
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
