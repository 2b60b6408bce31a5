# The algorithm that costs nothing: returns x + 1.
apply <- function(input) input$x + 1
