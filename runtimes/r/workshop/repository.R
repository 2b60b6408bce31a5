# Where packages come from: CRAN, or the mirror that the user's .Rprofile or renv's variable names.

CRAN <- "https://cloud.r-project.org"

repositories <- function() {
  named <- Sys.getenv("RENV_CONFIG_REPOS_OVERRIDE")
  if (nzchar(named)) return(c(CRAN = named))
  found <- getOption("repos")
  ifelse(found == "@CRAN@", CRAN, found)
}

# End because a repository does not answer: what it has is not known.
unreachable <- function(said) {
  where <- "another one is named by RENV_CONFIG_REPOS_OVERRIDE"
  refuse("CRAN, or what stands for it, cannot be reached: %s\nhint: try again, or on a network that leads there; %s", without_credentials(said), where)
}

without_credentials <- function(said) gsub("//[^/@ ']*@", "//", said)

# Return the archive of a package's source, fetched where it is not kept yet.
source_of <- function(name, version, cache) {
  file <- sprintf("%s_%s.tar.gz", name, version)
  kept <- file.path(cache, "sources", file)
  dir.create(dirname(kept), showWarnings = FALSE, recursive = TRUE)
  if (file.exists(kept)) return(kept)
  part <- sprintf("%s.%d", kept, Sys.getpid())
  reasons <- character()
  for (folder in contrib.url(repositories(), "source")) {
    # A version that a newer one has taken the place of.
    for (address in c(file.path(folder, file), file.path(folder, "Archive", name, file))) {
      reason <- download(address, part)
      if (is.null(reason) && file.rename(part, kept)) return(kept)
      reasons <- c(reasons, reason)
    }
  }
  unlink(part)
  refuse("%s %s could not be fetched\n%s", name, version, paste(unique(reasons), collapse = "\n"))
}

# Fetch a file, where a connection breaks again; return why it cannot be had, without credentials.
download <- function(address, to, attempts = 3) {
  for (attempt in seq_len(attempts)) {
    said <- tryCatch(
      if (download.file(address, to, quiet = TRUE, mode = "wb") == 0) NULL else paste("cannot open", address),
      warning = conditionMessage, error = conditionMessage
    )
    if (is.null(said) || grepl("status was '4", said)) break
    Sys.sleep(attempt)
  }
  if (is.null(said)) NULL else without_credentials(said)
}

sha256 <- function(file) substr(system2("sha256sum", shQuote(file), stdout = TRUE), 1, 64)

# Return what fields of a DESCRIPTION ask for: the name, and the constraints that it must meet.
asked <- function(fields) {
  entries <- trimws(unlist(strsplit(paste(fields[!is.na(fields)], collapse = ","), ",")))
  entries <- entries[nzchar(entries)]
  data.frame(
    name = trimws(sub("\\(.*", "", entries)),
    constraint = ifelse(grepl("(", entries, fixed = TRUE), trimws(sub(".*\\((.*)\\).*", "\\1", entries)), "")
  )
}

# Tell whether `version` meets `constraint`, as `>= 1.2`; none is met by all.
meets <- function(version, constraint) {
  if (!nzchar(constraint)) return(TRUE)
  words <- regmatches(constraint, regexec("^([<>=!]+)\\s*(\\S+)$", constraint))[[1]]
  do.call(words[2], list(numeric_version(version), numeric_version(words[3])))
}

refuse <- function(...) {
  message(sprintf(...))
  quit(status = 1)
}
