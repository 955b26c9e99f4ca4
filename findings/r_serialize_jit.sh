#!/usr/bin/env bash
# R 4.2.2 (Debian's r-base-core): what saveRDS writes of a fitted glm depends on how often its functions were called before.
#
# A glm holds its family, whose functions are closures. R compiles a closure when it has been called twice (enableJIT level 3), and
# serialize() writes the compiled form with it. So the same fit gives other bytes in a process that has fitted before: a model
# that was trained in one go and one that was taken up from a checkpoint are equal, and their files are not. With
# compiler::enableJIT(0) at the top of the script the bytes are the same.
# Seen: identical FALSE by default, TRUE without the compiler.
set -euo pipefail
command -v Rscript >/dev/null || { echo "there is no R here (Debian: apt-get install r-base-core)" >&2; exit 1; }
program='
family <- binomial(); x <- 1:6; y <- c(0, 1, 0, 1, 1, 0)
before <- serialize(family, NULL)
for (n in 1:3) invisible(glm(y ~ x, family))
cat(identical(before, serialize(family, NULL)))'
by_default=$(Rscript -e "$program")
without=$(Rscript -e 'invisible(compiler::enableJIT(0))' -e "$program")
echo "$(Rscript --version 2>&1): a family's bytes are the same after three fits: $by_default by default, $without without the compiler"
[ "$by_default" = FALSE ] && [ "$without" = TRUE ] || { echo "this has changed" >&2; exit 1; }
