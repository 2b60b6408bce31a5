module algo.dev/builder

go 1.23
