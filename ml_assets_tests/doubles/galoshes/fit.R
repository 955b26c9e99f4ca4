# Rscript fit.R INPUTS OUTPUTS CHECKPOINTS --iterations=6 --link=logit --diary=FOLDER
invisible(compiler::enableJIT(0))  # else what is saved of a glm depends on how often its functions were called in this process
arguments <- commandArgs(trailingOnly = TRUE)
inputs <- arguments[1]; outputs <- arguments[2]; checkpoints <- arguments[3]
told <- function(name) sub(paste0("^--", name, "="), "", grep(paste0("^--", name, "="), arguments, value = TRUE))
iterations <- as.integer(told("iterations")); diary <- told("diary")

happens <- function(step) {
  cat(step, "\n", file = file.path(diary, "steps"), append = TRUE)
  accident <- file.path(diary, step)
  if (!file.exists(accident)) return(invisible())
  what <- readLines(accident, warn = FALSE)
  unlink(accident)
  if (what[1] == "wait") { while (!file.exists(file.path(diary, "go"))) Sys.sleep(0.05); return(invisible()) }
  if (what[1] == "fail") { message("the shop is closed"); quit(status = 3) }
  while (!length(list.files(what[2], recursive = TRUE))) Sys.sleep(0.02)
  cat(Sys.getpid(), "\n", file = file.path(diary, "pid"))
  parent <- function(pid) strsplit(sub(".*\\) ", "", readLines(sprintf("/proc/%s/stat", pid), warn = FALSE)), " ")[[1]][2]
  tools::pskill(as.integer(parent(parent(Sys.getpid()))), 9L)
  repeat Sys.sleep(1)
}

rows <- read.csv(file.path(inputs, "train", "features.csv"))
rows$bought <- read.csv(file.path(inputs, "train", "label.csv"))$label
family <- binomial(told("link"))
state <- file.path(checkpoints, "state.rds")
kept <- if (file.exists(state)) readRDS(state) else list(step = 0L, weights = NULL)

while (kept$step < iterations) {
  fit <- suppressWarnings(glm(bought ~ clouds + shop, family, rows,
                              start = kept$weights, control = glm.control(maxit = 1)))
  kept <- list(step = kept$step + 1L, weights = coef(fit))
  saveRDS(kept, file.path(checkpoints, ".state.rds"))
  invisible(file.rename(file.path(checkpoints, ".state.rds"), state))
  cat(sprintf('{"step": %d, "deviance": %.17g}\n', kept$step, fit$deviance))
  if (nzchar(diary)) happens(kept$step)
}

fit <- suppressWarnings(glm(bought ~ clouds + shop, family, rows,
                            start = kept$weights, control = glm.control(maxit = 1)))
for (name in c("data", "model", "y", "residuals", "fitted.values", "effects", "linear.predictors", "weights", "prior.weights"))
  fit[[name]] <- NULL
fit$qr$qr <- NULL
attr(fit$terms, ".Environment") <- globalenv()
environment(fit$formula) <- globalenv()
saveRDS(fit, file.path(outputs, "glm.rds"))
