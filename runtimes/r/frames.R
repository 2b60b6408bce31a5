# Frames on two pipes: two lengths, a JSON header, a body of bytes (../README.md).

LENGTHS <- 12
MAX_HEADER <- 2^20
MAX_BODY <- 2^34
PIECE <- 2^20
SMALL <- 2^13 # what is asked for when it is not known how much comes: memory for it is taken each time
POWERS <- 256^(0:7)
OF_HEADER <- c(POWERS[1:4], rep(0, 8)) # what each byte of the lengths counts
OF_BODY <- c(rep(0, 4), POWERS)
CALL <- '{"type":"call","id":'
ID_AT <- nchar(CALL) + 1
LOOK <- 0.02 # how often it looks for calls that were taken back before it begins the next one
WITH_JSON <- ',"content_type":"application/json"}'
AFTER_ID <- nchar(WITH_JSON)

# Something came that is no frame, or not its turn.
protocol_error <- function(message) {
  stop(structure(class = c("protocol_error", "error", "condition"), list(message = message, call = NULL)))
}

# A fifo is read and written without a buffer, so that the same pipe can be read with and without
# waiting, and what is written is gone.
open_frames <- function(source, sink) {
  frames <- new.env(parent = emptyenv())
  frames$waiting <- fifo(file.path("/dev/fd", source), "rb", blocking = TRUE)
  frames$looking <- fifo(file.path("/dev/fd", source), "rb", blocking = FALSE)
  frames$sink <- fifo(file.path("/dev/fd", sink), "wb", blocking = TRUE)
  frames$held <- raw() # what was read, of which the first `at` bytes are done with
  frames$at <- 0
  frames$looked <- 0
  frames
}

# Return the next frame, NULL when the pipe was closed. It is `plain` where it is a call with JSON, as
# nearly all are, and nothing else: its header need not be parsed.
read_frame <- function(frames) {
  held <- frames$held
  at <- frames$at
  if (length(held) - at < LENGTHS) {
    if (!fill(frames, LENGTHS)) return(NULL)
    held <- frames$held
    at <- 0
  }
  size <- lengths_of(held, at)
  whole <- LENGTHS + size[1] + size[2]
  if (length(held) - at < whole) {
    if (!fill(frames, whole)) return(NULL)
    held <- frames$held
    at <- 0
  }
  begin <- at + LENGTHS + size[1]
  text <- held[(at + LENGTHS + 1):begin]
  end <- at + whole
  body <- if (size[2] == 0) raw() else held[(begin + 1):end]
  done <- end == length(held) # a large body is not kept while the next frame is waited for
  frames$held <- if (done) raw() else held
  frames$at <- if (done) 0 else end
  late <- proc.time()[[3]] - frames$looked > LOOK
  id <- id_of(text)
  if (is.na(id)) return(list(header = parse_header(text), body = body, late = late))
  list(header = list(type = "call", id = id, content_type = "application/json"), body = body, plain = TRUE, late = late)
}

# Return the id of a call with JSON, else NA.
id_of <- function(text) {
  stop <- length(text) - AFTER_ID
  if (stop < ID_AT || any(text == 0)) return(NA) # a zero byte is in no text of R
  text <- rawToChar(text)
  if (!startsWith(text, CALL) || !endsWith(text, WITH_JSON)) return(NA)
  strtoi(substr(text, ID_AT, stop), 10L) # NA where more stands there
}

lengths_of <- function(held, at) {
  sizes <- as.integer(held[at + 1:LENGTHS])
  header <- sum(sizes * OF_HEADER)
  body <- sum(sizes * OF_BODY)
  if (header > MAX_HEADER || body > MAX_BODY) {
    protocol_error(sprintf("a frame of %.0f and %.0f bytes is too large", header, body))
  }
  c(header, body)
}

unsigned <- function(bytes) sum(as.integer(bytes) * POWERS[1:4])

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

# Read until there are `wanted` bytes, waiting for them; FALSE when the pipe was closed before.
fill <- function(frames, wanted) {
  rest <- length(frames$held) - frames$at
  pieces <- list(if (rest > 0) frames$held[(frames$at + 1):length(frames$held)])
  while (rest < wanted) {
    # A pipe gives what it holds, at most: R counts that as all there is.
    piece <- readBin(frames$waiting, "raw", min(max(wanted - rest, SMALL), PIECE))
    if (length(piece) == 0) return(FALSE)
    pieces[[length(pieces) + 1]] <- piece
    rest <- rest + length(piece)
  }
  frames$held <- do.call(c, pieces)
  frames$at <- 0
  TRUE
}

# Take what the pipe holds now, without waiting, and return the headers of the frames that have
# `words` in them. They stay where they are.
look <- function(frames, words) {
  frames$looked <- proc.time()[[3]]
  piece <- tryCatch(readBin(frames$looking, "raw", PIECE), error = function(error) raw()) # nothing is there
  if (length(piece) > 0) frames$held <- c(frames$held, piece)
  headers <- list()
  at <- frames$at
  if (length(grepRaw(words, frames$held, offset = at + 1, fixed = TRUE)) == 0) return(headers)
  while (length(frames$held) - at >= LENGTHS) {
    size <- lengths_of(frames$held, at)
    end <- at + LENGTHS + size[1]
    if (length(frames$held) < end + size[2]) break
    text <- frames$held[(at + LENGTHS + 1):end]
    if (length(grepRaw(words, text, fixed = TRUE)) > 0) headers[[length(headers) + 1]] <- parse_header(text)
    at <- end + size[2]
  }
  headers
}

# Write a frame; waits while the pipe is full.
write_frame <- function(frames, header, body = raw()) write_text(frames, enc2utf8(json(header)), body)

# Write the result of a call, or a piece of it. R would write some whole numbers beyond integers as 2.2e+09.
write_answer <- function(frames, type, id, kind, body) {
  write_text(frames, sprintf('{"type":"%s","id":%.0f,"content_type":"%s"}', type, id, kind), body)
}

# Write a frame whose header is JSON already, and whose body is text or bytes.
write_text <- function(frames, header, body) {
  text <- charToRaw(header)
  if (is.character(body)) body <- charToRaw(body)
  sizes <- c(length(text), length(body))
  if (!identical(sizes, frames$sizes)) { # those of the last frame, mostly
    frames$sizes <- sizes
    frames$lengths <- as.raw(c(sizes[1] %/% POWERS[1:4], sizes[2] %/% POWERS) %% 256)
  }
  writeBin(c(frames$lengths, text, body), frames$sink)
}
