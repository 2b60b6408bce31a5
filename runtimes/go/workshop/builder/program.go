package main

// The program between the author's package and the runner.

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/version"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const oldest = "1.23" // what the runner needs

const mainText = `package main

import (
	"algo.dev/runner"

	author %q
)

func main() { runner.Serve(runner.Program{%s}) }
`

// generate makes a module beside the author's and the runner's, which a workspace joins: each keeps
// the versions and sums of its own go.mod and go.sum.
func generate(work, runtime, app, module, needs, folder string, given []string) error {
	path := module
	if folder != "." {
		path += "/" + folder
	}
	if version.Compare("go"+needs, "go"+oldest) < 0 {
		needs = oldest
	}
	slices.Sort(given)
	files := map[string]string{
		"go.mod":  "module algo.dev/program\n\ngo " + oldest + "\n",
		"go.work": fmt.Sprintf("go %s\n\nuse (\n\t.\n\t%q\n\t%q\n)\n", needs, filepath.Join(runtime, "workshop", "runner"), app),
		"main.go": fmt.Sprintf(mainText, path, strings.Join(given, ", ")),
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(work, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// moduleOf returns the path of the author's module, and the version of Go that it asks for.
func moduleOf(app string) (path, needs string, err error) {
	text, err := os.ReadFile(filepath.Join(app, "go.mod"))
	if err != nil {
		return "", "", fmt.Errorf("there is no go.mod: write \"module example.com/name\" into it (go mod init example.com/name)")
	}
	needs = oldest
	for _, line := range strings.Split(string(text), "\n") {
		switch words := strings.Fields(line); {
		case len(words) >= 2 && words[0] == "module":
			path = strings.Trim(words[1], `"`)
		case len(words) >= 2 && words[0] == "go":
			needs = words[1]
		}
	}
	if path == "" {
		return "", "", fmt.Errorf("go.mod:1: it names no module")
	}
	return path, needs, nil
}

// imported refuses a file whose package no other can import.
func imported(app, file string) error {
	set := token.NewFileSet()
	found, err := parser.ParseFile(set, filepath.Join(app, file), nil, parser.PackageClauseOnly)
	if err != nil || found.Name.Name != "main" {
		return nil // the compiler says what is wrong
	}
	line := set.Position(found.Name.Pos()).Line
	name := strings.TrimSuffix(filepath.Base(file), ".go")
	return fmt.Errorf("%s:%d: package main is that of a program, and the runner has one\nhint: write package %s, without func main",
		file, line, name)
}

// exported returns the functions of a package; what cannot be parsed is left to the compiler.
func exported(folder string) map[string]bool {
	found := map[string]bool{}
	paths, _ := filepath.Glob(filepath.Join(folder, "*.go"))
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, _ := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if file == nil {
			continue
		}
		for _, one := range file.Decls {
			if function, ok := one.(*ast.FuncDecl); ok && function.Recv == nil {
				found[function.Name.Name] = true
			}
		}
	}
	return found
}
