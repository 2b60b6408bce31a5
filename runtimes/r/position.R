# Where a text stops to be JSON (RFC 8259): what jsonlite tells is a byte near it, or nothing.

HELD <- r"((?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})))"
NUMBER <- "-?(?:0|[1-9][0-9]*)(?:[.][0-9]+)?(?:[eE][+-]?[0-9]+)?"
# White space, and the token behind it: of a string also whether it is closed, as far as it can
# stand. The last one is a byte that begins none.
TOKEN <- sprintf("(?s)[ \\t\\r\\n]*+(\"%s*+(\"?)|%s|true|false|null|[][{}:,]|.|$)", HELD, NUMBER)
QUOTE <- utf8ToInt("\"")
BLANKS <- utf8ToInt("\v\f") # which jsonlite takes for white space

# Return how many characters of a text are the beginning of JSON. A loop over the tokens takes R
# seconds for a text of some hundred kilobytes, so the parser is asked how many of them it takes.
wrong <- function(source) {
  bytes <- charToRaw(source)
  found <- suppressWarnings(gregexpr(TOKEN, source, perl = TRUE, useBytes = TRUE)[[1]])
  # PCRE gives up on a string with millions of escapes.
  if (found[1] < 0) return(characters(bytes, attr(validate(source), "offset") - 1))
  begins <- c(attr(found, "capture.start")[, 1], length(bytes) + 1)
  sizes <- attr(found, "capture.length")
  first <- as.integer(bytes[begins])
  unclosed <- first == QUOTE & c(sizes[, 2], 0) <= 0
  low <- 0
  high <- match(TRUE, unclosed | first %in% BLANKS, nomatch = length(begins)) - 1
  while (low < high) {
    middle <- (low + high + 1) %/% 2
    if (goes_on(bytes, begins[middle] + sizes[middle, 1] - 1, " ")) low <- middle else high <- middle - 1
  }
  good <- begins[low + 1] - 1
  if (unclosed[low + 1] && goes_on(bytes, good, "\"\"")) {
    held <- good + sizes[low + 1, 1]
    if (held < length(bytes)) good <- held # one that does not end is wrong where it begins
  }
  characters(bytes, good)
}

# Tell whether the first `count` bytes and `more` are the beginning of JSON.
goes_on <- function(bytes, count, more) {
  said <- validate(utf8(c(bytes[seq_len(count)], charToRaw(more))))
  said || grepl("premature EOF", attr(said, "err"), fixed = TRUE)
}

characters <- function(bytes, count) sum(bitwAnd(as.integer(bytes[seq_len(count)]), 192L) != 128L)
