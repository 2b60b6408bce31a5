package trace

// What package strings has, which this one must not wait for (trace.go).

func starts(text, with string) bool { return len(text) >= len(with) && text[:len(with)] == with }

func ends(text, with string) bool {
	return len(text) >= len(with) && text[len(text)-len(with):] == with
}

// after returns what follows a beginning, and whether a text begins so.
func after(text, beginning string) (string, bool) {
	if !starts(text, beginning) {
		return text, false
	}
	return text[len(beginning):], true
}

// cut parts a text where a separator stands first.
func cut(text, separator string) (before, rest string) {
	for at := 0; at+len(separator) <= len(text); at++ {
		if text[at:at+len(separator)] == separator {
			return text[:at], text[at+len(separator):]
		}
	}
	return text, ""
}

func split(text, separator string) []string {
	var parts []string
	for text != "" {
		var part string
		part, text = cut(text, separator)
		parts = append(parts, part)
	}
	return parts
}

func join(parts []string, separator string) string {
	text := ""
	for at, part := range parts {
		if at > 0 {
			text += separator
		}
		text += part
	}
	return text
}

// last returns where a character stands last, -1 for nowhere.
func last(text string, character byte) int {
	at := len(text) - 1
	for at >= 0 && text[at] != character {
		at--
	}
	return at
}

func decimal(number int) string {
	if number < 10 {
		return string(rune('0' + number))
	}
	return decimal(number/10) + decimal(number%10)
}
