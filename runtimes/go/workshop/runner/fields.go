package runner

// The fields of the author's structs, as encoding/json sees them.

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strings"
	"sync"
	"time"
)

var (
	timeType   = reflect.TypeFor[time.Time]()
	numberType = reflect.TypeFor[json.Number]()
	ofJSON     = reflect.TypeFor[json.Unmarshaler]()
	ofText     = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// field is one field of a struct by its name in JSON.
type field struct {
	name     string
	kind     reflect.Type
	required bool // neither a pointer nor `omitempty` or `omitzero`
	quoted   bool // by `,string`: a value in a string
}

var known sync.Map // reflect.Type to []field

// fieldsOf returns the fields of a struct in the order of its source.
func fieldsOf(kind reflect.Type) []field {
	if found, ok := known.Load(kind); ok {
		return found.([]field)
	}
	found := []field{}
	var apart [][]int // embedded structs with a name of their own, whose fields are not ours
	for _, one := range reflect.VisibleFields(kind) {
		name, options, _ := strings.Cut(one.Tag.Get("json"), ",")
		if name == "-" && options == "" || within(one.Index, apart) {
			continue
		}
		if one.Anonymous {
			if name != "" {
				apart = append(apart, one.Index)
			} else if isStruct(one.Type) {
				continue
			}
		}
		if !one.IsExported() {
			continue
		}
		if name == "" {
			name = one.Name
		}
		words := strings.Split(options, ",")
		has := func(word string) bool {
			for _, one := range words {
				if one == word {
					return true
				}
			}
			return false
		}
		optional := has("omitempty") || has("omitzero") || one.Type.Kind() == reflect.Pointer
		found = append(found, field{name, one.Type, !optional, has("string")})
	}
	known.Store(kind, found)
	return found
}

func within(index []int, folders [][]int) bool {
	for _, folder := range folders {
		if len(index) > len(folder) && reflect.DeepEqual(index[:len(folder)], folder) {
			return true
		}
	}
	return false
}

func isStruct(kind reflect.Type) bool {
	if kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	return kind.Kind() == reflect.Struct
}

// readsJSON tells whether a type has an UnmarshalJSON of its own.
func readsJSON(kind reflect.Type) bool { return reflect.PointerTo(kind).Implements(ofJSON) }

// readsText tells whether a type has an UnmarshalText of its own.
func readsText(kind reflect.Type) bool { return reflect.PointerTo(kind).Implements(ofText) }

// isBytes tells whether encoding/json writes a type as base64.
func isBytes(kind reflect.Type) bool {
	return kind.Kind() == reflect.Slice && kind.Elem().Kind() == reflect.Uint8 && !readsJSON(kind) &&
		!readsJSON(kind.Elem()) && !readsText(kind.Elem())
}

// called returns what a caller is told that a type wants, in JSON's words.
func called(kind reflect.Type) string {
	switch {
	case kind == timeType:
		return `a date and time such as "2026-01-31T12:00:00Z"`
	case kind == numberType:
		return "a number"
	case kind.Kind() == reflect.Pointer:
		return "null or " + called(kind.Elem())
	case readsJSON(kind):
		return "a value of " + kind.Name()
	case readsText(kind):
		return "a string"
	case isBytes(kind):
		return "a file, or a string in base64"
	}
	switch kind.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return "an integer"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Interface:
		return "a value"
	}
	return "an object"
}
