// Package typed has an input of many types, whose wrong places a caller is told.
package typed

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"
)

// Named is embedded: its fields are those of the order.
type Named struct {
	Name string `json:"name"`
}

// Level reads itself.
type Level int

// UnmarshalJSON takes a word.
func (l *Level) UnmarshalJSON(text []byte) error {
	if string(text) != `"low"` {
		return fmt.Errorf("there is no level %s", text)
	}
	*l = 1
	return nil
}

// Point lies in a picture.
type Point struct {
	X uint8    `json:"x"`
	Y *float64 `json:"y"`
}

// Order is the input.
type Order struct {
	Named
	Count  int              `json:"count"`
	Image  [][]float32      `json:"image"`
	Size   [2]int           `json:"size"`
	Points []Point          `json:"points"`
	Tags   map[string]int64 `json:"tags"`
	At     time.Time        `json:"at"`
	Level  Level            `json:"level"`
	Data   []byte           `json:"data"`
	Any    any              `json:"any"`
	Note   string           `json:"note,omitempty"`
	More   *Order           `json:"more"`
	Raw    json.RawMessage  `json:"raw,omitempty"`
	hidden string
}

// Apply fails as the input's name says, or answers the input.
func Apply(input Order) (Order, error) {
	switch input.Name {
	case "returned":
		return input, errors.New("it was returned")
	case "wrapped":
		_, err := os.Open(input.Note)
		return input, err
	case "panicked":
		return input, fmt.Errorf("%v", input.Points[7])
	}
	return input, nil
}
