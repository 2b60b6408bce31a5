# Errors of user code as the protocol reports them.

LONGEST_MESSAGE <- 10000
LONGEST_TRACE <- 100000
# Frames told of each end of a stack: recursion without an end has thousands.
TOLD <- 50

# Return type, message, file, line and stack trace, trimmed to the author's frames.
#
# `calls` are the calls that were open when it was raised (sys.calls), with their places in the
# sources where R kept them.
report <- function(error, calls, root) {
  below <- paste0(root, "/")
  # An author's method may fail, too.
  said <- tryCatch(as.character(conditionMessage(error))[1], error = function(broken) NA)
  if (is.na(said)) said <- "the error cannot tell what it is"
  said <- iconv(enc2utf8(said), "UTF-8", "UTF-8", sub = "byte") # bytes that are no text would end us
  places <- Filter(Negate(is.null), lapply(calls, function(call) place_of(call, below, error)))
  last <- if (length(places)) places[[length(places)]] else parse_place(said, below)
  message <- gsub(below, "", said, fixed = TRUE)
  kind <- class(error)[1]
  told <- shortened(vapply(rev(places), function(one) sprintf("  %s at %s:%d", one$what, one$file, one$line), ""))
  list(
    error = if (kind == "simpleError") "error" else kind,
    message = substr(message, 1, LONGEST_MESSAGE),
    file = last$file, line = last$line,
    stacktrace = substr(paste(c(paste0(kind, ": ", message), told), collapse = "\n"), 1, LONGEST_TRACE)
  )
}

# Return the lines of both ends, and between them how many were left out. Those of a recursion stand once.
shortened <- function(lines) {
  runs <- rle(lines)
  left <- length(runs$lengths) - 2 * TOLD
  if (left <= 0) return(folded(runs$values, runs$lengths))
  first <- seq_len(TOLD)
  last <- seq(TOLD + left + 1, length(runs$lengths))
  middle <- sprintf("  ... %d more", sum(runs$lengths[-c(first, last)]))
  c(folded(runs$values[first], runs$lengths[first]), middle, folded(runs$values[last], runs$lengths[last]))
}

folded <- function(lines, times) {
  unlist(Map(function(line, n) if (n > 2) c(line, sprintf("  ... %d more like it", n - 1)) else rep(line, n), lines, times), use.names = FALSE)
}

place_of <- function(call, below, error) {
  source <- attr(call, "srcref")
  if (is.null(source)) return(NULL)
  file <- attr(source, "srcfile")$filename
  if (is.null(file) || !startsWith(file, below)) return(NULL)
  # Where a primitive fails R calls a handler there, by no name or its own; the condition knows what failed.
  handler <- is.function(call[[1]]) || identical(call[[1]], quote(.handleSimpleError))
  what <- deparse(if (handler) conditionCall(error) else call[[1]])[1]
  list(file = substring(file, nchar(below) + 1), line = as.integer(source)[1], what = what)
}

# A syntax error has its place in its text: `src/it.R:3:5: unexpected symbol`.
parse_place <- function(message, below) {
  found <- regmatches(message, regexec("(/[^\n:]+):([0-9]+):[0-9]+:", message))[[1]]
  if (length(found) == 0 || !startsWith(found[2], below)) return(list(file = "", line = 0L))
  list(file = substring(found[2], nchar(below) + 1), line = as.integer(found[3]))
}

# Return what to do about a package that is not there, empty when that is not the fault. The current folder is the
# project's.
hint <- function(error) {
  if (!inherits(error, "packageNotFoundError")) return("")
  file <- if (file.exists("packages.txt") && !file.exists("DESCRIPTION")) "packages.txt" else "Imports in DESCRIPTION"
  sprintf("add %s to %s, then: algo lock", error$package, file)
}

# Return the code of an AlgorithmError (a condition of that class), NULL for every other error.
callers_fault <- function(error) {
  if (!inherits(error, "AlgorithmError")) return(NULL)
  if (is.null(error$code)) return("bad_input")
  # What is no text and no number is the author's fault.
  tryCatch(substr(as.character(error$code)[1], 1, 200), error = function(broken) NULL)
}
