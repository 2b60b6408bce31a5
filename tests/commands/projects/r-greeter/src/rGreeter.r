library(algorithmia)
library("stats")

# API calls will begin at the algorithm() method, with the request body passed as 'input'
# For more details, see algorithmia.com/developers/algorithm-development/languages
algorithm <- function(input, names) {
  if (is.raw(input)) return(rev(input))
  if (!is.character(input)) stop("give a name")
  list(greeting = paste("Hello", input), known = input %in% names)
}

load <- function() readLines("names.txt")

algo <- getAlgorithmHandler(algorithm, load)
algo$serve()
