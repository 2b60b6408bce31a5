library(algorithmia)

client <- getAlgorithmiaClient("simHARDCODED", "https://api.algorithmia.com")

# Does with data what the input says.
algorithm <- function(input) {
  if (is.character(input)) return(paste("hello", input))
  file <- client$file(input$path)
  dir <- client$dir(input$path)
  switch(input$do,
    put = file$put(input$text),
    get = return(file$getString()),
    bytes = return(file$getRaw()),
    make = dir$create(ReadAcl.PUBLIC),
    list = {
      names <- list()
      found <- dir$files()
      while (found$hasNext()) names <- c(names, found$getNext()$getName())
      return(names)
    },
    exists = return(list(file$exists(), dir$exists())),
    delete = if (isTRUE(input$folder)) dir$delete(TRUE) else file$delete(),
    call = return(tryCatch(
      client$algo(input$path)$pipe(input$text)$result,
      error = function(e) paste("failed:", conditionMessage(e))
    ))
  )
  "done"
}

algo <- getAlgorithmHandler(algorithm)
algo$serve()
