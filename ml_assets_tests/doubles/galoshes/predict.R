# Rscript predict.R INPUTS OUTPUTS
arguments <- commandArgs(trailingOnly = TRUE)
fit <- readRDS(file.path(arguments[1], "model", "glm.rds"))
rows <- read.csv(file.path(arguments[1], "features", "features.csv"))
answer <- data.frame(prediction = sprintf("%.17g", predict(fit, rows, type = "response")))
write.csv(answer, file.path(arguments[2], "predictions.csv"), row.names = FALSE, quote = FALSE)
