package runner

// JSON Schema (2020-12) of the author's types.

import "reflect"

// describe returns what can be known of an algorithm from its types.
func describe(a *algorithm) map[string]any {
	found := map[string]any{}
	kind := a.apply.Type()
	if a.input != anyType {
		found["input"] = document(a.input)
		switch a.input {
		case stringType:
			found["accepts"] = []string{"text/plain", jsonType}
		case bytesType:
			found["accepts"] = []string{binaryType}
		default:
			found["accepts"] = []string{jsonType}
		}
	}
	if kind.NumOut() > 0 && kind.Out(0) != errorType && kind.Out(0) != anyType {
		out := kind.Out(0)
		switch {
		case a.batch && out.Kind() == reflect.Slice:
			out = out.Elem()
		case out.Kind() == reflect.Chan:
			out, found["streams"] = out.Elem(), true
		case out.Kind() == reflect.Func && (out.CanSeq() || out.CanSeq2()):
			out, found["streams"] = out.In(0).In(0), true
		}
		if out != anyType {
			found["output"] = document(out)
		}
	}
	return found
}

func document(kind reflect.Type) map[string]any {
	defs := map[string]any{}
	found := schema(kind, defs)
	if len(defs) > 0 {
		found["$defs"] = defs
	}
	return found
}

func schema(kind reflect.Type, defs map[string]any) map[string]any {
	switch {
	case kind == timeType:
		return map[string]any{"type": "string", "format": "date-time"}
	case kind == numberType:
		return map[string]any{"type": "number"}
	case kind.Kind() == reflect.Pointer:
		return map[string]any{"anyOf": []any{schema(kind.Elem(), defs), map[string]any{"type": "null"}}}
	case readsJSON(kind):
		return map[string]any{}
	case readsText(kind):
		return map[string]any{"type": "string"}
	case isBytes(kind):
		return map[string]any{"type": "string", "contentEncoding": "base64"}
	}
	switch kind.Kind() {
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return map[string]any{"type": "integer"}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return map[string]any{"type": "integer", "minimum": 0}
	case reflect.Float32, reflect.Float64:
		return map[string]any{"type": "number"}
	case reflect.Slice:
		return map[string]any{"type": "array", "items": schema(kind.Elem(), defs)}
	case reflect.Array:
		return map[string]any{"type": "array", "items": schema(kind.Elem(), defs), "minItems": kind.Len(), "maxItems": kind.Len()}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": schema(kind.Elem(), defs)}
	case reflect.Struct:
		return structure(kind, defs)
	}
	return map[string]any{}
}

func structure(kind reflect.Type, defs map[string]any) map[string]any {
	reference := map[string]any{"$ref": "#/$defs/" + kind.Name()}
	if _, known := defs[kind.Name()]; known && kind.Name() != "" {
		return reference
	}
	properties, required := map[string]any{}, []string{}
	found := map[string]any{"type": "object", "properties": properties}
	if kind.Name() != "" {
		defs[kind.Name()] = found
	}
	for _, one := range fieldsOf(kind) {
		properties[one.name] = schema(one.kind, defs)
		if one.quoted {
			properties[one.name] = map[string]any{"type": "string"}
		}
		if one.required {
			required = append(required, one.name)
		}
	}
	if len(required) > 0 {
		found["required"] = required
	}
	if kind.Name() != "" {
		return reference
	}
	return found
}
