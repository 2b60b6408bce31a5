# What a project asks for: its DESCRIPTION, or the packages.txt of code that was written for Algorithmia.

# Return it as read.dcf does.
described <- function() {
  if (file.exists("DESCRIPTION")) {
    return(tryCatch(read.dcf("DESCRIPTION"), error = function(e) refuse("DESCRIPTION:1: %s", conditionMessage(e))))
  }
  lines <- trimws(readLines("packages.txt", warn = FALSE))
  numbered <- which(nzchar(lines) & !startsWith(lines, "#"))
  names <- vapply(numbered, function(at) of_line(lines[at], at), "")
  matrix(paste(unique(setdiff(names, "algorithmia")), collapse = ","), 1, 1, dimnames = list(NULL, "Imports")) # that one comes with the runner
}

# Return the package of a line, with its version where the line says one: `-t URL` of CRAN's archive does.
of_line <- function(line, number) {
  archive <- regmatches(line, regexec("^-t\\s+\\S*/([A-Za-z0-9.]+)_([0-9.-]+)\\.tar\\.gz$", line))[[1]]
  if (length(archive)) return(sprintf("%s (== %s)", archive[2], archive[3]))
  if (grepl("^[A-Za-z][A-Za-z0-9.]*$", line)) return(line)
  refuse("packages.txt:%d: %s is no package of CRAN: write a DESCRIPTION with Imports in place of packages.txt", number, line)
}
