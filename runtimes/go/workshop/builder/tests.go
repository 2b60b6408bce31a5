package main

// The author's tests, told as JUnit XML.

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"
	"strings"
)

type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
}

type suite struct {
	XMLName xml.Name `xml:"testsuite"`
	Name    string   `xml:"name,attr"`
	Cases   []*result
}

type result struct {
	XMLName xml.Name  `xml:"testcase"`
	Class   string    `xml:"classname,attr"`
	Name    string    `xml:"name,attr"`
	Time    string    `xml:"time,attr"`
	Failure *failure  `xml:"failure"`
	Skipped *struct{} `xml:"skipped"`
}

type failure struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// test runs the tests of the author's module.
func test(app, packages, report string) error {
	tests := command(app, packages, "test", "-json", "./...")
	var wrong bytes.Buffer
	tests.Stderr = &wrong
	output, err := tests.Output()
	whole := suite{Name: "go test"}
	printed, other := map[string]string{}, ""
	for _, line := range strings.Split(string(output), "\n") {
		var one event
		if json.Unmarshal([]byte(line), &one) != nil {
			other += line + "\n"
			continue
		}
		key := one.Package + " " + one.Test
		switch one.Action {
		case "output", "build-output":
			printed[key] += one.Output
			if one.Test == "" {
				other += one.Output
			}
		case "pass", "fail", "skip":
			if one.Test != "" {
				whole.Cases = append(whole.Cases, ended(one, printed[key]))
			}
		}
	}
	if len(whole.Cases) > 0 {
		text, wrong := xml.Marshal(whole)
		if wrong == nil {
			wrong = os.WriteFile(report, text, 0o666)
		}
		if wrong != nil {
			return wrong
		}
	}
	if err != nil {
		return fmt.Errorf("%s", strings.ReplaceAll(strings.TrimSpace(other+wrong.String()), app+"/", ""))
	}
	return nil
}

func ended(one event, printed string) *result {
	found := &result{Class: one.Package, Name: one.Test, Time: fmt.Sprintf("%.3f", one.Elapsed)}
	switch one.Action {
	case "fail":
		lines := []string{}
		for _, line := range strings.Split(printed, "\n") {
			if text := strings.TrimSpace(line); text != "" && !strings.HasPrefix(text, "=== ") && !strings.HasPrefix(text, "--- ") {
				lines = append(lines, text)
			}
		}
		message := one.Test + " failed"
		if len(lines) > 0 {
			message = lines[0]
		}
		found.Failure = &failure{message, strings.Join(lines, "\n")}
	case "skip":
		found.Skipped = &struct{}{}
	}
	return found
}
