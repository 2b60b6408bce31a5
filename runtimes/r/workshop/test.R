# Run the author's own tests: each file in tests/, and tests/testthat where there is one.
#
#   Rscript test.R PACKAGES REPORT

given <- commandArgs(TRUE)
.libPaths(c(given[1], .libPaths()))
options(keep.source = TRUE, warn = 1)
escaped <- function(text) gsub('"', "&quot;", gsub("<", "&lt;", gsub("&", "&amp;", text, fixed = TRUE), fixed = TRUE), fixed = TRUE)

# Return where tests of code that was written for Algorithmia run, which find what it defines; others source it.
holder <- function() {
  said <- if (file.exists("algo.toml")) readLines("algo.toml", warn = FALSE) else character()
  if (!file.exists("algorithmia.conf") && !any(grepl("^written-for", said))) return(globalenv())
  here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))
  kit <- new.env(parent = baseenv())
  sys.source(file.path(here, "..", "kit.R"), kit)
  kit$provide_kit()
  project <- new.env(parent = globalenv())
  for (file in list.files("src", "\\.[Rr]$", full.names = TRUE)) sys.source(file, project, keep.source = TRUE)
  if (requireNamespace("testthat", quietly = TRUE)) library(testthat)
  project
}

# Run a file; return its case of the report, with what went wrong.
run <- function(file) {
  began <- proc.time()[["elapsed"]]
  fault <- tryCatch({
    sys.source(file, new.env(parent = beside), keep.source = TRUE)
    NULL
  }, error = conditionMessage)
  if (!is.null(fault)) message(file, ": ", fault)
  inner <- if (is.null(fault)) "" else sprintf('<failure message="%s"/>', escaped(fault))
  seconds <- proc.time()[["elapsed"]] - began
  sprintf('<testcase classname="%s" name="%s" time="%.3f">%s</testcase>', dirname(file), basename(file), seconds, inner)
}

beside <- holder()
cases <- vapply(list.files("tests", "\\.[Rr]$", full.names = TRUE), run, "")
failed <- any(grepl("<failure", cases, fixed = TRUE))
if (dir.exists("tests/testthat")) {
  done <- as.data.frame(testthat::test_dir("tests/testthat", stop_on_failure = FALSE))
  wrong <- done$failed > 0 | done$error
  inner <- ifelse(wrong, sprintf('<failure message="%d of %d went wrong"/>', done$failed + done$error, done$nb), "")
  cases <- c(cases, sprintf('<testcase classname="%s" name="%s" time="%.3f">%s</testcase>', escaped(done$file), escaped(done$test), done$real, inner))
  failed <- failed || any(wrong)
}
writeLines(c("<testsuite>", cases, "</testsuite>"), given[2])
quit(status = as.integer(failed))
