# What code written for Algorithmia uses of the package `algorithmia`, over the API of the gateway: a client
# for it, and what such code ends with, which would read standard input.

KIT <- c("getAlgorithmiaClient", "ReadAcl.PUBLIC", "ReadAcl.PRIVATE", "ReadAcl.MY_ALGORITHMS")

# Have it as a package that is loaded and attached, so that `library(algorithmia)` and `algorithmia::` find it
# wherever they stand; return where a handler that serves leaves its functions.
provide_kit <- function() {
  served <- new.env()
  package <- new.env(parent = baseenv())
  for (name in KIT) assign(name, get(name), package)
  package$getAlgorithmHandler <- function(applyfunc, onLoadMethod = NULL, pipe = NULL) {
    force(applyfunc)
    force(onLoadMethod)
    if (!is.function(applyfunc)) stop("getAlgorithmHandler takes a function that answers an input", call. = FALSE)
    if (!is.null(onLoadMethod) && !is.function(onLoadMethod)) {
      stop("getAlgorithmHandler takes a function that loads, or none", call. = FALSE)
    }
    list(serve = function() {
      served$apply <- applyfunc
      served$load <- onLoadMethod
      invisible()
    })
  }
  attach(package, name = "package:algorithmia", warn.conflicts = FALSE)
  names <- ls(package)
  # What R looks up of a namespace; it makes one of an installed package alone.
  exports <- list2env(structure(as.list(names), names = names), parent = baseenv())
  said <- list(spec = c(name = "algorithmia", version = "0.0.2"), exports = exports)
  package[[".__NAMESPACE__."]] <- list2env(said, parent = baseenv())
  .Internal(registerNamespace("algorithmia", package))
  served
}

ReadAcl.PUBLIC <- list(read_acl = "user://*")
ReadAcl.PRIVATE <- list(read_acl = "PRIVATE")
ReadAcl.MY_ALGORITHMS <- list(read_acl = "algo://.my/*")

readers <- function(acl) list(read = as.list(setdiff(acl$read_acl, "PRIVATE")))

# A client. The gateway's address and key count before those that stood in the code.
getAlgorithmiaClient <- function(apiKey = NA_character_, apiAddress = NA_character_, customCert = NA_character_) {
  here <- Sys.getenv("ALGORITHMIA_API", NA)
  client <- new.env()
  client$apiAddress <- sub("/+$", "", if (!is.na(here)) here else if (!is.na(apiAddress)) apiAddress else "")
  own <- if (is.na(here)) NA else Sys.getenv("ALGORITHMIA_API_KEY", NA)
  client$apiKey <- if (is.na(own)) apiKey else own
  client$algo <- function(algoRef) kit_algorithm(client, algoRef)
  client$file <- function(dataUrl) kit_file(client, dataUrl)
  client$dir <- function(dataUrl) kit_folder(client, dataUrl)
  client$reportInsights <- function(insights) {
    rows <- lapply(names(insights), function(key) list(insight_key = key, insight_value = insights[[key]]))
    invisible(kit_ask(client, "POST", "/v1/insights", kit_json(rows), "application/json"))
  }
  client
}

kit_json <- function(value) charToRaw(enc2utf8(as.character(jsonlite::toJSON(value, auto_unbox = TRUE, null = "null", digits = NA))))
kit_read <- function(body) jsonlite::fromJSON(rawToChar(body), simplifyVector = TRUE, simplifyDataFrame = FALSE)
kit_text <- function(body) {
  text <- rawToChar(body)
  Encoding(text) <- "UTF-8"
  text
}

# Ask for a path below the address; return status, headers and body, whatever the status. It speaks HTTP/1.1
# itself: R without packages can only get.
kit_ask <- function(client, method, path, body = raw(), type = "application/octet-stream") {
  place <- regmatches(client$apiAddress, regexec("^http://([^:/]+):?([0-9]*)$", client$apiAddress))[[1]]
  if (length(place) == 0) stop("ALGORITHMIA_API has to be an http:// address, as algo serve sets it", call. = FALSE)
  port <- if (nzchar(place[3])) as.integer(place[3]) else 80L
  link <- socketConnection(place[2], port, blocking = TRUE, open = "r+b", timeout = 600)
  on.exit(close(link))
  key <- if (is.na(client$apiKey)) "" else sprintf("Authorization: Simple %s\r\n", client$apiKey)
  head <- sprintf(
    "%s %s HTTP/1.0\r\nHost: %s:%d\r\nContent-Type: %s\r\nContent-Length: %d\r\n%s\r\n",
    method, utils::URLencode(path), place[2], port, type, length(body), key
  )
  writeBin(c(charToRaw(head), body), link)
  pieces <- list()
  while (length(piece <- readBin(link, "raw", 65536L)) > 0) pieces[[length(pieces) + 1]] <- piece
  said <- do.call(c, pieces)
  end <- kit_end_of_head(said)
  lines <- strsplit(rawToChar(said[seq_len(end - 1)]), "\r\n", fixed = TRUE)[[1]]
  headers <- sub("^[^:]*: *", "", lines[-1])
  names(headers) <- tolower(sub(":.*", "", lines[-1]))
  list(
    status = as.integer(strsplit(lines[1], " ", fixed = TRUE)[[1]][2]),
    headers = as.list(headers), body = said[-seq_len(end + 3)]
  )
}

# Where the two line ends behind the headers begin.
kit_end_of_head <- function(said) {
  ends <- grepRaw("\r\n\r\n", said, fixed = TRUE)
  if (length(ends) == 0) stop("the answer of ALGORITHMIA_API is no HTTP", call. = FALSE)
  ends[1]
}

# The answer, where it is a success.
kit_checked <- function(answer) {
  if (answer$status >= 200 && answer$status < 300) return(answer)
  told <- tryCatch(kit_read(answer$body)$error$message, error = function(one) NULL)
  if (is.null(told)) told <- answer$headers[["x-error-message"]]
  stop(sprintf("Data API Error: %s", if (is.null(told)) answer$status else told), call. = FALSE)
}

kit_algorithm <- function(client, algoRef) {
  options <- list(output = "default")
  algorithm <- new.env()
  algorithm$algoUrl <- paste0("/v1/algo/", sub("^(algo://|/)", "", algoRef))
  algorithm$setOptions <- function(timeout = 300, stdout = FALSE, output = "default", parameters = list()) {
    options <<- c(list(timeout = timeout, stdout = tolower(stdout), output = output), parameters)
    invisible(algorithm)
  }
  algorithm$pipe <- function(input) {
    asked <- options[!(names(options) == "output" & options == "default")]
    query <- paste(names(asked), unlist(asked), sep = "=", collapse = "&")
    url <- if (nzchar(query)) paste(algorithm$algoUrl, query, sep = "?") else algorithm$algoUrl
    answer <- if (is.raw(input)) {
      kit_ask(client, "POST", url, input)
    } else {
      kit_ask(client, "POST", url, kit_json(input), "application/json")
    }
    if (options$output == "raw") return(answer$body)
    said <- kit_read(answer$body)
    if (!is.null(said$error)) stop(sprintf("Algorithm error: %s", said$error$message), call. = FALSE)
    if (identical(said$metadata$content_type, "binary")) said$result <- jsonlite::base64_dec(said$result)
    said
  }
  algorithm
}

kit_url <- function(dataUrl) paste0("/v1/data/", sub("/+$", "", sub("^(data://|/)", "", dataUrl)))

kit_file <- function(client, dataUrl) {
  file <- new.env()
  file$dataFileUrl <- url <- kit_url(dataUrl)
  read <- function() kit_checked(kit_ask(client, "GET", url))$body
  put <- function(body) {
    kit_checked(kit_ask(client, "PUT", url, body))
    invisible(file)
  }
  file$exists <- function() {
    answer <- kit_ask(client, "HEAD", url)
    answer$status == 200 && !identical(answer$headers[["x-data-type"]], "directory")
  }
  file$getName <- function() basename(url)
  file$getRaw <- read
  file$getString <- function() kit_text(read())
  file$getJson <- function() kit_read(read())
  file$getFile <- function() {
    place <- tempfile(fileext = sub("^[^.]*", "", basename(url)))
    writeBin(read(), place)
    place
  }
  file$put <- function(data) put(if (is.raw(data)) data else charToRaw(enc2utf8(data)))
  file$putJson <- function(data) put(kit_json(data))
  file$putFile <- function(fileName) put(readBin(fileName, "raw", base::file.size(fileName)))
  file$delete <- function() {
    kit_checked(kit_ask(client, "DELETE", url))
    invisible(file)
  }
  file
}

kit_folder <- function(client, dataUrl) {
  folder <- new.env()
  folder$dataDirectoryUrl <- url <- kit_url(dataUrl)
  path <- sub("^/v1/data/", "", url)
  folder$getName <- function() basename(url)
  folder$getParent <- function() dirname(url)
  folder$exists <- function() {
    answer <- kit_ask(client, "HEAD", url)
    answer$status == 200 && identical(answer$headers[["x-data-type"]], "directory")
  }
  folder$create <- function(acl = NULL) {
    wanted <- c(list(name = basename(url)), if (!is.null(acl)) list(acl = readers(acl)))
    kit_checked(kit_ask(client, "POST", dirname(url), kit_json(wanted), "application/json"))
    invisible(folder)
  }
  folder$delete <- function(force = FALSE) {
    kit_checked(kit_ask(client, "DELETE", if (force) paste0(url, "?force=true") else url))
    invisible(folder)
  }
  folder$file <- function(name) kit_file(client, file.path(path, name))
  folder$dir <- function(name) kit_folder(client, file.path(path, name))
  folder$files <- function() kit_items(client, url, "files", "filename", folder$file)
  folder$dirs <- function() kit_items(client, url, "folders", "name", folder$dir)
  folder$getPermissions <- function() {
    who <- kit_read(kit_checked(kit_ask(client, "GET", paste0(url, "?acl=true")))$body)$acl$read
    list(read_acl = if (length(who) == 0) "PRIVATE" else who[[1]])
  }
  folder$updatePermissions <- function(acl) {
    kit_checked(kit_ask(client, "PATCH", url, kit_json(list(acl = readers(acl))), "application/json"))
    invisible(folder)
  }
  folder
}

# What goes through a folder, a page at a time.
kit_items <- function(client, url, list, key, made) {
  names <- character()
  at <- 0
  marker <- ""
  fill <- function() {
    while (at >= length(names) && !is.null(marker)) {
      page <- kit_read(kit_checked(kit_ask(client, "GET", if (nzchar(marker)) paste0(url, "?marker=", marker) else url))$body)
      names <<- vapply(page[[list]], function(one) one[[key]], "")
      at <<- 0
      marker <<- page$marker
    }
  }
  list(
    hasNext = function() {
      fill()
      at < length(names)
    },
    getNext = function() {
      fill()
      if (at >= length(names)) stop("There are no elements left", call. = FALSE)
      at <<- at + 1
      made(names[at])
    }
  )
}
