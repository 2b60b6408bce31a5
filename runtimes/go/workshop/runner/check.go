package runner

// What is wrong with an input, and where. encoding/json takes an absent field and null for zero, and
// stops at the first wrong place; here they are all told, as in every language.

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	mostProblems = 20 // who sends ten thousand wrong numbers does not read as many lines
	mostShown    = 40
)

// checker walks over JSON that is known to be valid.
type checker struct {
	body     []byte
	at       int
	read     bool // encoding/json took it: what is left to find is what it takes for zero
	path     []step
	problems []place
	large    int // where a number begins that no double holds; -1 for none
	key      int // where the key begins whose value is next
	// Where keys begin that encoding/json takes for a field's, though their capitals differ.
	folded []int
}

// step leads to a field of an object, or to an item of an array where `at` is not negative.
type step struct {
	name string
	at   int
}

// check returns what is wrong with valid JSON as a value of a type; nil for nothing. read says that
// encoding/json found nothing wrong, so that no number need be read again. Where it returns places of
// keys, the value is to be read again without them.
func check(body []byte, wanted reflect.Type, read bool) ([]int, error) {
	found := checker{body: body, read: read, large: -1}
	found.space()
	found.value(wanted)
	if found.large >= 0 { // also where it would be a json.Number: it is refused in every language
		return nil, malformed(body, int64(found.large), "the number is too large")
	}
	if len(found.problems) == 0 {
		return found.folded, nil
	}
	return found.folded, invalid(found.problems)
}

// invalid is the error of an input that is not what the author's type says.
func invalid(problems []place) error {
	lines := []string{}
	for _, one := range problems {
		lines = append(lines, one.Path+": "+one.Message)
	}
	if len(problems) >= mostProblems {
		lines = append(lines, "these are the first; there may be more")
	}
	return problem{fault: "input", code: "invalid_input", message: strings.Join(lines, "\n"), problems: problems}
}

// value checks the value that begins here, and leaves it behind.
func (c *checker) value(kind reflect.Type) {
	if len(c.problems) >= mostProblems {
		c.skip()
		return
	}
	first := c.body[c.at]
	for kind.Kind() == reflect.Pointer {
		if first == 'n' {
			c.skip()
			return
		}
		kind = kind.Elem()
	}
	switch {
	case kind == numberType:
		c.fits(kind, first == '-' || first >= '0' && first <= '9')
	case readsJSON(kind), readsText(kind):
		c.custom(kind)
	case kind.Kind() == reflect.Struct && first == '{':
		c.structure(kind)
	case kind.Kind() == reflect.Map && first == '{':
		c.object(func(string) reflect.Type { return kind.Elem() })
	case (kind.Kind() == reflect.Slice || kind.Kind() == reflect.Array) && first == '[':
		c.array(kind)
	case kind.Kind() == reflect.Interface:
		c.skip()
	case isBytes(kind):
		c.custom(kind)
	default:
		c.scalar(kind, first)
	}
}

func (c *checker) scalar(kind reflect.Type, first byte) {
	number := first == '-' || first >= '0' && first <= '9'
	switch kind.Kind() {
	case reflect.String:
		c.fits(kind, first == '"')
	case reflect.Bool:
		c.fits(kind, first == 't' || first == 'f')
	case reflect.Float32, reflect.Float64:
		raw := c.skip()
		if !number {
			c.expected(called(kind), raw)
		} else if c.read {
			return
		} else if _, err := strconv.ParseFloat(string(raw), kind.Bits()); err != nil {
			c.expected(fmt.Sprintf("a number of %d bits", kind.Bits()), raw)
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		c.integer(kind, number, func(text string) error {
			_, err := strconv.ParseInt(text, 10, kind.Bits())
			return err
		})
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		c.integer(kind, number, func(text string) error {
			_, err := strconv.ParseUint(text, 10, kind.Bits())
			return err
		})
	default:
		c.fits(kind, false)
	}
}

func (c *checker) integer(kind reflect.Type, number bool, parse func(string) error) {
	raw := c.skip()
	switch {
	case !number || !c.read && bytes.ContainsAny(raw, ".eE"):
		c.expected(called(kind), raw)
	case c.read:
	case parse(string(raw)) != nil:
		c.expected(bounds(kind), raw)
	}
}

func bounds(kind reflect.Type) string {
	most := uint64(math.MaxUint64) >> (64 - kind.Bits())
	if kind.Kind() >= reflect.Uint && kind.Kind() <= reflect.Uintptr {
		return fmt.Sprintf("an integer from 0 to %d", most)
	}
	if kind.Bits() == 64 {
		return "an integer of 64 bits"
	}
	return fmt.Sprintf("an integer from -%d to %d", most/2+1, most/2)
}

// custom has a type of its own way of reading read what is here.
func (c *checker) custom(kind reflect.Type) {
	raw := c.skip()
	if raw[0] == 'n' && (kind == timeType || !readsJSON(kind)) {
		c.expected(called(kind), raw)
		return
	}
	if c.read {
		return
	}
	err := json.Unmarshal(raw, reflect.New(kind).Interface())
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil:
	case kind == timeType, isBytes(kind), errors.As(err, &wrong):
		c.expected(called(kind), raw)
	default:
		c.bad(err.Error())
	}
}

func (c *checker) structure(kind reflect.Type) {
	fields := fieldsOf(kind)
	seen := make([]bool, len(fields))
	c.object(func(name string) reflect.Type {
		at := position(fields, func(one string) bool { return one == name })
		if at < 0 {
			if position(fields, func(one string) bool { return strings.EqualFold(one, name) }) >= 0 {
				c.folded = append(c.folded, c.key)
			}
			return anyType
		}
		seen[at] = true
		if fields[at].quoted {
			return anyType
		}
		return fields[at].kind
	})
	for at, one := range fields {
		if one.required && !seen[at] {
			c.path = append(c.path, step{one.name, -1})
			c.bad("is missing")
			c.path = c.path[:len(c.path)-1]
		}
	}
}

// position returns where the first field is whose name is right, -1 for none.
func position(fields []field, right func(string) bool) int {
	return slices.IndexFunc(fields, func(one field) bool { return right(one.name) })
}

func (c *checker) object(kindOf func(string) reflect.Type) {
	c.at++
	for c.space(); c.body[c.at] != '}'; c.space() {
		if c.body[c.at] == ',' {
			c.at++
			c.space()
		}
		name, begin := "", c.at
		if raw := c.skip(); bytes.IndexByte(raw, '\\') < 0 {
			name = string(raw[1 : len(raw)-1])
		} else if err := json.Unmarshal(raw, &name); err != nil {
			name = string(raw)
		}
		c.space()
		c.at++ // the colon
		c.space()
		c.path = append(c.path, step{name, -1})
		c.key = begin
		c.value(kindOf(name))
		c.path = c.path[:len(c.path)-1]
	}
	c.at++
}

func (c *checker) array(kind reflect.Type) {
	c.at++
	count, item := 0, kind.Elem()
	scalar := item.Kind() <= reflect.Float64 && !readsJSON(item) && !readsText(item) // of a picture: many
	for c.space(); c.body[c.at] != ']'; c.space() {
		if c.body[c.at] == ',' {
			c.at++
			c.space()
		}
		c.path = append(c.path, step{"", count})
		if scalar && len(c.problems) < mostProblems {
			c.scalar(item, c.body[c.at])
		} else {
			c.value(item)
		}
		c.path = c.path[:len(c.path)-1]
		count++
	}
	c.at++
	if kind.Kind() == reflect.Array && count != kind.Len() {
		c.bad(fmt.Sprintf("expected an array of %d, got %d items", kind.Len(), count))
	}
}

func (c *checker) fits(kind reflect.Type, right bool) {
	if raw := c.skip(); !right {
		c.expected(called(kind), raw)
	}
}

func (c *checker) expected(what string, raw []byte) {
	if url := bytes.TrimLeft(bytes.TrimPrefix(raw, []byte("{")), " \t\r\n"); raw[0] == '{' && bytes.HasPrefix(url, []byte(`"$url"`)) {
		c.bad("the service takes no files by URL: fetch under [serving] in algo.toml allows them")
		return
	}
	c.bad("expected " + what + ", got " + shown(raw))
}

func (c *checker) bad(message string) {
	if len(c.problems) < mostProblems {
		c.problems = append(c.problems, place{c.where(), message})
	}
}

func (c *checker) where() string {
	text := "input"
	for _, key := range c.path {
		switch {
		case key.at >= 0:
			text += fmt.Sprintf("[%d]", key.at)
		case isName(key.name):
			text += "." + key.name
		default:
			quoted, _ := json.Marshal(key.name)
			text += "[" + cut(string(quoted)) + "]"
		}
	}
	return text
}

func isName(text string) bool {
	for at, one := range text {
		if one != '_' && !unicode.IsLetter(one) && (at == 0 || !unicode.IsDigit(one)) {
			return false
		}
	}
	return text != ""
}

// shown returns type and value as a caller knows them: `string "x"`, `null`, `an object`.
func shown(raw []byte) string {
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case 'n':
		return "null"
	case '"':
		return "string " + cut(string(raw))
	case 't', 'f':
		return "boolean " + string(raw)
	}
	if bytes.ContainsAny(raw, ".eE") {
		return "number " + cut(string(raw))
	}
	return "integer " + cut(string(raw))
}

func cut(text string) string {
	if utf8.RuneCountInString(text) <= mostShown {
		return text
	}
	return string([]rune(text)[:mostShown]) + "…"
}

func (c *checker) space() {
	for c.at < len(c.body) && (c.body[c.at] == ' ' || c.body[c.at] == '\n' || c.body[c.at] == '\t' || c.body[c.at] == '\r') {
		c.at++
	}
}

// skip leaves the value that begins here behind, and returns it.
func (c *checker) skip() []byte {
	begin, depth := c.at, 0
	for c.at < len(c.body) {
		switch one := c.body[c.at]; one {
		case '"':
			for c.at++; c.body[c.at] != '"'; c.at++ {
				if c.body[c.at] == '\\' {
					c.at++
				}
			}
			c.at++
		case '{', '[':
			depth++
			c.at++
			continue
		case '}', ']':
			depth--
			c.at++
		case ' ', '\n', '\t', '\r', ',', ':':
			c.at++
			continue
		default:
			from, exponent := c.at, false
			for c.at < len(c.body) && !ends(c.body[c.at]) {
				exponent = exponent || c.body[c.at]|' ' == 'e'
				c.at++
			}
			if (exponent || c.at-from >= 309) && c.large < 0 && tooLarge(c.body[from:c.at]) {
				c.large = from
			}
		}
		if depth == 0 {
			break
		}
	}
	return c.body[begin:c.at]
}

// tooLarge tells whether a number with a fraction or an exponent is beyond all doubles.
func tooLarge(raw []byte) bool {
	if raw[0] > '9' || !bytes.ContainsAny(raw, ".eE") { // true and false, or an integer
		return false
	}
	_, err := strconv.ParseFloat(string(raw), 64)
	return err != nil
}

// ends tells whether a number, true, false or null is over before this byte.
func ends(one byte) bool {
	switch one {
	case ',', ']', '}', ' ', '\n', '\t', '\r':
		return true
	}
	return false
}
