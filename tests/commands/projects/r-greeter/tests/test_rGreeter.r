stopifnot(identical(algorithm("Ada", load()), list(greeting = "Hello Ada", known = TRUE)))
