// Builder takes the steps of a Go algorithm (../../../README.md): its modules, and the program that
// it becomes.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

const usage = `usage: builder RUNTIME resolve
       builder RUNTIME install PACKAGES
       builder RUNTIME build APP ENTRYPOINT PACKAGES PROGRAM
       builder RUNTIME test APP PACKAGES REPORT`

func main() {
	err := errors.New(usage)
	switch words := os.Args[1:]; {
	case len(words) == 2 && words[1] == "resolve":
		err = resolve()
	case len(words) == 3 && words[1] == "install":
		err = install(words[2])
	case len(words) == 6 && words[1] == "build":
		err = build(words[0], words[2], words[3], words[4], words[5])
	case len(words) == 5 && words[1] == "test":
		err = test(words[2], words[3], words[4])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// command is a step of Go that takes modules from `packages` alone, which holds them as a proxy does.
func command(folder, packages string, words ...string) *exec.Cmd {
	found := exec.Command("go", words...)
	found.Dir = folder
	proxy := "off"
	if entries, err := os.ReadDir(packages); err == nil && len(entries) > 0 {
		proxy = "file://" + packages
	}
	found.Env = append(os.Environ(), "GOPROXY="+proxy, "GOSUMDB=off",
		"GOFLAGS=-mod=readonly -modcacherw")
	return found
}

// unprovided is how Go names a package that no module of go.mod has.
var unprovided = regexp.MustCompile(`(?:cannot find module providing|no required module provides) package ([^\s:;]+)`)

// build compiles the author's package, the runner, and a main of four lines between them.
func build(runtime, app, entrypoint, packages, program string) error {
	file, name, _ := strings.Cut(entrypoint, ":")
	if _, err := os.Stat(filepath.Join(app, file)); err != nil {
		return fmt.Errorf("%s is not there", file)
	}
	module, version, err := moduleOf(app)
	if err != nil {
		return err
	}
	if err := imported(app, file); err != nil {
		return err
	}
	found := exported(filepath.Join(app, filepath.Dir(file)))
	entry, batch := exportedName(name), "ApplyBatch"
	if entry == batch || !found[entry] {
		entry = ""
	}
	if !found[batch] {
		batch = ""
	}
	if entry == "" && batch == "" {
		return fmt.Errorf("%s:1: there is no function %s\nhint: write it, or correct entrypoint in algo.toml", file, exportedName(name))
	}
	given := []string{}
	for field, function := range map[string]string{"Apply": entry, "ApplyBatch": batch, "Load": "Load"} {
		if function != "" && found[function] {
			given = append(given, field+": author."+function)
		}
	}
	work, err := os.MkdirTemp("", "algo-build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := generate(work, runtime, app, module, version, filepath.ToSlash(filepath.Dir(file)), given); err != nil {
		return err
	}
	compiler := command(work, packages, "build", "-trimpath", "-buildvcs=false",
		"-ldflags", "-s -w -X algo.dev/runner/trace.Module="+module, "-o", filepath.Join(program, "algorithm"), ".")
	compiler.Env = append(compiler.Env, "GOWORK="+filepath.Join(work, "go.work"))
	said, err := compiler.CombinedOutput()
	told := []string{}
	for _, line := range strings.Split(strings.TrimSpace(string(said)), "\n") {
		if line != "" && !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "go: downloading ") {
			told = append(told, relative(line, work, app))
		}
	}
	text := strings.Join(told, "\n")
	if lacking := unprovided.FindStringSubmatch(text); lacking != nil {
		text += fmt.Sprintf("\nhint: add %s to go.mod (go get %[1]s), then: algo lock", lacking[1])
	}
	if err != nil {
		return fmt.Errorf("%s", text)
	}
	if text != "" {
		fmt.Fprintln(os.Stderr, text)
	}
	return nil
}

// exportedName is the function that an entrypoint names: other packages see it by a capital.
func exportedName(name string) string {
	words := strings.Split(name, "_")
	for at, word := range words {
		if word != "" {
			words[at] = strings.ToUpper(word[:1]) + word[1:]
		}
	}
	if found := strings.Join(words, ""); found != "" {
		return found
	}
	return "Apply"
}

// relative names the author's files as he does.
func relative(line, work, app string) string {
	if from, err := filepath.Rel(work, app); err == nil {
		line = strings.ReplaceAll(line, from+"/", "")
	}
	return strings.ReplaceAll(line, app+"/", "")
}
