module algo.dev/runner

go 1.23
