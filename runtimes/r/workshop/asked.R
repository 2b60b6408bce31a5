# What a project asks for: its DESCRIPTION, or the packages.txt of code that was written for Algorithmia.

BROUGHT <- "algorithmia" # comes with the runner
NAME <- "[A-Za-z][A-Za-z0-9.]*"
# The calls of `-e` that only install packages of CRAN.
INSTALLERS <- c("install.packages", "utils::install.packages", "p_install", "pacman::p_install")
VERSIONED <- c("install_version", "devtools::install_version", "remotes::install_version")

# Return it as read.dcf does.
described <- function() {
  if (file.exists("DESCRIPTION")) {
    return(tryCatch(read.dcf("DESCRIPTION"), error = function(e) refuse("DESCRIPTION:1: %s", conditionMessage(e))))
  }
  lines <- trimws(readLines("packages.txt", warn = FALSE))
  numbered <- which(nzchar(lines) & !startsWith(lines, "#"))
  entries <- unlist(lapply(numbered, function(at) of_line(lines[at], at)))
  entries <- unique(entries[sub(" .*", "", entries) != BROUGHT])
  matrix(paste(entries, collapse = ","), 1, 1, dimnames = list(NULL, "Imports"))
}

# Return the packages of a line, with their versions where it says some: `-t URL` of CRAN's archive does.
of_line <- function(line, number) {
  archive <- part(line, sprintf("^-t\\s+\\S*/(%s)_([0-9.-]+)\\.tar\\.gz$", NAME))
  if (length(archive)) return(sprintf("%s (== %s)", archive[1], archive[2]))
  if (grepl(sprintf("^%s$", NAME), line)) return(line)
  repository <- part(line, "^-g\\s+[^/\\s]+/([^/@#\\s]+)\\S*$")
  if (length(repository)) {
    if (tolower(repository) %in% c(BROUGHT, paste0(BROUGHT, "-r"))) return(BROUGHT)
    refuse(
      "packages.txt:%d: %s is a repository of GitHub, which has no sum to hold it to: write the package's name, as CRAN has it (%s?), or put its code into src/ and source it",
      number, line, repository
    )
  }
  code <- part(line, "^-e\\s+(.*)$")
  if (length(code)) return(of_code(code, line, number))
  refuse("packages.txt:%d: %s is no package of CRAN: write its name alone, or -t and the address of its archive there", number, line)
}

# Return the packages that an expression installs, where it does nothing but that.
of_code <- function(code, line, number) {
  calls <- tryCatch(as.list(parse(text = code, keep.source = FALSE)), error = function(error) list(NULL))
  found <- lapply(calls, of_call)
  if (length(found) && !any(vapply(found, is.null, NA))) return(unlist(found))
  refuse("packages.txt:%d: %s is code, which is not run: write the names of the packages that it installs, each on a line of its own", number, line)
}

# Return the packages of `install.packages("a")` and its like; none of `library(devtools)`, NULL of other code.
of_call <- function(call) {
  if (!is.call(call)) return(NULL)
  name <- paste(deparse(call[[1]]), collapse = "")
  if (name %in% c("library", "require")) return(character())
  if (!name %in% c(INSTALLERS, VERSIONED) || length(call) < 2) return(NULL)
  words <- if (is.call(call[[2]]) && identical(call[[2]][[1]], quote(c))) as.list(call[[2]])[-1] else list(call[[2]])
  if (!all(vapply(words, function(one) is.character(one) && grepl(sprintf("^%s$", NAME), one), NA))) return(NULL)
  if (name %in% INSTALLERS) return(unlist(words))
  version <- if (is.null(call$version) && length(call) > 2) call[[3]] else call$version
  if (!is.character(version)) return(NULL)
  sprintf("%s (== %s)", words[[1]], version)
}

# Return the groups of a pattern, nothing where it does not match.
part <- function(text, pattern) regmatches(text, regexec(pattern, text, perl = TRUE))[[1]][-1]
