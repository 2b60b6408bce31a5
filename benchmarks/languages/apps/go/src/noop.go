// Package noop is the algorithm that costs nothing.
package noop

// Input is what callers send.
type Input struct {
	X int64 `json:"x"`
}

// Apply returns x + 1.
func Apply(input Input) int64 { return input.X + 1 }
