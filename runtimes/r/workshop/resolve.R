# Bring renv.lock up to date with DESCRIPTION, or packages.txt, and list what it pins.
#
#   Rscript resolve.R CACHE
#
# The lock is one that renv reads, with the SHA-256 of every source besides.

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))
source(file.path(here, "repository.R"))
source(file.path(here, "asked.R"))
cache <- commandArgs(TRUE)[1]

NEEDS <- c("Depends", "Imports", "LinkingTo")
# How DESCRIPTION files write the licences of SPDX that most have.
LICENCES <- c(
  "MIT" = "MIT", "GPL-2" = "GPL-2.0-only", "GPL-3" = "GPL-3.0-only", "GPL (>= 2)" = "GPL-2.0-or-later",
  "GPL (>= 3)" = "GPL-3.0-or-later", "GPL-2 | GPL-3" = "GPL-2.0-only OR GPL-3.0-only", "LGPL-3" = "LGPL-3.0-only",
  "LGPL (>= 2.1)" = "LGPL-2.1-or-later", "LGPL (>= 3)" = "LGPL-3.0-or-later", "Apache License 2.0" = "Apache-2.0",
  "Apache License (>= 2)" = "Apache-2.0", "BSD_2_clause" = "BSD-2-Clause", "BSD_3_clause" = "BSD-3-Clause"
)

locked <- if (file.exists("renv.lock")) jsonlite::read_json("renv.lock")$Packages else list()
built_in <- rownames(installed.packages(.Library, priority = "base"))
delayedAssign("offered", withCallingHandlers(
  available.packages(repos = repositories(), type = "source"),
  warning = function(one) if (grepl("unable to access index", conditionMessage(one))) unreachable(conditionMessage(one))
))

# Return the entry of the lock for a package: the old one where that meets what is asked.
choose <- function(name, constraints) {
  fits <- function(version) all(vapply(constraints, meets, NA, version = version))
  old <- locked[[name]]
  if (!is.null(old) && !is.null(old$SHA256) && fits(old$Version)) return(old)
  if (!name %in% rownames(offered)) refuse("there is no package %s in %s", name, paste(names(repositories()), collapse = ", "))
  row <- offered[name, ]
  if (!fits(row[["Version"]]) && length(old_version <- exact(constraints)) == 1) row <- archived(name, old_version)
  if (!fits(row[["Version"]])) {
    refuse("%s (%s) is asked for, and the newest is %s", name, paste(constraints[nzchar(constraints)], collapse = ", "), row[["Version"]])
  }
  said <- as.list(row[c(NEEDS, "License")])
  c(
    list(Package = name, Version = row[["Version"]], Source = "Repository", Repository = "CRAN"),
    said[!is.na(said)],
    list(SHA256 = sha256(source_of(name, row[["Version"]], cache)))
  )
}

# Return the versions that constraints name as the only ones.
exact <- function(constraints) unique(sub("^==\\s*", "", grep("^==", constraints, value = TRUE)))

# Return what a version that a newer one has taken the place of says of itself.
archived <- function(name, version) {
  read <- pipe(sprintf("tar -xzOf %s %s/DESCRIPTION", shQuote(source_of(name, version, cache)), name))
  on.exit(close(read))
  said <- read.dcf(read, fields = c("Version", NEEDS, "License"))
  if (nrow(said) != 1) refuse("%s %s is no package: its archive has no DESCRIPTION", name, version)
  said[1, ]
}

needs_of <- function(entry) asked(unlist(entry[intersect(NEEDS, names(entry))]))

said <- described()
wanted <- asked(said[, intersect(NEEDS, colnames(said))])
entries <- list()
repeat {
  wanted <- unique(wanted[!wanted$name %in% c("R", built_in), ])
  # A newer constraint may come from what was chosen: look at all that are known each time.
  before <- entries
  entries <- lapply(split(wanted$constraint, wanted$name), identity)
  entries <- Map(choose, names(entries), entries)
  if (identical(entries, before)) break
  wanted <- do.call(rbind, c(list(wanted), lapply(unname(entries), needs_of)))
}
entries <- entries[order(names(entries))]

lock <- list(
  R = list(Version = paste(R.version$major, sub("\\..*", "", R.version$minor), sep = "."), Repositories = list(list(Name = "CRAN", URL = CRAN))),
  Packages = if (length(entries)) entries else structure(list(), names = character())
)
writeLines(jsonlite::toJSON(lock, auto_unbox = TRUE, pretty = 2), "renv.lock")
pins <- lapply(unname(entries), function(one) {
  licence <- unname(LICENCES[sub(" \\+ file LICEN[SC]E$", "", if (is.null(one$License)) "" else one$License)])
  c(list(name = one$Package, version = one$Version, hashes = list(paste0("sha256:", one$SHA256))), if (!is.na(licence)) list(license = licence))
})
writeLines(jsonlite::toJSON(pins, auto_unbox = TRUE), "pins.json")
