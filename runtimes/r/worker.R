# A worker: loads the algorithm and answers calls until it is told to stop, one at a time.

LONGEST <- 2^16 # bytes of a line that are sent together

# Answer every frame until the pipe is closed or `shutdown` comes.
serve <- function(frames, hello) {
  worker <- new.env(parent = emptyenv())
  worker$frames <- frames
  worker$hello <- hello
  worker$algorithm <- NULL
  worker$withdrawn <- NULL
  # What a call printed before it ended the process: `quit` runs no handler of a call.
  reg.finalizer(worker, printed, onexit = TRUE)
  options(keep.source = TRUE, warn = 1)
  while (!is.null(frame <- following(worker))) {
    header <- frame$header
    switch(header$type,
      load = load_algorithm(worker, header),
      call = , batch = if (is.null(frame$stream)) answer_calls(worker, frame) else stream(worker, header, frame$stream),
      describe = answer(worker, header, "described", schema = empty()),
      # What was sourced could be sourced again, but not what it changed: a new worker has the new code.
      reload = answer(worker, header, "reloaded", rung = "worker", schema = empty()),
      withdraw = look_ahead(worker), # what it took back was before it, and is begun or gone
      commit = , discard = , cancel = , pause = , resume = NULL,
      shutdown = return(invisible()),
      protocol_error(sprintf("there is no frame of type %s", dQuote(header$type, FALSE)))
    )
  }
}

# Return the next frame that is no plain call, having answered those before it. To set handlers and
# to catch what is printed takes R longer than a call, so that is done for all of them together.
following <- function(worker) {
  worker$header <- NULL
  if (is.null(worker$algorithm) || worker$algorithm$batch) return(read_frame(worker$frames))
  repeat {
    done <- guarded(worker, answer_plain(worker))
    if (is.null(done$error)) return(done$value)
    if (is.null(worker$header)) stop(done$error) # it is of the runner itself
    failed(worker, worker$header, done)
    worker$header <- NULL
  }
}

# Answer calls with JSON; return the first frame that is none, or one whose answer is a stream.
answer_plain <- function(worker) {
  repeat if (!is.null(frame <- answer_next(worker))) return(frame$left)
}

# Answer a call with JSON and return NULL, or what is left to somebody else. R compiles what is called often.
answer_next <- function(worker) {
  frame <- next_frame(worker)
  if (is.null(frame$plain)) return(list(left = frame))
  header <- frame$header
  if (is.null(frame$result)) {
    if (frame$late) look_ahead(worker)
    if (length(worker$withdrawn) > 0 && header$id %in% worker$withdrawn) {
      answer(worker, header, "withdrawn")
      return(NULL)
    }
    worker$header <- header
    result <- worker$author$apply(if (is.null(frame$text)) parse_json(frame$body) else parse_short(frame$text))
  } else {
    result <- frame$result[[1]]
  }
  if (streams(result)) return(list(left = list(header = header, stream = result)))
  written <- encode(result)
  printed(worker)
  whole(worker, header, "result", written)
  worker$header <- NULL
}

next_frame <- function(worker) read_frame(worker$frames)

look_ahead <- function(worker) {
  worker$withdrawn <- unlist(lapply(look(worker$frames, "\"withdraw\""), `[[`, "ids"))
}

empty <- function() structure(list(), names = character())

answer <- function(worker, header, type, ..., body = raw()) {
  write_frame(worker$frames, c(list(type = type, id = if (is.null(header$id)) 0 else header$id), list(...)), body)
}

load_algorithm <- function(worker, header) {
  began <- proc.time()[["elapsed"]]
  done <- guarded(worker, import(worker$hello))
  if (!is.null(done$error)) {
    told <- c(report(done$error, done$calls, worker$hello$app), list(hint = hint(done$error)))
    return(do.call(answer, c(list(worker, header, "load_error"), told)))
  }
  algorithm <- worker$algorithm <- done$value
  apply <- if (algorithm$takes > 1) function(input) algorithm$apply(input, algorithm$state) else algorithm$apply
  worker$author <- list2env(list(apply = apply), parent = globalenv())
  answer(worker, header, "ready",
    schema = empty(), milliseconds = round((proc.time()[["elapsed"]] - began) * 1000, 1), cancels = FALSE,
    batch = worker$algorithm$batch, ahead = !worker$algorithm$batch && max(worker$hello$concurrency, 1) == 1, flow = FALSE, share = FALSE, alone = "R shares nothing between workers"
  )
}

# Source the entry and call its `load`.
import <- function(hello) {
  at <- regexpr(":[^:]*$", hello$entrypoint)
  file <- substr(hello$entrypoint, 1, at - 1)
  name <- substring(hello$entrypoint, at + 1)
  path <- file.path(hello$app, file)
  if (!file.exists(path)) stop(sprintf("%s is not there", file), call. = FALSE)
  if (!is.null(hello$packages) && dir.exists(hello$packages)) .libPaths(c(hello$packages, .libPaths()))
  setwd(hello$app)
  project <- new.env(parent = globalenv())
  served <- if (identical(hello$written_for, "algorithmia")) provide_kit()
  sys.source(path, project, keep.source = TRUE)
  if (!is.null(served$apply)) return(handled(served, hello))
  own <- function(wanted) get0(wanted, project, mode = "function", inherits = FALSE)
  batch <- if (endsWith(name, "_batch")) own(name) else own("apply_batch")
  apply <- if (is.null(batch)) own(name) else batch
  if (is.null(apply)) stop(sprintf("%s has no function %s", file, name), call. = FALSE)
  state <- loaded(own("load"), hello)
  list(apply = apply, state = state, takes = length(formals(apply)), batch = !is.null(batch))
}

# Return what `load` does, NULL where there is none.
loaded <- function(load, hello) {
  if (is.null(load)) return(NULL)
  models <- lapply(hello$models, function(below) file.path(hello$app, below))
  if (length(formals(load)) > 0) load(models) else load()
}

# What Algorithmia's handler was given counts, whatever its name, and a second argument only where something was loaded.
handled <- function(served, hello) {
  state <- loaded(served$load, hello)
  takes <- if (is.null(state)) 1 else length(formals(served$apply))
  list(apply = served$apply, state = state, takes = takes, batch = FALSE)
}

# Evaluate `action`; return its value, or the error with the calls that were open. What is printed
# meanwhile goes to the gateway.
guarded <- function(worker, action) {
  calls <- NULL
  listen(worker)
  on.exit({
    printed(worker)
    sink()
    close(worker$out)
    worker$out <- NULL
  })
  tell <- function(text) worker$told <- c(worker$told, sub("\n$", "", text))
  tryCatch(
    withCallingHandlers(
      list(value = action),
      message = function(one) {
        tell(conditionMessage(one))
        invokeRestart("muffleMessage")
      },
      warning = function(one) {
        tell(paste("Warning:", conditionMessage(one)))
        invokeRestart("muffleWarning")
      },
      error = function(one) calls <<- sys.calls()
    ),
    error = function(one) {
      if (inherits(one, "protocol_error")) stop(one)
      list(error = one, calls = calls)
    },
    interrupt = function(one) list(error = simpleError("interrupted"), calls = calls)
  )
}

# Catch what is printed from now on.
listen <- function(worker) {
  worker$out <- textConnection(NULL, "w", encoding = "UTF-8")
  worker$number <- as.integer(worker$out)
  worker$told <- character()
  sink(worker$out)
}

# Send what was printed so far: the call that printed it is over.
printed <- function(worker) {
  out <- worker$out
  if (is.null(out)) return()
  if (as.integer(stdout()) != worker$number) { # the author's own sink was left open, or ours closed
    while (sink.number() > 0) sink()
    sink(out)
  }
  if (isIncomplete(out)) cat("\n", file = out)
  lines <- textConnectionValue(out)
  if (length(lines) == 0 && length(worker$told) == 0) return()
  say(worker, "stdout", lines)
  say(worker, "stderr", worker$told)
  sink()
  close(out)
  listen(worker)
}

say <- function(worker, stream, lines) {
  header <- list(type = "log", stream = stream, call = worker$header$id)
  for (line in lines) {
    bytes <- charToRaw(enc2utf8(line))
    while (length(bytes) > LONGEST) {
      end <- LONGEST
      while (end > 1 && bitwAnd(as.integer(bytes[end + 1]), 192L) == 128L) end <- end - 1 # not within a character
      write_frame(worker$frames, header, bytes[seq_len(end)])
      bytes <- bytes[-seq_len(end)]
    }
    write_frame(worker$frames, header, bytes)
  }
}

answer_calls <- function(worker, frame) {
  header <- frame$header
  body <- frame$body
  if (is.null(worker$algorithm)) protocol_error("the first frame of a worker is load")
  if (worker$algorithm$batch) return(answer_batch(worker, header, body))
  if (frame$late) look_ahead(worker)
  if (header$id %in% worker$withdrawn) return(answer(worker, header, "withdrawn"))
  worker$header <- header
  done <- guarded(worker, {
    result <- worker$author$apply(decode(body, if (is.null(header$content_type)) "" else header$content_type))
    if (streams(result)) list(stream = result) else list(whole = encode(result))
  })
  if (!is.null(done$error)) {
    failed(worker, header, done)
  } else if (!is.null(done$value$stream)) {
    stream(worker, header, done$value$stream)
  } else {
    whole(worker, header, "result", done$value$whole)
  }
}

whole <- function(worker, header, type, written) {
  write_answer(worker$frames, type, header$id, written[[1]], written[[2]])
}

# A stream is a function that is given `emit`, and calls it for each piece. Another function is one by mistake.
streams <- function(result) is.function(result) && identical(names(formals(result))[1], "emit")

stream <- function(worker, header, pieces) {
  emit <- function(piece) {
    whole(worker, header, "chunk", encode(piece))
    gone <- function(one) identical(one$type, "cancel") && identical(one$id, header$id)
    if (any(vapply(look(worker$frames, "\"cancel\""), gone, NA))) {
      stop(structure(class = c("cancelled", "error", "condition"), list(message = "cancelled", call = NULL)))
    }
    invisible()
  }
  done <- guarded(worker, pieces(emit))
  if (is.null(done$error) || inherits(done$error, "cancelled")) answer(worker, header, "end") else failed(worker, header, done)
}

answer_batch <- function(worker, header, body) {
  calls <- header$calls
  if (is.null(calls)) calls <- list(c(header, length = length(body)))
  at <- 0
  read <- list()
  for (one in calls) {
    part <- if (one$length == 0) raw() else body[at + seq_len(one$length)]
    at <- at + one$length
    worker$header <- one
    done <- guarded(worker, list(decode(part, if (is.null(one$content_type)) "" else one$content_type)))
    if (is.null(done$error)) read[[length(read) + 1]] <- list(one, done$value[[1]]) else failed(worker, one, done)
  }
  together(worker, read)
}

# Answer several calls; where that fails as a whole, each by itself.
together <- function(worker, calls) {
  if (length(calls) == 0) return()
  worker$header <- if (length(calls) == 1) calls[[1]][[1]]
  done <- guarded(worker, {
    results <- worker$author$apply(lapply(calls, `[[`, 2))
    if (length(results) != length(calls)) {
      bad_result("batch_mismatch", sprintf("the batch returned %d results for %d inputs", length(results), length(calls)))
    }
    lapply(results, function(one) if (inherits(one, "error")) one else encode(one))
  })
  if (!is.null(done$error)) {
    if (length(calls) == 1) return(failed(worker, calls[[1]][[1]], done))
    for (one in calls) together(worker, list(one))
    return()
  }
  for (at in seq_along(calls)) {
    one <- done$value[[at]]
    if (inherits(one, "error")) failed(worker, calls[[at]][[1]], list(error = one)) else whole(worker, calls[[at]][[1]], "result", one)
  }
}

failed <- function(worker, header, done) {
  error <- done$error
  if (inherits(error, "problem")) {
    return(answer(worker, header, "error", fault = error$fault, code = error$code, message = conditionMessage(error)))
  }
  code <- callers_fault(error)
  told <- report(error, done$calls, worker$hello$app)
  if (nzchar(lacking <- hint(error))) told$hint <- lacking
  fault <- if (is.null(code)) "algorithm" else "caller"
  do.call(answer, c(list(worker, header, "error", fault = fault, code = if (is.null(code)) "exception" else code), told))
}
