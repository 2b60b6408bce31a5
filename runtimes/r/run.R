# The runner's process: says hello, then serves until the gateway closes its end.

ours <- dirname(normalizePath(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))))
runner <- new.env(parent = baseenv())
for (name in c("frames.R", "values.R", "position.R", "faults.R", "kit.R", "worker.R")) sys.source(file.path(ours, name), runner)

# An image may be older than the runner that is laid upon it: what was compiled of another frames.c is not ours.
runner$compiled <- file.path(ours, "..", "..", "native")
sources <- file.path(c(ours, runner$compiled), "frames.c")
if (all(file.exists(sources)) && identical(readLines(sources[1]), readLines(sources[2]))) {
  sys.source(file.path(ours, "native.R"), runner)
}

PROTOCOL <- 1
EXIT_PROTOCOL <- 76 # EX_PROTOCOL of sysexits.h

frames <- runner$open_frames(3, 4)
said <- tryCatch(
  {
    first <- runner$read_frame(frames)
    if (!is.null(first)) {
      if (!identical(first$header$type, "hello") || !isTRUE(first$header$protocol == PROTOCOL)) {
        runner$protocol_error(sprintf("the first frame is hello of protocol %d", PROTOCOL))
      }
      language <- sprintf("r %s.%s", R.version$major, R.version$minor)
      runner$write_frame(frames, list(
        type = "hello", protocol = PROTOCOL, language = language, capabilities = list("describe")
      ))
      runner$serve(frames, first$header)
    }
    ""
  },
  protocol_error = function(error) conditionMessage(error)
)
if (nzchar(said)) cat("runner:", said, "\n", file = stderr())
quit(save = "no", status = if (nzchar(said)) EXIT_PROTOCOL else 0)
