# Where a text stops to be JSON (RFC 8259): what jsonlite tells is a byte near it, or nothing.

HELD <- r"((?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})))"
UNCLOSED <- sprintf("\"%s*+", HELD)
NUMBER <- "-?(?:0|[1-9][0-9]*)(?:[.][0-9]+)?(?:[eE][+-]?[0-9]+)?"
# White space, and the token behind it; the last one is a character that begins none.
TOKEN <- sprintf("(?s)[ \\t\\r\\n]*+(%s\"|%s|true|false|null|[][{}:,]|.|$)", UNCLOSED, NUMBER)
CLOSING <- c("{" = "}", "[" = "]")

# Return how many characters of a text are the beginning of JSON.
wrong <- function(source) {
  found <- gregexpr(TOKEN, source, perl = TRUE)[[1]]
  begins <- as.vector(attr(found, "capture.start")) - 1
  tokens <- substring(source, begins + 1, begins + as.vector(attr(found, "capture.length")))
  open <- character()
  wanted <- "value"
  inside <- function() if (length(open)) "separator" else "end"
  for (at in seq_along(tokens)) {
    token <- tokens[at]
    first <- substr(token, 1, 1)
    string <- first == "\"" && token != "\""
    scalar <- string || grepl("^(-?[0-9]|true$|false$|null$)", token, perl = TRUE)
    closes <- length(open) > 0 && token == CLOSING[[open[length(open)]]]
    if (closes && wanted %in% c("first", "name", "separator")) {
      open <- open[-length(open)]
      wanted <- inside()
    } else if (wanted %in% c("value", "first") && first %in% names(CLOSING)) {
      open <- c(open, token)
      wanted <- if (token == "[") "first" else "name"
    } else if (wanted %in% c("value", "first") && scalar) {
      wanted <- inside()
    } else if (wanted %in% c("key", "name") && string) {
      wanted <- "colon"
    } else if (wanted == "colon" && token == ":") {
      wanted <- "value"
    } else if (wanted == "separator" && token == ",") {
      wanted <- if (open[length(open)] == "{") "key" else "value"
    } else {
      held <- if (token == "\"" && wanted %in% c("value", "first", "key", "name")) held_by(substr(source, begins[at] + 1, nchar(source))) else 0
      return(begins[at] + held)
    }
  }
  nchar(source)
}

# Return how much of a string that is none can stand: nothing of one that does not end.
held_by <- function(rest) {
  held <- attr(regexpr(paste0("^", UNCLOSED), rest, perl = TRUE), "match.length")
  if (held < nchar(rest)) held else 0
}
