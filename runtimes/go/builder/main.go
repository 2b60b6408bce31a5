// Builder makes the program of an algorithm: the author's package, the runner, and a main of four
// lines between them.
//
//	go run . APP ENTRYPOINT OUTPUT
//
// OUTPUT gets `algorithm`. What the compiler says goes to standard error, with the author's paths.
package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

func main() {
	if len(os.Args) != 4 {
		fail("usage: builder APP ENTRYPOINT OUTPUT")
	}
	app, entrypoint, output := os.Args[1], os.Args[2], os.Args[3]
	file, _, _ := strings.Cut(entrypoint, ":")
	folder := filepath.Join(app, filepath.Dir(file))
	if _, err := os.Stat(filepath.Join(app, file)); err != nil {
		fail(file + " is not there")
	}
	module := moduleOf(app)
	found := exported(folder)
	if !found["Apply"] && !found["ApplyBatch"] {
		fail(file + " has no function Apply")
	}
	work, err := os.MkdirTemp("", "algo-build-")
	check(err)
	defer os.RemoveAll(work)
	check(write(work, app, module, filepath.ToSlash(filepath.Dir(file)), found))
	program, err := filepath.Abs(filepath.Join(output, "algorithm"))
	check(err)
	command := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w -X algo.dev/runner.Module="+module, "-o", program, ".")
	command.Dir = work
	command.Env = append(os.Environ(), "GOWORK="+filepath.Join(work, "go.work"), "CGO_ENABLED=0", "GOFLAGS=-mod=readonly")
	said, err := command.CombinedOutput()
	for _, line := range strings.Split(strings.TrimSpace(string(said)), "\n") {
		if line != "" && !strings.HasPrefix(line, "#") {
			fmt.Fprintln(os.Stderr, relative(line, work, app))
		}
	}
	if err != nil {
		os.RemoveAll(work)
		os.Exit(1)
	}
}

// write makes a module beside the author's and the runner's, which a workspace joins: each keeps
// the versions and sums of its own go.mod and go.sum.
func write(work, app, module, folder string, found map[string]bool) error {
	_, here, _, _ := runtime.Caller(0)
	runner := filepath.Join(filepath.Dir(filepath.Dir(here)), "runner")
	path := module
	if folder != "." {
		path += "/" + folder
	}
	var given []string
	for _, name := range []string{"Apply", "ApplyBatch", "Load"} {
		if found[name] {
			given = append(given, name+": author."+name)
		}
	}
	files := map[string]string{
		"go.mod":  "module algo.dev/program\n\ngo 1.23\n",
		"go.work": fmt.Sprintf("go 1.23\n\nuse (\n\t.\n\t%s\n\t%s\n)\n", runner, app),
		"main.go": fmt.Sprintf("package main\n\nimport (\n\t\"algo.dev/runner\"\n\n\tauthor %q\n)\n\nfunc main() { runner.Serve(runner.Program{%s}) }\n",
			path, strings.Join(given, ", ")),
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(work, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// moduleOf returns the path of the author's module.
func moduleOf(app string) string {
	text, err := os.ReadFile(filepath.Join(app, "go.mod"))
	if err != nil {
		fail("there is no go.mod: go mod init example.com/name")
	}
	for _, line := range strings.Split(string(text), "\n") {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "module "); ok {
			return strings.Trim(strings.TrimSpace(path), `"`)
		}
	}
	fail("go.mod names no module")
	return ""
}

// exported returns the functions of a package; what cannot be parsed is left to the compiler.
func exported(folder string) map[string]bool {
	found := map[string]bool{}
	paths, err := filepath.Glob(filepath.Join(folder, "*.go"))
	check(err)
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

// relative names the author's files as he does.
func relative(line, work, app string) string {
	if from, err := filepath.Rel(work, app); err == nil {
		line = strings.ReplaceAll(line, from+"/", "")
	}
	return strings.ReplaceAll(line, app+"/", "")
}

func check(err error) {
	if err != nil {
		fail(err.Error())
	}
}

func fail(message string) {
	fmt.Fprintln(os.Stderr, message)
	os.Exit(1)
}
