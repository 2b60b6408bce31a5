# What the conformance suite calls; every language has the same (tests/languages/README.md).

algorithm_error <- function(message, code) {
  structure(class = c("AlgorithmError", "error", "condition"), list(message = message, call = NULL, code = code))
}

load <- function(models) {
  list(loads = 1, models = lapply(models, function(path) paste0(readLines(path), "\n")))
}

apply <- function(value, state) {
  if (is.raw(value)) return(rev(value))
  if (is.character(value)) return(paste0("text: ", value))
  if (!is.list(value) || is.null(value$do)) return(list(got = value))
  switch(value$do,
    echo = value$value,
    state = state,
    bytes = rep(as.raw(0:255), value$times),
    raise = stop(value$message),
    refuse = stop(algorithm_error(value$message, value$code)),
    nan = list(value = NaN),
    print = if (value$to == "stderr") message(value$text) else cat(value$text, "\n", sep = ""),
    sleep = {
      Sys.sleep(value$seconds)
      value$seconds
    },
    exit = {
      cat("last words", value$code, "\n")
      quit(save = "no", status = value$code)
    },
    stream = function(emit) {
      for (number in seq_len(value$count) - 1) emit(list(number = number))
      if (isTRUE(value$fails)) stop("after the last piece")
    }
  )
}
