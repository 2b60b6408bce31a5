# Compile and install what renv.lock pins.
#
#   Rscript install.R PACKAGES PLATFORM CACHE

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))
source(file.path(here, "repository.R"))
given <- commandArgs(TRUE)
target <- given[1]

# No help pages, no time, no path of the place where it was compiled.
HOW <- c("--no-docs", "--no-multiarch", "--strip", shQuote("--built-timestamp=1970-01-01 00:00:00 UTC"))
MACHINES <- c(x86_64 = "amd64", aarch64 = "arm64", arm64 = "arm64")

locked <- jsonlite::read_json("renv.lock")$Packages
needs <- lapply(locked, function(one) intersect(asked(unlist(one[c("Depends", "Imports", "LinkingTo")]))$name, names(locked)))
Sys.setenv(R_LIBS = target, R_MAKEVARS_USER = file.path(here, "Makevars"))
while (length(needs)) {
  ready <- names(needs)[!vapply(needs, function(names) any(names %in% names(needs)), NA)]
  if (!length(ready)) refuse("%s need each other", paste(names(needs), collapse = ", "))
  for (name in sort(ready)) {
    one <- locked[[name]]
    archive <- source_of(name, one$Version, given[3])
    if (sha256(archive) != one$SHA256) {
      unlink(archive)
      refuse("%s %s is not what renv.lock pins: its SHA-256 differs", name, one$Version)
    }
    if (system2(file.path(R.home("bin"), "R"), c("CMD", "INSTALL", HOW, "-l", shQuote(target), shQuote(archive)))) quit(status = 1)
  }
  needs <- needs[setdiff(names(needs), ready)]
}
# Help holds paths of the place where it was made, and nobody reads it there.
unlink(Sys.glob(file.path(target, "*", c("help", "html"))), recursive = TRUE)
foreign <- given[2] != paste0(tolower(Sys.info()[["sysname"]]), "/", MACHINES[R.version$arch])
compiled <- basename(dirname(Sys.glob(file.path(target, "*", "libs"))))
if (foreign && length(compiled)) {
  refuse("%s: compiled when installed, which cannot be done here for %s", paste(compiled, collapse = ", "), given[2])
}
