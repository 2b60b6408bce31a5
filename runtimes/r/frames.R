# Frames on two pipes: two lengths, a JSON header, a body of bytes (../README.md).

LENGTHS <- 12
MAX_HEADER <- 2^20
MAX_BODY <- 2^34
PIECE <- 2^20

# Something came that is no frame, or not its turn.
protocol_error <- function(message) {
  stop(structure(class = c("protocol_error", "error", "condition"), list(message = message, call = NULL)))
}

# A fifo is read without a buffer, so that the same pipe can be read with and without waiting.
open_frames <- function(source, sink) {
  frames <- new.env(parent = emptyenv())
  frames$waiting <- fifo(source, "rb", blocking = TRUE)
  frames$looking <- fifo(source, "rb", blocking = FALSE)
  frames$sink <- file(sink, "wb", raw = TRUE)
  frames$held <- raw()
  frames$ended <- FALSE
  frames
}

# Return the next frame, NULL when the pipe was closed.
read_frame <- function(frames) {
  head <- take(frames, LENGTHS)
  if (is.null(head)) return(NULL)
  lengths <- lengths_of(head)
  text <- take(frames, lengths$header)
  body <- take(frames, lengths$body)
  if (is.null(text) || is.null(body)) return(NULL)
  list(header = parse_header(text), body = body)
}

lengths_of <- function(head) {
  header <- unsigned(head[1:4])
  body <- unsigned(head[5:8]) + unsigned(head[9:12]) * 2^32
  if (header > MAX_HEADER || body > MAX_BODY) {
    protocol_error(sprintf("a frame of %.0f and %.0f bytes is too large", header, body))
  }
  list(header = header, body = body)
}

unsigned <- function(bytes) sum(as.integer(bytes) * 256^(0:3))

parse_header <- function(text) {
  header <- tryCatch(
    jsonlite::fromJSON(utf8(text), simplifyVector = FALSE),
    error = function(error) protocol_error("a header is no JSON")
  )
  if (!is.list(header) || !is.character(header$type)) protocol_error("a header has no type")
  header
}

utf8 <- function(bytes) {
  text <- rawToChar(bytes)
  Encoding(text) <- "UTF-8"
  text
}

# Take `count` bytes, waiting for them; NULL when the pipe was closed before.
take <- function(frames, count) {
  pieces <- list(frames$held)
  have <- length(frames$held)
  while (have < count) {
    # A pipe gives what it holds, at most: R counts that as all there is.
    piece <- readBin(frames$waiting, "raw", min(count - have, PIECE))
    if (length(piece) == 0) {
      frames$ended <- TRUE
      return(NULL)
    }
    pieces[[length(pieces) + 1]] <- piece
    have <- have + length(piece)
  }
  whole <- if (length(pieces) == 1) pieces[[1]] else do.call(c, pieces)
  frames$held <- whole[-seq_len(count)]
  if (count == 0) {
    frames$held <- whole
    return(raw())
  }
  whole[seq_len(count)]
}

# Return the headers that wait in the pipe, without waiting and without taking them.
look <- function(frames) {
  piece <- tryCatch(readBin(frames$looking, "raw", PIECE), error = function(error) raw()) # nothing is there
  if (length(piece) > 0) frames$held <- c(frames$held, piece)
  headers <- list()
  at <- 0
  while (length(frames$held) - at >= LENGTHS) {
    lengths <- lengths_of(frames$held[at + 1:LENGTHS])
    end <- at + LENGTHS + lengths$header
    if (length(frames$held) < end + lengths$body) break
    headers[[length(headers) + 1]] <- parse_header(frames$held[(at + LENGTHS + 1):end])
    at <- end + lengths$body
  }
  headers
}

# Write a frame; waits while the pipe is full.
write_frame <- function(frames, header, body = raw()) {
  text <- charToRaw(enc2utf8(json(header)))
  size <- length(body)
  lengths <- c(number(length(text)), number(size %% 2^32), number(size %/% 2^32))
  writeBin(c(lengths, text, body), frames$sink)
  flush(frames$sink)
}

number <- function(value) as.raw(value %/% 256^(0:3) %% 256)
