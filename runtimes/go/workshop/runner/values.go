package runner

// What goes in and comes out: JSON into the type of the input, string is text, []byte is binary.

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"reflect"
	"strings"
	"unicode/utf8"
)

const (
	jsonType   = "application/json"
	formType   = "application/x-www-form-urlencoded"
	partsType  = "application/vnd.algo.parts"
	textType   = "text/plain; charset=utf-8"
	binaryType = "application/octet-stream"
)

// problem is told about a call that cannot be read or answered; fault is `input` or `result`.
type problem struct {
	fault, code, message string
	problems             []place
}

// place is one wrong place of an input.
type place struct {
	Path    string `json:"path"`
	Message string `json:"message"`
}

func (p problem) Error() string { return p.message }

func badInput(code, format string, values ...any) problem {
	return problem{fault: "input", code: code, message: fmt.Sprintf(format, values...)}
}

var (
	anyType    = reflect.TypeFor[any]()
	stringType = reflect.TypeFor[string]()
	bytesType  = reflect.TypeFor[[]byte]()
)

// decode returns the value of a request's body as a wanted type. A form, which plain `curl -d`
// claims to send, counts as JSON.
func decode(body []byte, contentType string, wanted reflect.Type) (reflect.Value, error) {
	if contentType == jsonType {
		return parse(body, wanted)
	}
	kind, parameters, err := mime.ParseMediaType(contentType)
	if contentType == "" || err != nil && kind == "" {
		kind = jsonType
	}
	var natural any
	switch {
	case kind == jsonType || kind == formType || strings.HasSuffix(kind, "+json"):
		return parse(body, wanted)
	case strings.HasPrefix(kind, "text/"):
		natural, err = text(body, parameters["charset"])
	case kind == partsType:
		natural, err = parts(body)
	default:
		natural = body
	}
	if err != nil {
		return reflect.Value{}, err
	}
	found := reflect.ValueOf(natural)
	if found.Type().AssignableTo(wanted) {
		return found, nil
	}
	if kind == partsType { // as the JSON that it would have been
		again, err := json.Marshal(natural)
		if err == nil {
			return parse(again, wanted)
		}
	}
	return reflect.Value{}, invalid([]place{{"input", "expected " + called(wanted) + ", got " + kind}})
}

func text(body []byte, charset string) (string, error) {
	switch strings.ToLower(charset) {
	case "", "utf-8", "utf8", "us-ascii":
		return string(body), checkUTF8(body)
	case "iso-8859-1", "latin-1", "latin1":
		runes := make([]rune, len(body))
		for at, one := range body {
			runes[at] = rune(one)
		}
		return string(runes), nil
	}
	return "", badInput("unknown_charset", "there is no charset %s", charset)
}

func checkUTF8(body []byte) error {
	for at := 0; at < len(body); {
		found, size := utf8.DecodeRune(body[at:])
		if found == utf8.RuneError && size == 1 {
			return badInput("not_utf8", "the body is not UTF-8 at byte %d", at)
		}
		at += size
	}
	return nil
}

// parse reads JSON into a type; in `any` numbers are json.Number, so that none loses a digit.
func parse(body []byte, wanted reflect.Type) (reflect.Value, error) {
	if !utf8.Valid(body) {
		return reflect.Value{}, checkUTF8(body)
	}
	into := reflect.New(wanted)
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	failed := decoder.Decode(into.Interface())
	var syntax *json.SyntaxError
	switch {
	case errors.As(failed, &syntax):
		return reflect.Value{}, malformed(body, syntax.Offset-1, syntax.Error())
	case errors.Is(failed, io.EOF), errors.Is(failed, io.ErrUnexpectedEOF):
		return reflect.Value{}, malformed(body, int64(len(body)), "it ends too early")
	}
	rest := body[decoder.InputOffset():]
	if more := bytes.TrimLeft(rest, " \t\r\n"); len(more) > 0 {
		where := len(body) - len(more)
		return reflect.Value{}, malformed(body, int64(where), "something follows the value")
	}
	folded, err := check(body, wanted, failed == nil)
	if len(folded) > 0 {
		return parse(apartFrom(body, folded), wanted)
	}
	if err != nil {
		return reflect.Value{}, err
	}
	if failed != nil { // by a rule of encoding/json that check does not know
		return reflect.Value{}, invalid([]place{{"input", strings.TrimPrefix(failed.Error(), "json: ")}})
	}
	return into.Elem(), nil
}

// apartFrom returns JSON whose keys that begin at these places are the names of no field.
func apartFrom(body []byte, keys []int) []byte {
	var found bytes.Buffer
	from := 0
	for _, key := range keys {
		found.Write(body[from : key+1])
		found.WriteString(`\u0000`) // no tag holds it
		from = key + 1
	}
	found.Write(body[from:])
	return found.Bytes()
}

func malformed(body []byte, at int64, what string) error {
	before := body[:min(max(at, 0), int64(len(body)))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
	return badInput("malformed_json", "the body is not JSON: %s at line %d, column %d", what, line, column)
}

// parts returns the value that is made of the parts of a form (../../README.md, Parts).
func parts(body []byte) (any, error) {
	var told []struct {
		Path        []any  `json:"path"`
		ContentType string `json:"content_type"`
		Length      int    `json:"length"`
	}
	bad := func(what any) error {
		return badInput("malformed_parts", "the parts of the body are malformed: %v", what)
	}
	if len(body) < 4 {
		return nil, bad("there is no list of them")
	}
	at := 4 + int(binary.LittleEndian.Uint32(body))
	if at > len(body) {
		return nil, bad("the list is cut off")
	}
	if err := json.Unmarshal(body[4:at], &told); err != nil {
		return nil, bad(err)
	}
	var root any
	for _, part := range told {
		if part.Length < 0 || at+part.Length > len(body) {
			return nil, bad("the body ends within a part")
		}
		content, err := decode(body[at:at+part.Length], part.ContentType, anyType)
		if err != nil {
			return nil, err
		}
		if root, err = put(root, part.Path, content.Interface()); err != nil {
			return nil, bad(err)
		}
		at += part.Length
	}
	if root == nil {
		root = map[string]any{}
	}
	return root, nil
}

func put(holder any, path []any, content any) (any, error) {
	if len(path) == 0 {
		return content, nil
	}
	if key, ok := path[0].(string); ok {
		fields, _ := holder.(map[string]any)
		if fields == nil {
			fields = map[string]any{}
		}
		below, err := put(fields[key], path[1:], content)
		fields[key] = below
		return fields, err
	}
	index, ok := path[0].(float64)
	items, _ := holder.([]any)
	if !ok || index < 0 || int(index) > len(items) {
		return nil, fmt.Errorf("nothing can be put at %v", path[0])
	}
	if int(index) == len(items) {
		items = append(items, nil)
	}
	below, err := put(items[int(index)], path[1:], content)
	items[int(index)] = below
	return items, err
}

// encode returns the content type and the bytes of a result.
func encode(value any) (string, []byte, error) {
	switch found := value.(type) {
	case string:
		if !utf8.ValidString(found) {
			return "", nil, problem{fault: "result", code: "result_not_serialisable", message: "the result is text that is not UTF-8"}
		}
		return textType, []byte(found), nil
	case []byte:
		return binaryType, found, nil
	}
	var written bytes.Buffer
	encoder := json.NewEncoder(&written)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		var unsupported *json.UnsupportedValueError
		if errors.As(err, &unsupported) && (strings.Contains(unsupported.Str, "NaN") || strings.Contains(unsupported.Str, "Inf")) {
			return "", nil, problem{fault: "result", code: "result_not_finite", message: "the result holds NaN or Infinity, which JSON has not"}
		}
		return "", nil, problem{fault: "result", code: "result_not_serialisable", message: "the result is not JSON: " + err.Error()}
	}
	return jsonType, bytes.TrimSuffix(written.Bytes(), []byte("\n")), nil
}
