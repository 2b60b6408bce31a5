package main

// The modules of go.mod: pinned by the sums of go.sum, kept as files of a module proxy.

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// module is what `go mod download -json` says of one.
type module struct {
	Path, Version, GoMod, Zip, Sum, GoModSum, Error string
}

type pin struct {
	Name    string   `json:"name"`
	Version string   `json:"version"`
	Hashes  []string `json:"hashes"`
}

// resolve brings go.sum in the current folder up to date with go.mod, and writes pins.json.
//
// Which modules there are is what go.mod says: `go get` and `go mod tidy` read the sources, and
// write it.
func resolve() error {
	found, err := download()
	if err != nil {
		return err
	}
	pins := []pin{}
	for _, one := range found {
		sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(one.Sum, "h1:"))
		if err != nil {
			return fmt.Errorf("the sum of %s cannot be read: %w", one.Path, err)
		}
		pins = append(pins, pin{one.Path, one.Version, []string{"sha256:" + hex.EncodeToString(sum)}})
	}
	text, err := json.MarshalIndent(pins, "", " ")
	if err != nil {
		return err
	}
	if err := add(found); err != nil {
		return err
	}
	return os.WriteFile("pins.json", append(text, '\n'), 0o666)
}

// add writes the sums of modules to go.sum, which `go mod download` compares and does not write.
func add(found []module) error {
	text, err := os.ReadFile("go.sum")
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	lines := strings.FieldsFunc(string(text), func(one rune) bool { return one == '\n' })
	for _, one := range found {
		lines = append(lines, one.Path+" "+one.Version+" "+one.Sum, one.Path+" "+one.Version+"/go.mod "+one.GoModSum)
	}
	if len(lines) == 0 {
		return nil // as Go has it
	}
	slices.Sort(lines)
	whole := strings.Join(append(slices.Compact(lines), ""), "\n")
	return os.WriteFile("go.sum", []byte(whole), 0o666)
}

// install puts the modules of go.mod in the current folder, which go.sum vouches for, into
// `packages`, laid out as a module proxy has them.
func install(packages string) error {
	found, err := download()
	if err != nil {
		return err
	}
	root := filepath.Join(os.Getenv("GOMODCACHE"), "cache", "download")
	for _, one := range found {
		for _, file := range []string{one.GoMod, one.Zip} {
			below, err := filepath.Rel(root, file)
			if err != nil {
				return err
			}
			content, err := os.ReadFile(file)
			if err == nil {
				err = write(filepath.Join(packages, below), content)
			}
			if err != nil {
				return err
			}
		}
		info, err := json.Marshal(map[string]string{"Version": one.Version}) // and no address
		if err != nil {
			return err
		}
		below, err := filepath.Rel(root, strings.TrimSuffix(one.Zip, ".zip")+".info")
		if err == nil {
			err = write(filepath.Join(packages, below), info)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func write(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o666)
}

// download fetches the modules of go.mod in the current folder, and what their go.mod files need.
func download() ([]module, error) {
	fetch := exec.Command("go", "mod", "download", "-json")
	var said bytes.Buffer
	fetch.Stderr = &said
	output, err := fetch.Output()
	found := []module{}
	for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
		var one module
		if wrong := decoder.Decode(&one); errors.Is(wrong, io.EOF) {
			break
		} else if wrong != nil {
			return nil, wrong
		}
		if one.Error != "" {
			return nil, fmt.Errorf("%s %s: %s", one.Path, one.Version, one.Error)
		}
		found = append(found, one)
	}
	if text := strings.TrimSpace(said.String()); err != nil {
		return nil, fmt.Errorf("%s", text)
	}
	return found, nil
}
