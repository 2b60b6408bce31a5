# The least that R can do between the gateway's pipes: it reads frames, parses the body, and writes
# x + 1. There are no handlers, nothing is caught or checked, nothing can be taken back: a limit for
# the runner that takes its place.

source <- fifo("/dev/fd/3", "rb", blocking = TRUE)
sink <- fifo("/dev/fd/4", "wb", blocking = TRUE)
parse <- get("parse_string", asNamespace("jsonlite"))
POWERS <- 256^(0:3)

say <- function(header, body = raw()) {
  text <- charToRaw(header)
  writeBin(c(as.raw(c(length(text), 0, 0, 0, length(body), 0, 0, 0, 0, 0, 0, 0)), text, body), sink)
}

serve <- function() {
  held <- raw()
  at <- 0
  repeat {
    size <- if (length(held) - at < 12) Inf else 12 + sum(as.integer(held[at + c(1:4, 5:8)]) * POWERS)
    if (length(held) - at < size) {
      piece <- readBin(source, "raw", 2^13)
      if (length(piece) == 0) return()
      held <- c(if (at < length(held)) held[(at + 1):length(held)], piece)
      at <- 0
      next
    }
    begin <- at + 12 + sum(as.integer(held[at + 1:4]) * POWERS)
    header <- rawToChar(held[(at + 13):begin])
    if (startsWith(header, '{"type":"call"')) {
      id <- substr(header, 21, nchar(header) - 35) # between the two parts that never change
      value <- parse(rawToChar(held[(begin + 1):(at + size)]), FALSE)$x + 1
      say(paste0('{"type":"result","id":', id, ',"content_type":"application/json"}'), charToRaw(as.character(value)))
    } else if (startsWith(header, '{"type":"hello"')) {
      say('{"type":"hello","protocol":1}')
    } else if (startsWith(header, '{"type":"load"')) {
      say('{"type":"ready","ahead":true}')
    }
    at <- at + size
  }
}

serve()
