# The functions of frames.R in C, in their place where frames.c was compiled (Dockerfile).

list2env(getDLLRegisteredRoutines(dyn.load(file.path(compiled, "frames.so")))$.Call, environment())

open_frames <- function(source, sink) .Call(frames_open, source, sink)

read_frame <- function(frames) parsed(.Call(frames_read, frames, SHORT, LOOK))

parsed <- function(frame) {
  if (is.null(frame) || !is.null(frame$plain)) return(frame)
  if (length(frame) == 0) protocol_error("a frame is too large")
  frame$header <- parse_header(frame$header)
  frame
}

look <- function(frames, words) lapply(.Call(frames_look, frames, words), parse_header)

write_text <- function(frames, header, body) .Call(frames_write, frames, header, body)

write_answer <- function(frames, type, id, kind, body) .Call(frames_answer, frames, type, id, kind, body)

next_frame <- function(worker) parsed(.Call(frames_next, worker$frames, SHORT, LOOK, worker, worker$author, parse_short, printed))
