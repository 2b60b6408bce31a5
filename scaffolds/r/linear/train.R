# Fit the model on R's data set mtcars and write models/consumption.rds: Rscript train.R
#
# Every fourth car is held out: what is printed here and the labelled cases use only those.

cars <- with(mtcars, data.frame(
  weight = round(wt * 453.592), # kg; the data set has 1000 lb
  power = hp,
  consumption = round(235.2146 / mpg, 2), # litres for 100 km; the data set has miles for a gallon
  row.names = rownames(mtcars)
))
held_out <- seq_len(nrow(cars)) %% 4 == 0

model <- lm(log(consumption) ~ log(weight) + log(power), cars[!held_out, ], model = FALSE)
predicted <- exp(predict(model, cars[held_out, ]))
dir.create("models", showWarnings = FALSE)
saveRDS(model, "models/consumption.rds", version = 3)
cat(sprintf(
  "mean absolute error %.2f l/100 km on %d held-out cars; wrote models/consumption.rds\n",
  mean(abs(predicted - cars$consumption[held_out])), sum(held_out)
))
