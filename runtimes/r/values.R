# What goes in and comes out: JSON is lists and scalars, a string is text, raw is binary.

JSON <- "application/json"
FORM <- "application/x-www-form-urlencoded"
PARTS <- "application/vnd.algo.parts"
TEXT <- "text/plain; charset=utf-8"
BINARY <- "application/octet-stream"
SHORT <- 300 # bytes: no number among them is beyond all doubles unless it has an exponent
# Of each byte: whether it may be that of an exponent, or is none of JSON in ASCII.
EXPONENT <- 1L
OTHER <- 2L
KINDS <- c(OTHER, integer(127), rep(OTHER, 128))
KINDS[utf8ToInt("eE") + 1L] <- EXPONENT
KINDS[utf8ToInt("\v\f") + 1L] <- OTHER # which jsonlite takes for white space
# What no double may hold: with an exponent of two digits, a number of fewer fits.
MAY_BE_INFINITE <- "[eE][+]?[0-9]{3}|[0-9]{200}"
LARGE <- "(?<![0-9])-?(?:[0-9]++(?:[.][0-9]++)?[eE][+]?[0-9]{3,}|[0-9]{200,}+(?:[.][0-9]++)?(?:[eE][-+]?[0-9]+)?)"

# What `validate` and `parse_json` of jsonlite end at: the way there takes ten times as long. A
# jsonlite that has them under other names is asked the long way.
native <- function(name, otherwise) get0(name, asNamespace("jsonlite"), inherits = FALSE, ifnotfound = otherwise)
read_json <- native("R_parse", NULL)
parse_string <- if (is.null(read_json)) function(source) jsonlite::parse_json(source) else function(source) .Call(read_json, source, FALSE)
is_json <- native("R_validate", NULL)
validate <- if (is.null(is_json)) jsonlite::validate else function(source) .Call(is_json, source)

# The request's body is not what its content type says, or the result cannot be sent.
problem <- function(fault, code, message) {
  stop(structure(
    class = c("problem", "error", "condition"),
    list(message = message, call = NULL, fault = fault, code = code)
  ))
}

bad_input <- function(code, message) problem("input", code, message)
bad_result <- function(code, message) problem("result", code, message)

# Return the value of a request's body. A form, which plain `curl -d` claims to send, counts as JSON.
decode <- function(body, content_type) {
  words <- trimws(strsplit(paste0(content_type, ";"), ";", fixed = TRUE)[[1]])
  kind <- tolower(words[1])
  if (kind %in% c("", JSON, FORM) || endsWith(kind, "+json")) return(parse_json(body))
  if (startsWith(kind, "text/")) return(text(body, words[-1]))
  if (kind == PARTS) return(parts(body))
  body
}

text <- function(body, parameters) {
  named <- sub('^charset="?([^"]*)"?$', "\\1", grep("^charset=", parameters, value = TRUE, ignore.case = TRUE), ignore.case = TRUE)
  if (length(named) == 0 || tolower(named[1]) == "utf-8") return(checked(body))
  if (!any(tolower(iconvlist()) == tolower(named[1]))) {
    bad_input("unknown_charset", paste("there is no charset", named[1]))
  }
  found <- iconv(list(body), named[1], "UTF-8")
  if (is.na(found)) bad_input("not_utf8", paste("the body is not", named[1]))
  found
}

# Return the bytes as text. R's strings end at the first zero byte, so there can be none.
checked <- function(body) {
  if (length(body) == 0) return("")
  if (any(body == 0)) bad_input("unsupported", "the body has a zero byte, which no text of R can hold")
  found <- utf8(body)
  if (!validUTF8(found)) bad_input("not_utf8", sprintf("the body is not UTF-8 at byte %d", broken(body)))
  found
}

# Return where bytes stop to be UTF-8: the longest valid beginning, found by halving.
broken <- function(body) {
  low <- 0
  high <- length(body)
  while (low < high) {
    middle <- (low + high + 1) %/% 2
    # What is cut off within a character is no fault of what comes before.
    fits <- any(vapply(0:3, function(less) validUTF8(rawToChar(body[seq_len(max(middle - less, 0))])), NA))
    if (fits) low <- middle else high <- middle - 1
  }
  while (low > 0 && !validUTF8(rawToChar(body[seq_len(low)]))) low <- low - 1
  low
}

# Return the value of a text that is short and in ASCII, without an exponent.
parse_short <- function(source) {
  if (!is.null(read_json) && .Call(is_json, source)) .Call(read_json, source, FALSE) else parse_json(charToRaw(source))
}

parse_json <- function(body) {
  # To catch errors takes longer than to read a short text, which cannot nest so deep that R fails.
  if (length(body) < SHORT && (kind <- max(0L, KINDS[as.integer(body) + 1L])) < OTHER) {
    source <- rawToChar(body)
    if (validate(source)) {
      if (kind == EXPONENT) finite(source)
      return(parse_string(source))
    }
  }
  if (any(body == 0)) { # no text of R can hold one, and no JSON has one
    before <- checked(body[seq_len(match(0, as.integer(body)) - 1)])
    malformed(before, nchar(before), "a zero byte")
  }
  source <- checked(body)
  tryCatch(
    {
      # The parser of lists takes NaN and comments; this one is strict and says where.
      valid <- jsonlite::validate(source)
      if (!valid) stop(attr(valid, "err"))
      if (grepl("[\v\f]", source)) stop("this is no white space of JSON")
      finite(source)
      jsonlite::parse_json(source)
    },
    error = function(error) {
      if (inherits(error, "problem")) stop(error)
      malformed(source, wrong(source), strsplit(conditionMessage(error), "\n", fixed = TRUE)[[1]][1])
    }
  )
}

# Refuse a text whose first `good` characters are the beginning of JSON.
malformed <- function(source, good, what) {
  lines <- strsplit(paste0(substr(source, 1, good), "\u0001"), "\n", fixed = TRUE)[[1]]
  bad_input("malformed_json", sprintf(
    "the body is not JSON: %s at line %d, column %d", trimws(what), length(lines), nchar(lines[length(lines)])
  ))
}

# Refuse a number beyond all doubles, which would become Inf: no value of JSON.
finite <- function(source) {
  if (!grepl(MAY_BE_INFINITE, source, perl = TRUE, useBytes = TRUE)) return(invisible())
  at <- gregexpr(LARGE, source, perl = TRUE, useBytes = TRUE)
  found <- suppressWarnings(as.numeric(regmatches(source, at)[[1]]))
  begins <- at[[1]][is.infinite(found)]
  if (length(begins) == 0) return(invisible())
  # A letter in place of its last digit breaks the JSON where it is a number, not where it is in a text.
  bytes <- charToRaw(source)
  ends <- (at[[1]] + attr(at[[1]], "match.length") - 1)[is.infinite(found)]
  said <- validate(utf8(replace(bytes, ends, as.raw(120))))
  if (said) return(invisible())
  first <- max(begins[begins <= attr(said, "offset")])
  malformed(source, nchar(utf8(bytes[seq_len(first - 1)])), "the number is too large")
}

# Return the value that is made of the parts of a form.
parts <- function(body) {
  tryCatch(
    {
      at <- 4 + unsigned(body[1:4])
      root <- NULL
      for (part in jsonlite::parse_json(utf8(body[5:at]))) {
        if (at + part$length > length(body)) stop("the body ends within a part")
        content <- if (part$length == 0) raw() else body[at + seq_len(part$length)]
        root <- put(root, part$path, decode(content, part$content_type))
        at <- at + part$length
      }
      if (is.null(root)) structure(list(), names = character()) else root
    },
    error = function(error) {
      if (inherits(error, "problem")) stop(error)
      bad_input("malformed_parts", paste("the parts of the body are malformed:", conditionMessage(error)))
    }
  )
}

put <- function(holder, path, content) {
  if (length(path) == 0) return(content)
  key <- path[[1]]
  if (is.numeric(key)) {
    key <- key + 1
    if (!is.list(holder)) holder <- list()
    if (key > length(holder) + 1) stop(sprintf("nothing can be put at %d", key - 1))
    old <- if (key > length(holder)) NULL else holder[[key]]
  } else {
    if (!is.list(holder)) holder <- structure(list(), names = character())
    old <- holder[[key]]
  }
  holder[[key]] <- put(old, path[-1], content)
  holder
}

# Return the content type of a result, and what is sent of it: text or bytes.
encode <- function(value) {
  if (is.double(value) && length(value) == 1 && is.null(attributes(value)) && is.finite(value)) {
    return(list(JSON, digits(value)))
  }
  if (is.raw(value)) return(list(BINARY, value))
  if (is.character(value) && length(value) == 1 && is.null(names(value)) && !inherits(value, "json") && !is.na(value)) {
    return(list(TEXT, enc2utf8(unclass(value))))
  }
  written <- tryCatch(
    json(value),
    error = function(error) {
      if (inherits(error, "problem")) stop(error)
      bad_result("result_not_serialisable", paste("the result is not JSON:", conditionMessage(error)))
    }
  )
  list(JSON, enc2utf8(written))
}

# Return a value in JSON. jsonlite writes 15 digits of a number and NaN as text; this writes as many
# digits as tell the number apart from all others.
json <- function(value) {
  if (is.null(value)) return("null")
  # Most values are plain; whatever has a class or a shape is looked at more closely.
  if (is.null(oldClass(value)) && is.null(dim(value)) && !is.raw(value)) return(plain(value))
  if (is.data.frame(value)) return(records(value))
  if (inherits(value, "json")) return(paste(unclass(value), collapse = ""))
  if (inherits(value, c("Date", "POSIXt"))) value <- format(value, if (inherits(value, "Date")) "%Y-%m-%d" else "%Y-%m-%dT%H:%M:%OSZ", tz = "UTC")
  if (is.factor(value)) value <- as.character(value)
  if (is.raw(value)) return(text_of(jsonlite::base64_enc(value)))
  if (is.matrix(value) || is.array(value)) return(rows(value))
  plain(value)
}

plain <- function(value) {
  if (is.list(value)) {
    columns <- if (is.null(names(value)) && length(value) > 20) columns_of(value)
    if (!is.null(columns)) return(objects(columns))
    items <- vapply(value, json, "", USE.NAMES = FALSE)
  } else if (is.atomic(value)) {
    items <- scalars(value)
    if (length(items) == 1 && is.null(names(value)) && !inherits(value, "AsIs")) return(items)
  } else if (is.function(value)) {
    stop("a function has no JSON form; one that streams is the whole result, and its first argument is called emit")
  } else {
    stop(sprintf("%s has no JSON form", class(value)[1]))
  }
  if (is.null(names(value))) return(paste0("[", paste(items, collapse = ","), "]"))
  if (length(items) == 0) return("{}")
  paste0("{", paste(text_of(names(value)), items, sep = ":", collapse = ","), "}")
}

# The elements of a vector. NA is a missing value, which is null; NaN and Inf are none.
scalars <- function(value) {
  missing <- is.na(value)
  if (is.character(value)) return(instead(text_of(value), missing))
  if (is.logical(value)) return(instead(c("false", "true")[value + 1], missing))
  if (is.integer(value)) return(instead(as.character(value), missing))
  if (!is.numeric(value)) stop(sprintf("%s has no JSON form", class(value)[1]))
  if (any(is.nan(value) | is.infinite(value))) {
    bad_result("result_not_finite", "the result holds NaN or Infinity, which JSON has not")
  }
  written <- character(length(value))
  written[!missing] <- digits(value[!missing])
  instead(written, missing)
}

digits <- function(numbers) {
  written <- sprintf("%.15g", numbers)
  long <- as.numeric(written) != numbers
  # as.numeric is off by a digit here and there: of a fraction, the parser has the last word.
  unsure <- which(!long & (numbers != trunc(numbers) | abs(numbers) >= 1e15))
  if (length(unsure)) long[unsure] <- read_back(written[unsure]) != numbers[unsure]
  if (any(long)) written[long] <- sprintf("%.17g", numbers[long])
  written
}

read_back <- function(written) {
  if (length(written) == 1) return(parse_string(written))
  unlist(parse_string(paste0("[", paste(written, collapse = ","), "]")))
}

instead <- function(written, missing) {
  if (any(missing)) written[missing] <- "null"
  written
}

text_of <- function(texts) {
  found <- enc2utf8(as.character(texts))
  if (!any(grepl("[\\x01-\\x1f\"\\\\]", found, perl = TRUE))) return(paste0("\"", found, "\""))
  for (pair in list(c("\\", "\\\\"), c("\"", "\\\""), c("\n", "\\n"), c("\r", "\\r"), c("\t", "\\t"))) {
    found <- gsub(pair[1], pair[2], found, fixed = TRUE)
  }
  for (code in intersect(1:31, unlist(lapply(found, utf8ToInt)))) {
    found <- gsub(intToUtf8(code), sprintf("\\u%04x", code), found, fixed = TRUE)
  }
  paste0("\"", found, "\"")
}

# A data frame is a list of records, whose missing values are null.
records <- function(frame) {
  if (nrow(frame) == 0) return("[]")
  if (length(frame) == 0) return(paste0("[", paste(rep("{}", nrow(frame)), collapse = ","), "]"))
  objects(lapply(frame, function(column) {
    if (is.list(column)) vapply(column, json, "") else scalars(if (is.factor(column)) as.character(column) else column)
  }))
}

# Return the columns of a list of records that all have the same fields of one value each, written
# as JSON; NULL when it is no such list. A call for each value would take R 25 microseconds.
columns_of <- function(value) {
  first <- names(value[[1]])
  same <- function(one) is.list(one) && identical(names(one), first)
  if (length(first) == 0 || anyDuplicated(first) || !all(vapply(value, same, NA))) return(NULL)
  columns <- list()
  for (name in first) {
    column <- lapply(value, `[[`, name)
    kinds <- unique(vapply(column, typeof, ""))
    if (length(kinds) != 1 || !(kinds %in% c("double", "integer", "character", "logical"))) return(NULL)
    if (any(lengths(column) != 1) || !all(vapply(column, function(one) is.null(attributes(one)), NA))) return(NULL)
    columns[[name]] <- scalars(unlist(column))
  }
  columns
}

objects <- function(columns) {
  fields <- Map(function(name, column) paste(text_of(name), column, sep = ":"), names(columns), columns)
  paste0("[", paste0("{", do.call(paste, c(unname(fields), sep = ",")), "}", collapse = ","), "]")
}

# A matrix is a list of its rows, an array of more dimensions a list of those.
rows <- function(value) {
  along <- seq_len(dim(value)[1])
  pick <- function(at) {
    index <- c(list(at), rep(list(TRUE), length(dim(value)) - 1))
    I(do.call(`[`, c(list(unname(value)), index)))
  }
  paste0("[", paste(vapply(along, function(at) json(pick(at)), ""), collapse = ","), "]")
}
