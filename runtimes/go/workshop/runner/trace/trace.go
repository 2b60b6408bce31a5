// Package trace tells what Go itself prints as it ends a process: the stacks of all goroutines, of
// which an author wants his own frames.
//
// For that the gateway starts the program with `--trace` and gives it the text. Of the packages whose
// imports have begun the one with the first path begins next. So this one imports os and what that
// needs, no more: it ends the process before the author's packages do anything.
package trace

import (
	"io"
	"os"
)

// Module is the author's module, set when the program is linked.
var Module = ""

const word = "--trace"

func init() {
	if len(os.Args) != 2 || os.Args[1] != word {
		return
	}
	text, err := io.ReadAll(os.Stdin)
	if err == nil {
		_, err = io.WriteString(os.Stdout, told(string(text), Module))
	}
	if err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

// Why a process ends stands first, in one of these words.
var reasons = []string{
	"fatal error: ", "panic: ", "runtime: goroutine stack exceeds ", "unexpected fault address ",
	"SIGABRT: ", "SIGBUS: ", "SIGFPE: ", "SIGILL: ", "SIGQUIT: ", "SIGSEGV: ", "SIGTRAP: ",
}

// goroutines are those that stand at the same place.
type goroutines struct {
	name, state, frames string
	others              int
}

// told returns a text with the author's frames of the trace that ends it; without any it is as it was.
func told(text, module string) string {
	before, trace := parted(text)
	blocks := split(trace, "\n\n")
	var found []*goroutines
	known := map[string]*goroutines{}
	for _, block := range blocks {
		title, stack := cut(block, "\n")
		one := titled(title)
		if one == nil {
			continue // the reason, the runtime's own stack, or what the processor held
		}
		if one.frames = own(stack, module); one.frames == "" {
			continue
		}
		if same := known[one.state+one.frames]; same != nil {
			same.others++
			continue
		}
		known[one.state+one.frames] = one
		found = append(found, one)
	}
	if len(found) == 0 {
		return text
	}
	kept := []string{reason(blocks[0])}
	for _, one := range found {
		title := one.name + " " + one.state
		if one.others > 0 {
			title += " and " + decimal(one.others) + " more"
		}
		kept = append(kept, title+":\n"+one.frames)
	}
	return before + join(kept, "\n\n")
}

// parted returns what was printed before a trace, and the trace.
func parted(text string) (before, trace string) {
	at := 0
	for at < len(text) {
		for _, one := range reasons {
			if starts(text[at:], one) {
				return text[:at], text[at:]
			}
		}
		line, _ := cut(text[at:], "\n")
		at += len(line) + 1
	}
	return text, ""
}

// reason returns why the process ends without the addresses of the stack.
func reason(block string) string {
	var kept []string
	for _, line := range split(block, "\n") {
		if !starts(line, "runtime: sp=") {
			kept = append(kept, line)
		}
	}
	return join(kept, "\n")
}

// titled reads `goroutine 5 gp=0x1 m=2 mp=0x2 [running]:`, nil for another line.
func titled(title string) *goroutines {
	number, ok := after(title, "goroutine ")
	_, state := cut(title, " [")
	if !ok || !ends(state, "]:") {
		return nil
	}
	number, _ = cut(number, " ")
	return &goroutines{name: "goroutine " + number, state: "[" + state[:len(state)-1]}
}

// own returns the frames in files of the author's module; of those between both ends of a deep stack
// Go tells their number alone.
func own(stack, module string) string {
	var kept []string
	lines := split(stack, "\n")
	for at, line := range lines {
		if left := Elided(line); left != "" {
			kept = append(kept, left)
			continue
		}
		if at+1 == len(lines) {
			break
		}
		if place, ok := after(lines[at+1], "\t"+module+"/"); ok {
			place, _ = cut(place, " ")
			kept = append(kept, "  "+Function(line)+"\n    "+place)
		}
	}
	return join(Folded(kept), "\n")
}

// Elided returns how many frames Go has left out in a line, empty for any other line.
func Elided(line string) string {
	left, ok := after(line, "...")
	if !ok || !ends(line, " frames elided...") {
		return ""
	}
	number, _ := cut(left, " ")
	return "  ... " + number + " more"
}

// Folded returns frames with those that follow their like, as in a recursion, counted.
func Folded(frames []string) []string {
	var kept []string
	for from, to := 0, 0; from < len(frames); from = to {
		for to = from; to < len(frames) && frames[to] == frames[from]; to++ {
		}
		kept = append(kept, frames[from])
		switch times := to - from; {
		case times == 2:
			kept = append(kept, frames[from])
		case times > 2:
			kept = append(kept, "  ... "+decimal(times-1)+" more like it")
		}
	}
	return kept
}

// Function returns the name in a line of a stack without the path of its package, and the values.
func Function(line string) string {
	name, made := after(line, "created by ")
	if made {
		name, _ = cut(name, " in goroutine ")
	} else if open := last(name, '('); open > 0 {
		name = name[:open]
	}
	name = name[last(name, '/')+1:]
	if made {
		return "created by " + name
	}
	return name
}
