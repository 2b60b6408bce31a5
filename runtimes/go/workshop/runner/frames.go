package runner

// Frames on two pipes: two lengths, a JSON header, a body of bytes (../../README.md).

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
)

const (
	lengths   = 12
	maxHeader = 1 << 20
	maxBody   = 1 << 34
)

// protocolError says that something came that is no frame, or not its turn.
type protocolError struct{ message string }

func (e protocolError) Error() string { return e.message }

// header is what the gateway says of a frame; fields of other types are empty.
type header struct {
	Type        string            `json:"type"`
	ID          int64             `json:"id"`
	IDs         []int64           `json:"ids"`
	Protocol    int               `json:"protocol"`
	App         string            `json:"app"`
	Entrypoint  string            `json:"entrypoint"`
	Models      map[string]string `json:"models"`
	Concurrency int               `json:"concurrency"`
	ContentType string            `json:"content_type"`
	Length      int64             `json:"length"`
	Calls       []header          `json:"calls"`
}

type frame struct {
	header header
	body   []byte
}

// frames reads frames one after the other and writes whole ones; many may write at the same time.
type frames struct {
	source *bufio.Reader
	sink   io.Writer
	lock   sync.Mutex
}

func newFrames(source io.Reader, sink io.Writer) *frames {
	return &frames{source: bufio.NewReaderSize(source, 1<<16), sink: sink}
}

// read returns the next frame; io.EOF when the pipe was closed.
func (f *frames) read() (frame, error) {
	var said [lengths]byte
	if _, err := io.ReadFull(f.source, said[:]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = io.EOF
		}
		return frame{}, err
	}
	head, size := binary.LittleEndian.Uint32(said[:]), binary.LittleEndian.Uint64(said[4:])
	if head > maxHeader || size > maxBody {
		return frame{}, protocolError{fmt.Sprintf("a frame of %d and %d bytes is too large", head, size)}
	}
	text, body := make([]byte, head), make([]byte, size)
	if _, err := io.ReadFull(f.source, text); err != nil {
		return frame{}, io.EOF
	}
	if _, err := io.ReadFull(f.source, body); err != nil {
		return frame{}, io.EOF
	}
	if id, ok := plainCall(text); ok {
		return frame{header{Type: "call", ID: id, ContentType: jsonType}, body}, nil
	}
	var found header
	if err := json.Unmarshal(text, &found); err != nil {
		return frame{}, protocolError{"a header is no JSON object: " + err.Error()}
	}
	if found.Type == "" {
		return frame{}, protocolError{"a header has no type"}
	}
	return frame{found, body}, nil
}

// plainCall returns the id of a call with JSON and nothing else, as nearly all are; to parse its
// header would take longer than to read its body.
func plainCall(text []byte) (int64, bool) {
	rest, begins := bytes.CutPrefix(text, []byte(`{"type":"call","id":`))
	digits, ends := bytes.CutSuffix(rest, []byte(`,"content_type":"application/json"}`))
	if !begins || !ends {
		return 0, false
	}
	id, err := strconv.ParseInt(string(digits), 10, 64)
	return id, err == nil
}

// answer writes a result, or a piece of one; kind is a content type of ours, which needs no escapes.
func (f *frames) answer(what string, id int64, kind string, body []byte) error {
	text := append(make([]byte, 0, 128), `{"type":"`...)
	text = append(append(text, what...), `","id":`...)
	text = append(strconv.AppendInt(text, id, 10), `,"content_type":"`...)
	return f.send(append(append(text, kind...), `"}`...), body)
}

// write writes a frame; it waits while the pipe is full.
func (f *frames) write(said any, body []byte) error {
	text, err := json.Marshal(said)
	if err != nil {
		return err
	}
	return f.send(text, body)
}

func (f *frames) send(text, body []byte) error {
	whole := make([]byte, lengths, lengths+len(text)+len(body))
	binary.LittleEndian.PutUint32(whole, uint32(len(text)))
	binary.LittleEndian.PutUint64(whole[4:], uint64(len(body)))
	whole = append(append(whole, text...), body...)
	f.lock.Lock()
	defer f.lock.Unlock()
	_, err := f.sink.Write(whole)
	return err
}
