# Errors of user code as the protocol reports them.

LONGEST_MESSAGE <- 10000
LONGEST_TRACE <- 100000

# Return type, message, file, line and stack trace, trimmed to the author's frames.
#
# `calls` are the calls that were open when it was raised (sys.calls), with their places in the
# sources where R kept them.
report <- function(error, calls, root) {
  below <- paste0(root, "/")
  places <- Filter(Negate(is.null), lapply(calls, function(call) place_of(call, below)))
  last <- if (length(places)) places[[length(places)]] else parse_place(conditionMessage(error), below)
  message <- gsub(below, "", conditionMessage(error), fixed = TRUE)
  kind <- class(error)[1]
  told <- vapply(places, function(one) sprintf("  %s at %s:%d", one$what, one$file, one$line), "")
  list(
    error = if (kind == "simpleError") "error" else kind,
    message = substr(message, 1, LONGEST_MESSAGE),
    file = last$file, line = last$line,
    stacktrace = substr(paste(c(paste0(kind, ": ", message), rev(told)), collapse = "\n"), 1, LONGEST_TRACE)
  )
}

place_of <- function(call, below) {
  source <- attr(call, "srcref")
  if (is.null(source)) return(NULL)
  file <- attr(source, "srcfile")$filename
  if (is.null(file) || !startsWith(file, below)) return(NULL)
  what <- paste(deparse(call[[1]])[1], collapse = "")
  list(file = substring(file, nchar(below) + 1), line = as.integer(source)[1], what = what)
}

# A syntax error has its place in its text: `src/it.R:3:5: unexpected symbol`.
parse_place <- function(message, below) {
  found <- regmatches(message, regexec("(/[^\n:]+):([0-9]+):[0-9]+:", message))[[1]]
  if (length(found) == 0 || !startsWith(found[2], below)) return(list(file = "", line = 0L))
  list(file = substring(found[2], nchar(below) + 1), line = as.integer(found[3]))
}

# Return the code of an AlgorithmError (a condition of that class), NULL for every other error.
callers_fault <- function(error) {
  if (!inherits(error, "AlgorithmError")) return(NULL)
  code <- if (is.null(error$code)) "bad_input" else as.character(error$code)[1]
  substr(code, 1, 200)
}
